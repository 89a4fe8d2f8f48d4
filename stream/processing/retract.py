"""What a command does to its user: retract and erase (stream/processing/merge.py has merge)."""

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import NamedTuple

import msgspec

from penchant.errors import RejectReason
from penchant.fields import MAX_ID_BYTES
from serving.state.user_state import EventKind, Merge, RecentText, Ref, Retraction, RingEvent, UserState, Vector
from stream.events.decoder import CommandEvent, Event
from stream.events.envelope import body_of
from stream.events.records import DeadLetter
from stream.events.transfers import Erased, OutboundTransfer
from stream.interest import impressions
from stream.interest.fold import direction, entry_of, retract_in_advance, subtract
from stream.interest.sentiment_adjustment import adjusted
from stream.processing.batch import Context, UserUpdate
from stream.processing.pending_events import (
    clear,
    dead_letter_pending,
    expect_answers,
    expel,
    leave,
    read_again,
    wait_to_retract,
)
from stream.store.answers import Answer, asked_by
from stream.store.tombstones import erased_at

__all__ = ("unread",)


class RetractionResult(Enum):
    """What became of a retraction that is not refused."""

    DONE = "done"
    DONE_BEFORE = "before"
    WAITS = "waits"
    MISSED = "missed"


class Refusal(NamedTuple):
    """Why a retraction is refused."""

    reason: RejectReason
    message: str


ERASED_SINCE = "the user was erased after it: nothing is left"
_TEXT_GONE = Refusal(
    RejectReason.RETRACT_TOO_LATE, "what the user wrote is not kept any more: send the event as `event`"
)
_ITEM_GONE = Refusal(RejectReason.RETRACT_TOO_LATE, "the item has no vector any more, so what it added is not known")
_EVENT_GONE = Refusal(RejectReason.RETRACT_TOO_LATE, "the event is too far back to be kept: send it as `event`")


def unread(dead_letters: Iterable[DeadLetter], topic: str, now_ms: int) -> Iterator[Answer]:
    """Refusals of the commands that could not be read, if it can be read at least which they are."""
    for dead_letter in dead_letters:
        if dead_letter.record.topic == topic and dead_letter.stage == "decode":
            body = body_of(dead_letter.record.value, dead_letter.record.headers)
            command_id, kind = (body.get(name) for name in ("command_id", "type"))
            if not (isinstance(command_id, str) and isinstance(kind, str)):
                continue
            if 0 < len(command_id.encode()) <= MAX_ID_BYTES >= len(kind.encode()):  # a receipt has to fit, too
                unsigned = dead_letter.reason is RejectReason.UNSIGNED
                said = f"{dead_letter.reason.value}: {dead_letter.message if unsigned else 'it cannot be read'}"
                users = tuple(body[name] for name in ("user_id", "anonymous_id") if isinstance(body.get(name), str))
                asked = asked_by(dead_letter.record)
                yield Answer(command_id, kind, "refused", said, at_ms=now_ms, users=users, asked=asked)


def retract_on_arrival(update: UserUpdate, event: Event) -> bool:
    """Take in an event whose retraction waits for it, and carry that out. Returns False if none waits."""
    ahead = [each for each in update.state.retractions if each.event_id == event.event_id]
    if not ahead:
        return False
    retract_in_advance(update.state, event, update.context.limits.bounds)
    for entry in ahead:
        leave(update, entry)
        update.note(Ref(entry.topic, entry.partition, entry.offset, entry.command_id, entry.time_ms))
        update.answer(entry.command_id, "retract", "done")
    update.due = True
    return True


def try_again(update: UserUpdate, entry: Retraction, command: CommandEvent) -> None:
    """Carry out a retraction whose text the encoder had missed, if it has read that by now."""
    if update.context.text_of(command) is not None:
        leave(update, entry)
        retract(update, command)


def give_up(update: UserUpdate, entry: Retraction) -> None:
    """Refuse a retraction whose event has not come in time, or its text's vector."""
    leave(update, entry)
    late = f"the event {entry.event_id!r} did not come in time"
    dead_letter_pending(update, entry, "the encoder did not read its text in time" if entry.missed else late)


def erase(update: UserUpdate, command: CommandEvent) -> None:
    """Forget the user, and whoever was merged into this one."""
    for each in update.state.merges:
        if not each.done:
            update.answer(each.command_id, "merge", "done", ERASED_SINCE)
    removed = forget(update, erased_at(command.record.timestamp_ms, update.context.now_ms))
    update.answer(command.event_id, "erase", "done", removed=removed)


def forget(update: UserUpdate, at_ms: int) -> dict[str, int]:
    """Leave nothing but when: a later event finds a fresh state, one of before is left out. Returns what there was.

    Whoever is one person with the user hears of it; until they all did, it is noted who has not.
    """
    state = update.state
    others = {each.anonymous_id for each in state.merges} | ({state.alias.target} if state.alias else set())
    removed = {
        "events": len(state.ring),
        "items": len(state.seen),
        "texts": len(state.texts),
        "waiting": len(state.pending) + len(state.retractions),
        "lists": int(state.list_version > 0),
        "aliases": sum(not each.erasure for each in state.merges),
    }
    clear(update)
    update.batch.erased[update.user_id] = at_ms
    update.state = UserState(erased_ms=at_ms)
    update.named, update.named_more, update.due, update.changed = [], 0, False, False
    for other in sorted(others):
        tell_erased(update, other, at_ms)
    return removed


def tell_erased(update: UserUpdate, other: str, at_ms: int) -> None:
    """Have another user erased as of then, who is one person with this one: asked until it is done."""
    told = Merge("", other, at_ms, Ref("", 0, 0, "", at_ms), done=True)
    merges = update.state.merges
    update.state.merges = [each for each in merges if not (each.erasure and each.anonymous_id == other)] + [told]
    update.changed = True
    update.batch.first.append(erased_with(update.user_id, told))
    expect_answers(update)


def erased_with(user_id: str, other: Merge) -> OutboundTransfer:
    """What is sent to whoever has yet to hear of a user's erasure."""
    return OutboundTransfer(Erased(to=other.anonymous_id, time_ms=other.time_ms, by=user_id))


def retract(update: UserUpdate, command: CommandEvent) -> None:
    """Subtract what an event added, or wait for it."""
    result = _carry_out(update, command)
    if result is RetractionResult.MISSED:
        result = _wait(update, command, missed=True)
    update.changed = True
    update.name(command, waiting=result is RetractionResult.WAITS, duplicate=result is RetractionResult.DONE_BEFORE)
    if isinstance(result, Refusal):
        update.batch.dead.append(DeadLetter(command.record, result.reason, result.message, "fold"))
        update.answer(command.event_id, "retract", "refused", f"{result.reason.value}: {result.message}")
    elif result is RetractionResult.DONE_BEFORE:
        update.answer(command.event_id, "retract", "done", "it had been retracted before")
    elif result is RetractionResult.DONE:
        update.answer(command.event_id, "retract", "done")


def retry_retractions(update: UserUpdate) -> None:
    """Another user's events were added: what waited for one of them is done.

    What cannot be read for a fault of ours becomes a dead letter, so that it does not hinder the rest; what the current
    weights file does not accept goes on waiting, as it would have without the other user.
    """
    for entry in [entry for entry in update.state.retractions if not entry.missed]:
        command = read_again(entry, update.context)
        if isinstance(command, CommandEvent):
            leave(update, entry)
            retract(update, command)
        elif isinstance(command, DeadLetter) and command.reason is RejectReason.INTERNAL:
            expel(update, command)


def _carry_out(update: UserUpdate, command: CommandEvent) -> RetractionResult | Refusal:
    """Look for the event where it may stand: in the ring, among pending events, texts and remembered ids."""
    state, event_id = update.state, command.command.event_id
    stands = next((event for event in state.ring if event.event_id == event_id), None)
    if (stands is not None and stands.retracted) or any(target in state.retracted_ids for target in command.targets):
        return RetractionResult.DONE_BEFORE
    if stands is None and _retract_pending(update, event_id):
        return RetractionResult.DONE
    shown = [item for target in command.targets if (item := impressions.item_of(state, target)) is not None]
    if stands is None and shown:
        impressions.retract(state, command.targets)
        return RetractionResult.DONE if any(shown) else RetractionResult.DONE_BEFORE
    known_as = next((target for target in command.targets if target in state.dedup_ids), None)
    past = stands or _gone(state, command, known_as or command.targets[0], update.context)
    if past is not None and (stands is not None or known_as is not None or _beyond_memory(state, past, update.context)):
        return _subtract(state, past, command, update.context)
    return _EVENT_GONE if known_as is not None else _wait(update, command, missed=False)


def _gone(state: UserState, command: CommandEvent, dedup_key: int, context: Context) -> RingEvent | None:
    """An event that left the ring, as it stood there: made from its text, or as it was sent along."""
    written = next((text for text in state.texts if text.event_id == command.command.event_id), None)
    if written is not None:
        return _entry_of_text(written, dedup_key)
    if command.original is not None:
        original = adjusted(command.original, context.text_of(command), context.limits.sentiment)
        return msgspec.structs.replace(entry_of(original), dedup_key=dedup_key)
    return None


def _subtract(state: UserState, past: RingEvent, command: CommandEvent, context: Context) -> RetractionResult | Refusal:
    """All of it or nothing: what the event moved towards is made again from its item and its text."""
    item = text = None
    if past.preference and past.item_id:
        item = context.items(past.item_id)
        if item is None:
            return _ITEM_GONE
    if past.preference and past.written:
        text = _text_of(state, past.event_id, command, context)
        if text is None:
            return RetractionResult.MISSED if command.encoder_input is not None else _TEXT_GONE
    subtract(state, past, direction(item, text), context.limits.bounds)
    return RetractionResult.DONE


def _text_of(state: UserState, event_id: str, command: CommandEvent, context: Context) -> Vector | None:
    kept = next((text for text in state.texts if text.event_id == event_id), None)
    return kept.as_float32() if kept is not None and kept.vector else context.text_of(command)


def _retract_pending(update: UserUpdate, event_id: str | None) -> bool:
    """Whether the event is pending. It has added nothing yet: it gets its places, and waits no longer."""
    entry = next((entry for entry in update.state.pending if entry.event_id == event_id), None)
    if entry is None:
        return False
    leave(update, entry)
    event = read_again(entry, update.context)
    if isinstance(event, Event):  # else it cannot be read any more, and has no places to get
        retract_in_advance(update.state, event, update.context.limits.bounds)
    return True


def _entry_of_text(written: RecentText, dedup_key: int) -> RingEvent:
    """A text's event as the ring had it."""
    kind = EventKind.REVIEW if written.item_id else EventKind.STATEMENT
    return RingEvent(
        written.time_ms,
        written.event_id,
        dedup_key,
        written.item_id,
        kind,
        written.covisit,
        written.preference,
        seen=bool(written.item_id),
        written=True,
    )


def _beyond_memory(state: UserState, past: RingEvent, context: Context) -> bool:
    """Whether an id that is not remembered may be of an event that was counted, rather than of one still to come.

    One whose text is kept was. Else: ids are forgotten only when more came, and an event newer than the oldest of a
    full ring would stand in it.
    """
    if any(text.event_id == past.event_id for text in state.texts):
        return True
    bounds = context.limits.bounds
    forgotten = len(state.dedup_ids) >= bounds.dedup_ids and len(state.ring) >= bounds.ring
    return forgotten and past.time_ms <= state.ring[0].time_ms


def _wait(update: UserUpdate, command: CommandEvent, *, missed: bool) -> RetractionResult | Refusal:
    if any(entry.command_id == command.event_id for entry in update.state.retractions):
        return RetractionResult.WAITS
    over_limit = wait_to_retract(update, command, missed=missed)
    if over_limit is None:
        return RetractionResult.WAITS
    if missed:
        return Refusal(RejectReason.ENCODER_TIMEOUT, f"the encoder missed its text, and {over_limit}")
    return Refusal(RejectReason.RETRACT_UNKNOWN, f"the event is not known, and {over_limit}")
