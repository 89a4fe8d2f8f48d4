"""A user's waiting room: events on items without a vector, and retractions of events that have not come.

Both stand in the user's state with their bytes, bounded in number and time; the part learns until when.
"""

import json

from serving.state import Retraction, UserState, Waiting
from stream.events import CommandEvent, Event
from stream.records import Record
from stream.texts import MAX_CHARS
from stream.turns import Part, Rules, Turn

RETRACTIONS = ""  # in the place of an item's id, which is never empty, where the index is told of retractions


def wait_for_item(part: Part, turn: Turn, event: Event, rules: Rules) -> str | None:
    """Keep an event until its item has a vector. Returns why there is no room for it, if there is none."""
    record, value = event.record, _shortened(event.record.value or b"")
    if len(turn.state.waiting) >= rules.most_waiting:
        return f"{rules.most_waiting} events of this user wait already"
    if too_long := _too_long(record, value, rules):
        return too_long
    turn.state.waiting.append(
        Waiting(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            timestamp_ms=record.timestamp_ms,
            event_id=event.event_id,
            item_id=event.item_id or "",
            key=record.key,
            value=value,
            headers=list(record.headers),
        )
    )
    _tell(part, turn, event.item_id or "", rules)
    return None


def wait_for_event(part: Part, turn: Turn, command: CommandEvent, rules: Rules) -> str | None:
    """Keep a retraction until its event comes. Returns why there is no room for it, if there is none."""
    record, value = command.record, _shortened(command.record.value or b"")
    if len(turn.state.retractions) >= rules.most_retractions:
        return f"{rules.most_retractions} retractions of this user wait already"
    if too_long := _too_long(record, value, rules):
        return too_long
    turn.state.retractions.append(
        Retraction(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            timestamp_ms=record.timestamp_ms,
            event_id=command.command.event_id or "",
            command_id=command.event_id,
            time_ms=command.time_ms,
            key=record.key,
            value=value,
            headers=list(record.headers),
        )
    )
    _tell(part, turn, RETRACTIONS, rules)
    return None


def leave(part: Part, turn: Turn, entry: Waiting | Retraction, rules: Rules) -> None:
    """Take an entry out."""
    turn.changed = True
    if isinstance(entry, Waiting):
        turn.state.waiting.remove(entry)
        _tell(part, turn, entry.item_id, rules)
    else:
        turn.state.retractions.remove(entry)
        _tell(part, turn, RETRACTIONS, rules)


def clear(part: Part, turn: Turn) -> None:
    """Have nobody waited for any more."""
    state = turn.state
    waited_for = {entry.item_id for entry in state.waiting} | ({RETRACTIONS} if state.retractions else set())
    part.waits |= dict.fromkeys((item_id, turn.user_id) for item_id in waited_for)


def overdue(entry: Waiting | Retraction, rules: Rules, now_ms: int) -> bool:
    """Whether it has waited as long as it may."""
    return entry.timestamp_ms + rules.longest_wait_ms <= now_ms


def record_of(entry: Waiting | Retraction) -> Record:
    """The record that waits, as it came."""
    return Record(
        entry.topic, entry.partition, entry.offset, entry.timestamp_ms, entry.key, entry.value, tuple(entry.headers)
    )


def _too_long(record: Record, value: bytes, rules: Rules) -> str | None:
    size = len(value) + sum(len(name) + len(text) for name, text in record.headers)
    if size <= rules.most_waiting_bytes:
        return None
    return f"a record of {size} bytes cannot wait: {rules.most_waiting_bytes} is the most"


def _tell(part: Part, turn: Turn, item_id: str, rules: Rules) -> None:
    """Note when the first that waits for an item (or for events) gives up, or that nothing waits for it any more."""
    times = _times(turn.state, item_id)
    part.waits[item_id, turn.user_id] = min(times) + rules.longest_wait_ms if times else None


def _times(state: UserState, item_id: str) -> list[int]:
    if item_id == RETRACTIONS:
        return [entry.timestamp_ms for entry in state.retractions]
    return [entry.timestamp_ms for entry in state.waiting if entry.item_id == item_id]


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
