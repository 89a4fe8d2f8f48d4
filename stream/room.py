"""A user's waiting room: events on items without a vector, texts that the encoder missed, retractions that came first.

All stand in the user's state with their bytes, bounded in number and time; the part learns until when.
"""

import json
from collections.abc import Sequence

from serving.state import Retraction, UserState, Waiting
from serving.texts import MAX_CHARS
from stream.events import MAX_ID_BYTES, CommandEvent, Event
from stream.records import Record
from stream.turns import Part, Rules, Turn

# In the place of an item's id where the index is told of other waits: an id is never empty, and never that long.
RETRACTIONS = ""
TEXTS = "texts".ljust(MAX_ID_BYTES + 1)
MERGES = "merges".ljust(MAX_ID_BYTES + 1)
_NEVER_MS = 2**53 - 1  # merges wait until they are dealt with


def wait_for_vector(part: Part, turn: Turn, event: Event, rules: Rules, *, missed: bool) -> str | None:
    """Keep an event until its item has a vector, or its text, if the encoder `missed` that.

    Returns why there is no room for it, if there is none.
    """
    record = event.record
    entry = Waiting(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
        event_id=event.event_id,
        item_id=event.item_id or "",
        key=record.key,
        value=_shortened(record.value or b""),
        headers=list(record.headers),
        missed=missed,
    )
    return keep(part, turn, entry, rules)


def wait_to_retract(part: Part, turn: Turn, command: CommandEvent, rules: Rules, *, missed: bool) -> str | None:
    """Keep a retraction until its event comes, or until its text has a vector, if the encoder `missed` that.

    Returns why there is no room for it, if there is none.
    """
    record = command.record
    entry = Retraction(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
        event_id=command.command.event_id or "",
        command_id=command.event_id,
        time_ms=command.time_ms,
        key=record.key,
        value=_shortened(record.value or b""),
        headers=list(record.headers),
        missed=missed,
    )
    return keep(part, turn, entry, rules)


def keep(part: Part, turn: Turn, entry: Waiting | Retraction, rules: Rules) -> str | None:
    """Put an entry in. Returns why there is no room for it, if there is none."""
    if no_room := _no_room(turn.state, entry, rules):
        return no_room
    if isinstance(entry, Waiting):
        turn.state.waiting.append(entry)
    else:
        turn.state.retractions.append(entry)
    _tell(part, turn, entry, rules)
    part.missed += entry.missed
    return None


def expect_answers(part: Part, turn: Turn) -> None:
    """Note whether another owner has yet to deal with a merge."""
    alias = turn.state.alias
    expecting = any(not each.done for each in turn.state.merges) or (alias is not None and alias.held)
    part.waits[MERGES, turn.user_id] = _NEVER_MS if expecting else None


def leave(part: Part, turn: Turn, entry: Waiting | Retraction, rules: Rules) -> None:
    """Take an entry out."""
    turn.changed = True
    if isinstance(entry, Waiting):
        turn.state.waiting.remove(entry)
    else:
        turn.state.retractions.remove(entry)
    _tell(part, turn, entry, rules)


def waiters(state: UserState) -> Sequence[Waiting | Retraction]:
    """All that waits."""
    return [*state.waiting, *state.retractions]


def clear(part: Part, turn: Turn) -> None:
    """Have nobody waited for any more."""
    part.waits |= dict.fromkeys((_waits_for(entry), turn.user_id) for entry in waiters(turn.state))
    if turn.state.merges or turn.state.alias is not None:
        part.waits[MERGES, turn.user_id] = None


def overdue(entry: Waiting | Retraction, rules: Rules, now_ms: int) -> bool:
    """Whether it has waited as long as it may."""
    return _deadline_ms(entry, rules) <= now_ms


def record_of(entry: Waiting | Retraction) -> Record:
    """The record that waits, as it came."""
    return Record(
        entry.topic, entry.partition, entry.offset, entry.timestamp_ms, entry.key, entry.value, tuple(entry.headers)
    )


def _no_room(state: UserState, entry: Waiting | Retraction, rules: Rules) -> str | None:
    if entry.missed and sum(each.missed for each in waiters(state)) >= rules.most_missed:
        return f"{rules.most_missed} texts of this user wait already"
    if isinstance(entry, Waiting):
        what, most, there = "events", rules.most_waiting, sum(not each.missed for each in state.waiting)
    else:
        what, most, there = "retractions", rules.most_retractions, sum(not each.missed for each in state.retractions)
    if not entry.missed and there >= most:
        return f"{most} {what} of this user wait already"
    size = len(entry.value) + sum(len(name) + len(text) for name, text in entry.headers)
    if size > rules.most_waiting_bytes:
        return f"a record of {size} bytes cannot wait: {rules.most_waiting_bytes} is the most"
    return None


def _tell(part: Part, turn: Turn, entry: Waiting | Retraction, rules: Rules) -> None:
    """Note when the first that waits for the same gives up, or that nothing waits for it any more."""
    key = _waits_for(entry)
    deadlines = [_deadline_ms(each, rules) for each in waiters(turn.state) if _waits_for(each) == key]
    part.waits[key, turn.user_id] = min(deadlines, default=None)


def _waits_for(entry: Waiting | Retraction) -> str:
    """What the index calls it."""
    if entry.missed:
        return TEXTS
    return entry.item_id if isinstance(entry, Waiting) else RETRACTIONS


def _deadline_ms(entry: Waiting | Retraction, rules: Rules) -> int:
    return entry.timestamp_ms + (rules.longest_missed_ms if entry.missed else rules.longest_wait_ms)


def _shortened(value: bytes) -> bytes:
    """The value with its text cut to what the encoder can read; others are kept to the byte."""
    if len(value) <= 4 * MAX_CHARS:
        return value
    try:  # the standard library reads and writes what the decoder lets through beside JSON: NaN, lone surrogates
        body = json.loads(value)
    except (ValueError, RecursionError):  # in a field that the decoder skipped
        return value
    # A structured CloudEvent has it in `data`, a retraction in `event`.
    inner = body.get("data")
    for part in (body, inner, body.get("event"), inner.get("event") if isinstance(inner, dict) else None):
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            part["text"] = part["text"][: 4 * MAX_CHARS]
            return json.dumps(body, separators=(",", ":")).encode()
    return value
