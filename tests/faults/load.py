"""A seeded load: clicks, reviews, statements, retractions before and after their events, duplicates, merges, erasures.

Some of the texts are such as visitors of a shop write: markup, entities, escapes, numbers without end.

What it holds is within the bounds of a user's state (docs/promises.md), so that one final state is right whatever
happens on the way: nobody who retracts has more events than a ring, no duplicate comes after 64 other events.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from random import Random
from typing import Any

from serving.state.user_state import RECENT_TEXTS

Body = dict[str, Any]
CLICKS, REVIEWS, COMMANDS, ITEMS = "clicks", "reviews", "commands", "items"

_GENRES = ("Western", "Horror", "Romance", "Comedy", "War", "Space")
_NOUNS = ("House", "River", "Letter", "Captain", "Garden", "Night")
_PLAIN_TEXTS = (
    "I love slow westerns",
    "Nothing beats a good ghost story",
    "A warm and funny love story",
    "Too long, and the ending is weak",
    "我喜欢看电影，尤其是科幻片",
    "Great space battles, poor dialogue",
    "Made me laugh out loud",
    "A quiet film about a war",
)
_WRITTEN_TEXTS = (  # as somebody wrote it, and what that says
    ("<b>I love</b> slow westerns<br/>", "I love slow westerns"),
    ("Nothing beats a good ghost story &amp; popcorn &#128123;", "Nothing beats a good ghost story & popcorn 👻"),
    ("A war film &#" + "9" * 5000 + ";", "A war film \ufffd"),
    ("\x00\u200bMade me \u0007laugh\t out \n loud", "\u200bMade me laugh out loud"),
    ("<!--" * 400 + "Great space battles", "<!--" * 400 + "Great space battles"),
    ("太好看了！！！！！！！！科幻片", "太好看了！！！科幻片"),
    ("😀😀😀😀😀😀 a comedy", "😀😀😀 a comedy"),
    ("'); SELECT * FROM films; -- \u202eesrever {{7*7}}", "'); SELECT * FROM films; -- \u202eesrever {{7*7}}"),
)
_TEXTS = tuple((text, text) for text in _PLAIN_TEXTS) + _WRITTEN_TEXTS
_ACTIONS = ("view", "click", "click", "click", "cart", "purchase", "like", "dismiss", "impression", "rate")
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


@dataclass(frozen=True, slots=True)
class LoadEvent:
    """What a user did or wrote. `action`: a line of the weights file, or rate; `rating`: 1 to 5 for that."""

    event_id: str
    user: str
    time_ms: int
    action: str
    item: str | None = None
    rating: int | None = None
    text: str | None = None
    written: str | None = None  # how the user wrote the text, if that differs


@dataclass(frozen=True, slots=True)
class LoadMessage:
    """One record to send. `timestamp_ms` None: of its sending. `name`: the event's or the command's id.

    producer: which one sends it (tests/faults/load_sender.py), if not any. odd: the checker asks where it lies; reason:
    why it has to be a dead letter, if there is but one. raw_key: instead of the key; () for none at all.
    """

    topic: str
    key: str
    name: str
    body: Body | bytes
    timestamp_ms: int | None = None
    partition: int | None = None
    producer: str = ""
    odd: bool = False
    reason: str = ""
    headers: tuple[tuple[str, bytes], ...] = ()
    raw_key: bytes | tuple[()] | None = None

    def value(self) -> bytes:
        """As it is sent: every second one with whatever is not ASCII as JSON's escapes, emoji as two of them."""
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, ensure_ascii=len(self.name) % 2 == 0).encode()

    @property
    def key_bytes(self) -> bytes | None:
        """The key as it is sent."""
        if self.raw_key is None:
            return self.key.encode()
        return self.raw_key if isinstance(self.raw_key, bytes) else None


@dataclass(frozen=True)
class Load:
    """What happened (`events`), what was retracted of it, who was erased, and the messages that say so, in order.

    merged: who was merged -> into whom. erased: every user of an erased person. poison: what must become dead letters.
    fuzzed: what may be read, or become a dead letter. hot: users of whom a list cannot name every event.
    """

    seed: int
    events: tuple[LoadEvent, ...]
    retracted: frozenset[str]
    erased: frozenset[str]
    merged: Mapping[str, str]
    messages: tuple[LoadMessage, ...]
    poison: tuple[LoadMessage, ...] = ()
    fuzzed: tuple[LoadMessage, ...] = ()
    hot: frozenset[str] = frozenset()

    @property
    def command_ids(self) -> frozenset[str]:
        """Every command that has to be answered."""
        return frozenset(each.name for each in self.messages if each.topic == COMMANDS and not each.odd)

    def names(self) -> frozenset[str]:
        """The events and commands that lists have to name; what erased users did need not be, an erasure cannot be."""
        told = [each for each in self.messages if each.topic in {CLICKS, REVIEWS, COMMANDS}]
        odd = {each.name for each in (*self.poison, *self.fuzzed)}
        silent = self.erased | self.hot
        return frozenset(each.name for each in told if each.key not in silent and each.name not in odd)

    def person(self, user: str) -> str:
        """Whose state an event of this user is in."""
        return self.merged.get(user, user)

    def halves(self) -> tuple["Load", "Load"]:
        """The same messages in two parts, to be sent one after the other."""
        middle = len(self.messages) // 2
        return replace(self, messages=self.messages[:middle]), replace(self, messages=self.messages[middle:])


@dataclass(frozen=True, slots=True)
class Shape:
    """How many of what: `many` users of 40 events each, `usual` ones of 4 to 16, `erased` ones of 6.

    merged: users of 5 events, each merged into a usual one; one more is merged into each erased one.
    late_share: of the events, a day old when they come. own_texts: none is written twice.
    """

    usual: int = 30
    many: int = 4
    erased: int = 3
    merged: int = 6
    late_share: float = 0.0
    own_texts: bool = False


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
    merged = {f"a{n}": f"u{n // 2}" for n in range(shape.merged)} | {f"x{n}": f"e{n}" for n in range(shape.erased)}
    erased = {user for n in range(shape.erased) for user in (f"e{n}", f"x{n}")}
    begun_ms = now_ms - _HOUR_MS
    events = [
        _event(random, n, user, begun_ms + 1000 * n, shape) for n, user in enumerate(_owners(random, shape, merged))
    ]
    messages = [_tell(each, now_ms if each.user in erased else None) for each in events]
    retractions = _retractions(random, events, merged, now_ms)
    merges = [_command("merge", target, f"j-{user}", now_ms, anonymous_id=user) for user, target in merged.items()]
    # What is said of an erased user is of before the erasure, whenever it comes.
    merges = [replace(each, timestamp_ms=now_ms if each.key in erased else None) for each in merges]
    messages = among(random, messages, ((random.randrange(len(messages)), each) for each in (*retractions, *merges)))
    again = [(place + random.randint(1, 40), message) for place, message in enumerate(messages)]
    messages = among(random, messages, (each for each in again if random.random() < 0.05))
    ends = ((len(messages), _command("erase", f"e{n}", f"erase-e{n}", now_ms)) for n in range(shape.erased))
    shown = ((len(messages) * 2 // 3, LoadMessage(ITEMS, item["item_id"], item["item_id"], item)) for item in HIDDEN)
    messages = among(random, messages, chain(ends, shown))
    retracted = frozenset(each.body["event_id"] for each in retractions if isinstance(each.body, dict))
    return Load(seed, tuple(events), retracted, frozenset(erased), merged, tuple(messages))


def _owners(random: Random, shape: Shape, merged: Mapping[str, str]) -> list[str]:
    """Whose event comes when. A merged person has no more events than a ring."""
    targets = set(merged.values())
    counts = (
        {f"m{n}": 40 for n in range(shape.many)} | dict.fromkeys(merged, 4) | {f"e{n}": 6 for n in range(shape.erased)}
    )
    counts |= {user: random.randint(4, 10 if user in targets else 16) for user in (f"u{n}" for n in range(shape.usual))}
    owners = [user for user, count in counts.items() for _ in range(count)]
    random.shuffle(owners)
    return owners


def steady_load(seed: int, count: int, users: int) -> Load:
    """So many events of so many users, as of their sending; nothing is sent twice, retracted, or silent."""
    random, messages = Random(seed), []
    for number in range(count):
        event = _event(random, number, f"u{random.randrange(users)}", 0, Shape())
        event = replace(event, action="click") if event.action == "impression" else event
        told = _tell(replace(event, item=event.item and str(random.choice(SHOWN)["item_id"])), None)
        assert isinstance(told.body, dict)
        messages.append(replace(told, body={name: value for name, value in told.body.items() if name != "event_time"}))
    return Load(seed, (), frozenset(), frozenset(), {}, tuple(messages))


def shuffled(load: Load, within: int) -> Load:
    """The same messages, each at most `within` places from where it was."""
    random = Random(load.seed)
    places = [(n + random.uniform(0, within), n) for n in range(len(load.messages))]
    return replace(load, messages=tuple(load.messages[n] for _, n in sorted(places)))


def twice(load: Load) -> Load:
    """Each message sent two times in a row."""
    return replace(load, messages=tuple(each for each in load.messages for _ in range(2)))


def with_hot_user(load: Load, clicks: int) -> Load:
    """The load, and behind it so many clicks of one more user."""
    random, user, begun_ms = Random(load.seed), "hot", load.events[0].time_ms
    items = [str(random.choice(SHOWN)["item_id"]) for _ in range(clicks)]
    events = tuple(LoadEvent(f"h{n}", user, begun_ms + n, "click", item) for n, item in enumerate(items))
    told = tuple(_tell(each, None) for each in events)
    return replace(load, events=load.events + events, messages=load.messages + told, hot=frozenset({user}))


def _event(random: Random, number: int, user: str, time_ms: int, shape: Shape) -> LoadEvent:
    time_ms -= _DAY_MS if random.random() < shape.late_share else 0
    written, text = random.choice(_TEXTS)
    written, text = (f"{number}: {each}" if shape.own_texts else each for each in (written, text))
    item = random.choice(SHOWN if random.random() < 0.97 else HIDDEN)["item_id"]
    chance = random.random()
    if chance < 0.1:
        return LoadEvent(f"s{number}", user, time_ms, "statement", text=text, written=written)
    if chance < 0.2:
        rating = random.choice((None, 1, 2, 3, 4, 5))
        return LoadEvent(f"r{number}", user, time_ms, "review", item, rating, text, written)
    action = random.choice(_ACTIONS)
    rating = random.randint(1, 5) if action == "rate" else None
    return LoadEvent(f"c{number}", user, time_ms, action, item, rating)


def _tell(event: LoadEvent, timestamp_ms: int | None) -> LoadMessage:
    """An event as its producer sends it."""
    body: Body = {"event_id": event.event_id, "user_id": event.user, "event_time": event.time_ms}
    if event.item is not None:
        body["item_id"] = event.item
    if event.text is not None:
        body |= {"text": event.written or event.text} | ({"rating": event.rating} if event.rating is not None else {})
        return LoadMessage(REVIEWS, event.user, event.event_id, body, timestamp_ms)
    body |= {"type": event.action} | ({"value": event.rating} if event.rating is not None else {})
    return LoadMessage(CLICKS, event.user, event.event_id, body, timestamp_ms)


def _command(kind: str, user: str, command_id: str, time_ms: int, **more: str) -> LoadMessage:
    body = {"command_id": command_id, "type": kind, "user_id": user, "event_time": time_ms, **more}
    return LoadMessage(COMMANDS, user, command_id, body)


def _retractions(
    random: Random, events: Sequence[LoadEvent], merged: Mapping[str, str], now_ms: int
) -> list[LoadMessage]:
    """Commands that retract some events of usual users, a few of them two times; any user of the person may say so.

    An impression counts nothing, so it is left; so are those of whom not every text is kept.
    """
    texts = Counter(merged.get(each.user, each.user) for each in events if each.text is not None)
    usual = [
        (each, merged.get(each.user, each.user))
        for each in events
        if each.user[0] in "ua" and texts[merged.get(each.user, each.user)] <= RECENT_TEXTS
    ]
    targets = [pair for pair in usual if pair[0].action != "impression" and random.random() < 0.08]
    targets += [pair for pair in targets if random.random() < 0.2]
    return [
        _command("retract", random.choice((event.user, person)), f"k{n}", now_ms, event_id=event.event_id)
        for n, (event, person) in enumerate(targets)
    ]


def among(
    random: Random, messages: Sequence[LoadMessage], more: Iterable[tuple[int, LoadMessage]]
) -> list[LoadMessage]:
    """Put messages in at their places."""
    places: Iterator[tuple[float, LoadMessage]] = ((place + random.random(), message) for place, message in more)
    numbered = [(float(n), message) for n, message in enumerate(messages)]
    return [message for _, message in sorted([*numbered, *places], key=lambda each: each[0])]
