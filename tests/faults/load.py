"""A seeded load: clicks, reviews, statements, retractions before and after their events, duplicates, erasures.

What it holds is within the bounds of a user's state (docs/promises.md), so that one final state is right whatever
happens on the way: nobody who retracts has more events than a ring, no duplicate comes after 64 other events.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from random import Random
from typing import Any

Body = dict[str, Any]
CLICKS, REVIEWS, COMMANDS, ITEMS = "clicks", "reviews", "commands", "items"

_GENRES = ("Western", "Horror", "Romance", "Comedy", "War", "Space")
_NOUNS = ("House", "River", "Letter", "Captain", "Garden", "Night")
_TEXTS = (
    "I love slow westerns",
    "Nothing beats a good ghost story",
    "A warm and funny love story",
    "Too long, and the ending is weak",
    "我喜欢看电影，尤其是科幻片",
    "Great space battles, poor dialogue",
    "Made me laugh out loud",
    "A quiet film about a war",
)
_ACTIONS = ("view", "click", "click", "click", "cart", "purchase", "like", "dismiss", "impression", "rate")
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class Event:
    """What a user did or wrote. `action`: a line of the weights file, or rate; `rating`: 1 to 5 for that."""

    event_id: str
    user: str
    time_ms: int
    action: str
    item: str | None = None
    rating: int | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One record to send. `timestamp_ms` None: of its sending. `name`: the event's or the command's id."""

    topic: str
    key: str
    name: str
    body: Body | bytes
    timestamp_ms: int | None = None

    def value(self) -> bytes:
        """As it is sent."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body, ensure_ascii=False).encode()


@dataclass(frozen=True)
class Load:
    """What happened (`events`), what was taken back of it, who was erased, and the messages that say so, in order."""

    seed: int
    events: tuple[Event, ...]
    retracted: frozenset[str]
    erased: frozenset[str]
    messages: tuple[Message, ...]
    poison: tuple[Message, ...] = field(default=())

    @property
    def command_ids(self) -> frozenset[str]:
        """Every command that has to be answered."""
        return frozenset(each.name for each in self.messages if each.topic == COMMANDS)

    def names(self) -> frozenset[str]:
        """The events and commands that lists have to name; what erased users did need not be, an erasure cannot be."""
        told = [each for each in self.messages if each.topic in {CLICKS, REVIEWS, COMMANDS}]
        poison = {each.name for each in self.poison}
        return frozenset(each.name for each in told if each.key not in self.erased and each.name not in poison)

    def halves(self) -> tuple["Load", "Load"]:
        """The same messages in two parts, to be sent one after the other."""
        middle = len(self.messages) // 2
        return replace(self, messages=self.messages[:middle]), replace(self, messages=self.messages[middle:])


@dataclass(frozen=True, slots=True)
class Shape:
    """How many of what: `many` users of 40 events each, `usual` ones of 4 to 16, `erased` ones of 6."""

    usual: int = 30
    many: int = 4
    erased: int = 3
    late_share: float = 0.0  # of the events, a day old when they come


SHOWN: list[Body] = [
    {"item_id": f"f{n}", "title": f"{noun} of {genre} ({1970 + n})", "facets": {"genre": [genre], "domain": "film"}}
    for n, (noun, genre) in enumerate((noun, genre) for noun in _NOUNS for genre in _GENRES)
]
HIDDEN: list[Body] = [
    {"item_id": f"late{n}", "title": f"The Late Film {n}", "facets": {"genre": ["War"]}} for n in range(2)
]


def make_load(seed: int, now_ms: int, shape: Shape | None = None) -> Load:
    """Make up a load; the same for the same seed and time. Event times are of the hour before `now_ms`."""
    shape, random = shape or Shape(), Random(seed)
    many, usual = [f"m{n}" for n in range(shape.many)], [f"u{n}" for n in range(shape.usual)]
    erased = [f"e{n}" for n in range(shape.erased)]
    counts = dict.fromkeys(many, 40) | {user: random.randint(4, 16) for user in usual} | dict.fromkeys(erased, 6)
    owners = [user for user, count in counts.items() for _ in range(count)]
    random.shuffle(owners)
    begun_ms = now_ms - _HOUR_MS
    events = [_event(random, n, user, begun_ms + 1000 * n) for n, user in enumerate(owners)]
    events = [
        replace(each, time_ms=each.time_ms - _DAY_MS) if random.random() < shape.late_share else each for each in events
    ]
    messages = [_tell(each, now_ms if each.user in erased else None) for each in events]
    retractions = _retractions(random, [each for each in events if each.user in set(usual)], now_ms)
    messages = _among(random, messages, (_anywhere(random, each, len(messages)) for each in retractions))
    again = [(place + random.randint(1, 40), message) for place, message in enumerate(messages)]
    messages = _among(random, messages, (each for each in again if random.random() < 0.05))
    ends = ((len(messages), _command("erase", user, f"erase-{user}", now_ms)) for user in erased)
    shown = ((len(messages) * 2 // 3, Message(ITEMS, item["item_id"], item["item_id"], item)) for item in HIDDEN)
    messages = _among(random, messages, chain(ends, shown))
    taken_back = frozenset(each.body["event_id"] for each in retractions if isinstance(each.body, dict))
    return Load(seed, tuple(events), taken_back, frozenset(erased), tuple(messages))


def shuffled(load: Load, within: int) -> Load:
    """The same messages, each at most `within` places from where it was."""
    random = Random(load.seed)
    places = [(n + random.uniform(0, within), n) for n in range(len(load.messages))]
    return replace(load, messages=tuple(load.messages[n] for _, n in sorted(places)))


def twice(load: Load) -> Load:
    """Each message sent two times in a row."""
    return replace(load, messages=tuple(each for each in load.messages for _ in range(2)))


def poisoned(load: Load, share: float) -> Load:
    """Messages that nobody can use among the good ones."""
    random = Random(load.seed)
    count = max(1, round(share * len(load.messages)))
    poison = tuple(_poison(random, n) for n in range(count))
    places = ((random.randrange(len(load.messages)), message) for message in poison)
    return replace(load, messages=tuple(_among(random, load.messages, places)), poison=poison)


def _event(random: Random, number: int, user: str, time_ms: int) -> Event:
    item = random.choice(SHOWN if random.random() < 0.97 else HIDDEN)["item_id"]
    chance = random.random()
    if chance < 0.1:
        return Event(f"s{number}", user, time_ms, "statement", text=random.choice(_TEXTS))
    if chance < 0.2:
        rating = random.choice((None, 1, 2, 3, 4, 5))
        return Event(f"r{number}", user, time_ms, "review", str(item), rating, random.choice(_TEXTS))
    action = random.choice(_ACTIONS)
    rating = random.randint(1, 5) if action == "rate" else None
    return Event(f"c{number}", user, time_ms, action, str(item), rating)


def _tell(event: Event, timestamp_ms: int | None) -> Message:
    """An event as its producer sends it."""
    body: Body = {"event_id": event.event_id, "user_id": event.user, "event_time": event.time_ms}
    if event.item is not None:
        body["item_id"] = event.item
    if event.text is not None:
        body |= {"text": event.text} | ({"rating": event.rating} if event.rating is not None else {})
        return Message(REVIEWS, event.user, event.event_id, body, timestamp_ms)
    body |= {"type": event.action} | ({"value": event.rating} if event.rating is not None else {})
    return Message(CLICKS, event.user, event.event_id, body, timestamp_ms)


def _command(kind: str, user: str, command_id: str, time_ms: int, **more: str) -> Message:
    body = {"command_id": command_id, "type": kind, "user_id": user, "event_time": time_ms, **more}
    return Message(COMMANDS, user, command_id, body)


def _retractions(random: Random, events: Sequence[Event], now_ms: int) -> list[Message]:
    """Commands that take back some events, a few of them two times; an impression counts nothing, so it is left."""
    targets = [each for each in events if each.action != "impression" and random.random() < 0.08]
    targets += [each for each in targets if random.random() < 0.2]
    return [_command("retract", each.user, f"k{n}", now_ms, event_id=each.event_id) for n, each in enumerate(targets)]


def _poison(random: Random, number: int) -> Message:
    name, user = f"p{number}", f"u{random.randrange(5)}"
    body: Body = {"event_id": name, "user_id": user, "item_id": "f1", "type": "click"}
    spoiled: list[tuple[str, Body | bytes]] = [
        (CLICKS, f'{{"event_id": "{name}", '.encode()),
        (CLICKS, body | {"type": f"unheard-of-{number}"}),
        (CLICKS, {name: value for name, value in body.items() if name != "item_id"}),
        (CLICKS, body | {"event_time": "yesterday"}),
        (REVIEWS, body | {"text": "fine", "rating": 9}),
        (COMMANDS, {"command_id": name, "type": "obliterate", "user_id": user}),
    ]
    topic, made = random.choice(spoiled)
    return Message(topic, user, name, made)


def _anywhere(random: Random, message: Message, size: int) -> tuple[int, Message]:
    return random.randrange(size), message


def _among(random: Random, messages: Sequence[Message], more: Iterable[tuple[int, Message]]) -> list[Message]:
    """Put messages in at their places."""
    places: Iterator[tuple[float, Message]] = ((place + random.random(), message) for place, message in more)
    numbered = [(float(n), message) for n, message in enumerate(messages)]
    return [message for _, message in sorted([*numbered, *places], key=lambda each: each[0])]
