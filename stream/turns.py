"""What one micro-batch does to the users of one partition. Pure but for the states, which are changed in place.

A `Part` collects what has to leave the worker because of it: pairs, dead letters, receipts, waits, and the users who
get a list. Nothing here knows of Kafka or Redis; the pipeline calls it between loading and saving.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

import msgspec

from serving.errors import Reason
from serving.messages import CoVisits, Pair
from serving.state import Ref, UserState, Vector, Waiting
from stream.events import CommandEvent, Event
from stream.interest import Bounds, Outcome, direction, fold, neighbours, recall
from stream.records import DeadLetter, Forward, Record
from stream.store import Batch, Hold, Wait
from stream.texts import MAX_CHARS

PAIRS_A_MESSAGE = 50  # a ring of 20 ids of 256 bytes, each byte escaped in JSON, takes 31 KB; 2 MiB is a message's end
MOST_UNNAMED = 256  # duplicates and impressions that wait to be named by the next list

ItemVectors = Callable[[str], Vector | None]


class Arrival(Enum):
    """How an event came into this batch."""

    FRESH = "fresh"  # from the log
    WOKEN = "woken"  # from the user's waiting room: its item has a vector now
    EXPIRED = "expired"  # from the user's waiting room, to leave it for the dead letters


@dataclass(frozen=True, slots=True)
class Input:
    """An event of this batch, and how it came. An expired one has a letter instead of an event."""

    user_id: str
    event_id: str
    arrival: Arrival
    event: Event | CommandEvent | None = None
    letter: DeadLetter | None = None


@dataclass(slots=True)
class Turn:
    """One user in this batch. `named`: what the list will say was taken in; `due`: whether there will be a list."""

    state: UserState
    named: list[Ref] = field(default_factory=list)
    named_more: int = 0
    due: bool = False
    changed: bool = False

    def name(self, ref: Ref) -> None:
        """Have the list name an event, once and as it stands now: one that waited may be folded in the same list."""
        place = (ref.topic, ref.partition, ref.offset)
        self.named = [r for r in self.named if (r.topic, r.partition, r.offset) != place]
        self.named.append(ref)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a turn depends on beside events: bounds of a state, and of the waiting room."""

    bounds: Bounds = field(default_factory=Bounds)
    most_waiting: int = 64
    most_waiting_bytes: int = 128 * 1024  # of one event: a text of 32 KB with every character escaped takes 96 KB
    longest_wait_ms: int = 24 * 3_600_000


@dataclass(slots=True)
class Part:
    """One partition's share of a micro-batch.

    hold: the partition as its states were loaded: my token, and the offsets that they stand for.
    """

    partition: int
    records: list[Record] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    hold: Hold = field(default_factory=Hold)
    turns: dict[str, Turn] = field(default_factory=dict)
    pairs: dict[str, list[Pair]] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)
    strays: list[Forward] = field(default_factory=list)
    commands: list[CommandEvent] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    no_longer: list[Wait] = field(default_factory=list)

    @property
    def users(self) -> list[str]:
        """Whose events are in the batch."""
        return list(dict.fromkeys(each.user_id for each in self.inputs))

    def start(self, hold: Hold, states: Mapping[str, UserState]) -> None:
        """Give each user a turn, with the state that belongs to `hold`; a list that is owed is due in any case."""
        self.hold = hold
        self.turns = {
            user: Turn(state, list(hold.owed.get(user, ())), due=user in hold.owed) for user, state in states.items()
        }
        self.dead = [letter for letter in self.dead if not self.again(letter.record)]
        self.strays = [stray for stray in self.strays if not self.again(stray.record)]

    def again(self, record: Record) -> bool:
        """Whether the states hold a record of the log already: a worker died before it acknowledged."""
        return record.offset < self.hold.offsets.get(record.topic, 0)

    def batch(self) -> Batch:
        """What is to be written."""
        states = {user: turn.state for user, turn in self.turns.items() if turn.changed}
        offsets = {r.topic: r.offset + 1 for r in self.records if not self.again(r)}
        unpublished = {user: turn.named for user, turn in self.turns.items() if turn.due}
        return Batch(self.partition, self.hold, states, offsets, self.waits, self.no_longer, unpublished)

    def covisits(self) -> list[CoVisits]:
        """The pairs by source topic, in messages that the log can take, each with the range of offsets it covers."""
        return [
            CoVisits(topic=topic, partition=self.partition, first=some[0].offset, last=some[-1].offset, events=some)
            for topic, pairs in self.pairs.items()
            for some in (pairs[i : i + PAIRS_A_MESSAGE] for i in range(0, len(pairs), PAIRS_A_MESSAGE))
        ]


def take(part: Part, items: ItemVectors, texts: Mapping[str, Vector], rules: Rules, now_ms: int) -> None:
    """Fold the part's inputs into its turns' states. `texts`: cleaned text -> `(d,) float32`."""
    for each in part.inputs:
        turn, event = part.turns[each.user_id], each.event
        if each.arrival is not Arrival.FRESH:
            _waited(part, turn, each, items, texts, rules)
        elif isinstance(event, CommandEvent):
            _command(part, turn, event)
        elif event is not None and part.again(event.record):
            turn.name(_ref(event))
            turn.due |= not _silent(event)
        elif event is not None:
            _fresh(part, turn, event, items, texts, rules)
    for turn in part.turns.values():
        _settle(turn, now_ms)


def _fresh(part: Part, turn: Turn, event: Event, items: ItemVectors, texts: Mapping[str, Vector], rules: Rules) -> None:
    state = turn.state
    text = texts.get(event.text) if event.text is not None else None
    ring = neighbours(state)
    waits = False
    waits_already = next((w for w in state.waiting if w.event_id == event.event_id), None)
    if waits_already is not None:
        same = (waits_already.topic, waits_already.item_id) == (event.record.topic, event.item_id or "")
        outcome: Outcome | None = Outcome.DUPLICATE if same else Outcome.REUSED
    elif _must_wait(event, items):
        outcome = recall(state, event, text) or _wait(part, state, event, rules)
        waits = True
    else:
        outcome = _count(state, event, items, text, rules)
    if outcome is Outcome.REUSED:
        message = f"event_id {event.event_id!r} was used before by this user, for another event: the first one counts"
        part.dead.append(DeadLetter(event.record, Reason.ID_REUSED, message, "fold"))
        return
    if outcome is None:  # no room to wait in: it is among the dead letters now
        return
    new = outcome is Outcome.FOLDED
    if new and event.item_id is not None and event.weight.pair > 0:
        pairs = part.pairs.setdefault(event.record.topic, [])
        pairs.append(Pair(event.record.offset, event.item_id, event.weight.pair, ring))
    ref = msgspec.structs.replace(_ref(event), waiting=waits and new, duplicate=not new)
    turn.changed = True
    if new and not _silent(event):
        turn.name(ref)
        turn.due = True
    elif len(state.unnamed) < MOST_UNNAMED:
        state.unnamed.append(ref)
    else:
        state.unnamed_more += 1


def _waited(part: Part, turn: Turn, each: Input, items: ItemVectors, texts: Mapping[str, Vector], rules: Rules) -> None:
    state, event = turn.state, each.event
    entry = next((w for w in state.waiting if w.event_id == each.event_id), None)
    if entry is None:
        return  # folded or expired by now
    state.waiting.remove(entry)
    turn.changed = True
    deadline_ms = _deadline_ms(state, entry.item_id, rules)
    (part.no_longer if deadline_ms is None else part.waits).append(Wait(entry.item_id, each.user_id, deadline_ms or 0))
    if each.letter is not None:
        part.dead.append(each.letter)
    if not isinstance(event, Event):
        return
    text = texts.get(event.text) if event.text is not None else None
    if _count(state, event, items, text, rules) is Outcome.FOLDED:
        turn.name(_ref(event))
        turn.due = True


def _count(state: UserState, event: Event, items: ItemVectors, text: Vector | None, rules: Rules) -> Outcome:
    item = items(event.item_id) if event.item_id is not None else None
    return fold(state, event, direction(item, text), text, rules.bounds)


def _must_wait(event: Event, items: ItemVectors) -> bool:
    counts = event.weight.pair or event.weight.taste
    return bool(counts) and event.item_id is not None and items(event.item_id) is None


def _wait(part: Part, state: UserState, event: Event, rules: Rules) -> Outcome | None:
    """Put an event into the user's waiting room; None if that is full, and the event went to the dead letters."""
    item_id = event.item_id or ""
    record = event.record
    value = _shortened(record.value or b"")
    size = len(value) + sum(len(name) + len(text) for name, text in record.headers)
    no_room = None
    if len(state.waiting) >= rules.most_waiting:
        no_room = f"{rules.most_waiting} events of this user wait already"
    elif size > rules.most_waiting_bytes:
        no_room = f"a record of {size} bytes cannot wait: {rules.most_waiting_bytes} is the most"
    if no_room is not None:
        letter = DeadLetter(record, Reason.UNKNOWN_ITEM, f"item {item_id!r} has no vector, and {no_room}", "fold")
        part.dead.append(letter)
        return None
    state.waiting.append(
        Waiting(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            timestamp_ms=record.timestamp_ms,
            event_id=event.event_id,
            item_id=item_id,
            key=record.key,
            value=value,
            headers=list(record.headers),
        )
    )
    deadline_ms = _deadline_ms(state, item_id, rules) or 0
    part.waits.append(Wait(item_id, event.user_id, deadline_ms))
    return Outcome.FOLDED


def _deadline_ms(state: UserState, item_id: str, rules: Rules) -> int | None:
    """When the first event that waits for an item gives up, ms since 1970; None if none does."""
    times = [w.timestamp_ms for w in state.waiting if w.item_id == item_id]
    return min(times) + rules.longest_wait_ms if times else None


def overdue(entry: Waiting, rules: Rules, now_ms: int) -> bool:
    """Whether an event has waited for its item as long as it may."""
    return entry.timestamp_ms + rules.longest_wait_ms <= now_ms


def record_of(waiting: Waiting) -> Record:
    """The record that waits, as it came."""
    return Record(
        waiting.topic,
        waiting.partition,
        waiting.offset,
        waiting.timestamp_ms,
        waiting.key,
        waiting.value,
        tuple(waiting.headers),
    )


def _shortened(value: bytes) -> bytes:
    """The value with its text cut to what the encoder can read; others are kept to the byte."""
    if len(value) <= 4 * MAX_CHARS:
        return value
    try:  # the standard library reads and writes what the decoder lets through beside JSON: NaN, lone surrogates
        body = json.loads(value)
    except (ValueError, RecursionError):  # in a field that the decoder skipped
        return value
    for part in (body, body.get("data")):  # a structured CloudEvent has it in `data`
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            part["text"] = part["text"][: 4 * MAX_CHARS]
            return json.dumps(body, separators=(",", ":")).encode()
    return value


def _command(part: Part, turn: Turn, event: CommandEvent) -> None:
    fresh = not part.again(event.record)
    if fresh:
        part.commands.append(event)
    if event.command.type != "erase":
        turn.name(_ref(event))
        turn.due = True
        turn.changed |= fresh


def _settle(turn: Turn, now_ms: int) -> None:
    """A user who gets a list: it names what was not named yet, and its version grows."""
    if not turn.due:
        return
    state = turn.state
    turn.named = state.unnamed + turn.named
    turn.named_more = state.unnamed_more
    if turn.changed or state.list_version == 0:
        state.unnamed, state.unnamed_more = [], 0
        state.list_version = max(state.list_version + 1, now_ms)
        turn.changed = True


def _silent(event: Event) -> bool:
    """Whether it causes no list: an impression, which says only that a list was seen."""
    return not event.weight.pair and not event.weight.taste and not event.seen


def _ref(event: Event | CommandEvent) -> Ref:
    record = event.record
    return Ref(record.topic, record.partition, record.offset, event.event_id, event.time_ms)
