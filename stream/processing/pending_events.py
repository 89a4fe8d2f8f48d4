"""A user's pending events: on items without a vector, with texts that the encoder missed; retractions that came first.

All stand in the user's state with their bytes, bounded in number, bytes and time; the batch learns until when. Whatever
is to wait passes `keep`; beyond the bounds there it becomes a dead letter.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from penchant.errors import Rejected, RejectReason
from penchant.fields import MAX_ID_BYTES
from serving.model.texts import MAX_CHARS
from serving.state.user_state import Merge, PendingEvent, Retraction, UserState
from stream.containment.faults import described
from stream.events.decoder import CommandEvent, Event
from stream.events.records import DeadLetter, Record, Reroute
from stream.processing.batch import Context, Limits, UserUpdate

__all__ = ["MERGES", "TEXTS", "overdue", "record_of", "waiters"]

# In the place of an item's id where the index is told of other waits: an id is never empty, and never that long.
RETRACTIONS = ""
TEXTS = "texts".ljust(MAX_ID_BYTES + 1)
MERGES = "merges".ljust(MAX_ID_BYTES + 1)
_NEVER_MS = 2**53 - 1  # merges wait until they are dealt with
_DEEPEST = 6  # of a text below the top of a message: an envelope in an envelope has its event there
_log = logging.getLogger(__name__)


def wait_for_vector(update: UserUpdate, event: Event, *, missed: bool) -> str | None:
    """Keep an event until its item has a vector, or its text, if the encoder `missed` that.

    Returns the limit that it would pass, in words; None if it was kept.
    """
    record = event.record
    entry = PendingEvent(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
        event_id=event.event_id,
        item_id=event.item_id or "",
        key=record.key,
        value=shortened(record.value or b""),
        headers=list(record.headers),
        missed=missed,
    )
    return keep(update, entry)


def wait_to_retract(update: UserUpdate, command: CommandEvent, *, missed: bool) -> str | None:
    """Keep a retraction until its event comes, or until its text has a vector, if the encoder `missed` that.

    Returns the limit that it would pass, in words; None if it was kept.
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
        value=shortened(record.value or b""),
        headers=list(record.headers),
        missed=missed,
    )
    return keep(update, entry)


def keep(update: UserUpdate, entry: PendingEvent | Retraction) -> str | None:
    """Put an entry in. Returns the limit that it would pass, in words; None if it was kept."""
    if over_limit := _over_limit(update.state, entry, update.context.limits):
        return over_limit
    if isinstance(entry, PendingEvent):
        update.state.pending.append(entry)
    else:
        update.state.retractions.append(entry)
    _tell(update, entry)
    update.batch.missed += entry.missed
    return None


def keep_merge(update: UserUpdate, entry: Merge) -> str | None:
    """Remember a user who is to be merged into this one. Returns what `keep` does."""
    merges = update.state.merges
    if len(merges) >= update.context.limits.most_merges:
        return f"{update.context.limits.most_merges} users were merged into this one; that is the most"
    if entry.size > update.context.limits.most_merge_bytes:
        return f"its ids have {entry.size} bytes: {update.context.limits.most_merge_bytes} is the most"
    if not _is_text(entry.command_id, entry.anonymous_id):
        return "its ids are not Unicode text"
    merges.append(entry)
    return None


def expect_answers(update: UserUpdate) -> None:
    """Note whether another owner has yet to deal with a merge, or with an erasure."""
    alias = update.state.alias
    expecting = any(each.erasure or not each.done for each in update.state.merges) or (alias is not None and alias.held)
    update.batch.waits[MERGES, update.user_id] = _NEVER_MS if expecting else None


def leave(update: UserUpdate, entry: PendingEvent | Retraction) -> None:
    """Take an entry out."""
    update.changed = True
    if isinstance(entry, PendingEvent):
        update.state.pending.remove(entry)
    else:
        update.state.retractions.remove(entry)
    if update.state.alias is None:  # else nobody is waited for: it is kept for another owner
        _tell(update, entry)


def fit(update: UserUpdate) -> None:
    """Keep pending events within their bytes also where an earlier version wrote more: the longest goes first."""
    entries, most = waiters(update.state), update.context.limits.most_pending_bytes
    taken = sum(entry.size for entry in entries)
    if taken <= most:
        return
    entries = sorted(entries, key=lambda entry: entry.size)
    while taken > most:
        longest = entries.pop()
        message = f"{taken} bytes of this user wait, and it has {longest.size}: {most} is the most"
        taken -= longest.size
        leave(update, longest)
        dead_letter_pending(update, longest, message)


def expel(update: UserUpdate, dead_letter: DeadLetter) -> None:
    """Take out the pending entry of a record, whatever its bytes are, and make it this very dead letter."""
    place = (dead_letter.record.topic, dead_letter.record.partition, dead_letter.record.offset)
    for entry in waiters(update.state):
        if (entry.topic, entry.partition, entry.offset) == place:
            leave(update, entry)
            # Commands whose dead letter says `decode` are answered by what can be read of them; this one is known.
            _tell_sender(
                update, entry, dead_letter if isinstance(entry, PendingEvent) else replace(dead_letter, stage="fold")
            )


def dead_letter_pending(
    update: UserUpdate, entry: PendingEvent | Retraction, message: str, reason: RejectReason | None = None
) -> None:
    """Make a dead letter of what does not wait any more."""
    _tell_sender(update, entry, DeadLetter(record_of(entry), reason or _reason_of(entry), message, "fold"))


def _reason_of(entry: PendingEvent | Retraction) -> RejectReason:
    """Why it becomes a dead letter if what it waits for does not come."""
    if entry.missed:
        return RejectReason.ENCODER_TIMEOUT
    return RejectReason.UNKNOWN_ITEM if isinstance(entry, PendingEvent) else RejectReason.RETRACT_UNKNOWN


def read_again(entry: PendingEvent | Retraction, context: Context) -> Event | CommandEvent | Reroute | DeadLetter:
    """A pending entry, read as it was when it came; a dead letter if that is not possible any more."""
    record = record_of(entry)
    try:
        return context.read(record)
    except Rejected as error:  # the weights file has changed since
        return DeadLetter(record, error.reason, str(error), "fold")
    except Exception as error:  # noqa: BLE001 - a fault of ours, which would come again with every try
        _log.error("action=contained stage=fold %s waited: %s", record.position, described(error), exc_info=error)
        return DeadLetter(record, RejectReason.INTERNAL, described(error), "fold")


def waiters(state: UserState) -> Sequence[PendingEvent | Retraction]:
    """All that waits."""
    return [*state.pending, *state.retractions]


def clear(update: UserUpdate) -> None:
    """Have nobody waited for any more."""
    update.batch.waits |= dict.fromkeys((_waits_for(entry), update.user_id) for entry in waiters(update.state))
    if update.state.merges or update.state.alias is not None:
        update.batch.waits[MERGES, update.user_id] = None


def overdue(entry: PendingEvent | Retraction, limits: Limits, now_ms: int) -> bool:
    """Whether it has waited as long as it may."""
    return _deadline_ms(entry, limits) <= now_ms


def record_of(entry: PendingEvent | Retraction) -> Record:
    """The record that waits, as it came."""
    return Record(
        entry.topic, entry.partition, entry.offset, entry.timestamp_ms, entry.key, entry.value, tuple(entry.headers)
    )


def _over_limit(state: UserState, entry: PendingEvent | Retraction, limits: Limits) -> str | None:
    if entry.missed and sum(each.missed for each in waiters(state)) >= limits.most_missed:
        return f"{limits.most_missed} texts of this user wait already"
    if isinstance(entry, PendingEvent):
        what, most, there = "events", limits.most_waiting, sum(not each.missed for each in state.pending)
    else:
        what, most, there = "retractions", limits.most_retractions, sum(not each.missed for each in state.retractions)
    if not entry.missed and there >= most:
        return f"{most} {what} of this user wait already"
    if entry.size > limits.most_waiting_bytes:
        return f"a record of {entry.size} bytes cannot wait: {limits.most_waiting_bytes} is the most"
    taken = sum(each.size for each in waiters(state))
    if taken + entry.size > limits.most_pending_bytes:
        return (
            f"{taken} bytes of this user wait already, and it has {entry.size}: {limits.most_pending_bytes} is the most"
        )
    of_its_own = entry.item_id if isinstance(entry, PendingEvent) else entry.command_id
    if not _is_text(entry.event_id, of_its_own, *(name for name, _ in entry.headers)):
        return "an id or the name of a header is not Unicode text"
    return None


def _is_text(*texts: str) -> bool:
    """Whether a state can have them: no lone surrogates."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return False
    return True


def _tell_sender(update: UserUpdate, entry: PendingEvent | Retraction, dead_letter: DeadLetter) -> None:
    update.batch.dead.append(dead_letter)
    if isinstance(entry, Retraction):
        said = f"{dead_letter.reason.value}: {dead_letter.message}"
        update.answer(entry.command_id, "retract", "refused", said)


def _tell(update: UserUpdate, entry: PendingEvent | Retraction) -> None:
    """Note when the first that waits for the same expires, or that nothing waits for it any more."""
    key = _waits_for(entry)
    deadlines = [_deadline_ms(each, update.context.limits) for each in waiters(update.state) if _waits_for(each) == key]
    update.batch.waits[key, update.user_id] = min(deadlines, default=None)


def _waits_for(entry: PendingEvent | Retraction) -> str:
    """What the index calls it."""
    if entry.missed:
        return TEXTS
    return entry.item_id if isinstance(entry, PendingEvent) else RETRACTIONS


def _deadline_ms(entry: PendingEvent | Retraction, limits: Limits) -> int:
    return entry.timestamp_ms + (limits.longest_missed_ms if entry.missed else limits.longest_wait_ms)


def shortened(value: bytes) -> bytes:
    """The value with its text cut to what the encoder can read; others are kept to the byte."""
    if len(value) <= 4 * MAX_CHARS:
        return value
    try:  # the standard library reads and writes what the decoder lets through beside JSON: NaN, lone surrogates
        body = json.loads(value)
        if not _shorten(body, _DEEPEST):
            return value
    except (ValueError, RecursionError):  # in a field that the decoder skipped
        return value
    try:
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(body, separators=(",", ":")).encode()


def _shorten(body: Any, deep: int) -> bool:
    """Cut the texts in a message, wherever its envelope has them. Returns whether there was any."""
    if not isinstance(body, dict) or not deep:
        return False
    found = False
    for name, inner in body.items():
        if name == "text" and isinstance(inner, str):
            body[name], found = inner[: 4 * MAX_CHARS], True
        else:
            found |= _shorten(inner, deep - 1)
    return found
