"""Merges one user into another, whose owners may be two workers: request, handoff, add, confirm.

    owner of `user_id`                               owner of `anonymous_id`
    merge command: remembered, Request ───────────▶  state becomes that of an alias, still whole (one write), then
    adds it once, remembers that,       ◀─────────── Handoff
    then Confirm ─────────────────────────────────▶  the state is dropped; the alias stays, and forwards records

What is not answered is sent again on every assignment and every 30 s. Merges that cross each other cannot circle: a
user with an older merge of its own under way does not become an alias until that is dealt with, so of any circle the
youngest command comes back to where it began and is refused.
"""

import logging
from dataclasses import replace
from hashlib import blake2b

import msgspec

from penchant.errors import PenchantError, RejectReason
from penchant.topics import MAX_MESSAGE_BYTES
from serving.state import user_state as codec
from serving.state.user_state import Alias, Merge, UserState
from stream.events.decoder import CommandEvent
from stream.events.records import DeadLetter
from stream.events.transfers import (
    Confirm,
    Erased,
    ErasureHeard,
    Forwarded,
    Handoff,
    HandoffToken,
    OutboundTransfer,
    Republish,
    Request,
    TransferEvent,
)
from stream.interest.fold import join
from stream.processing.batch import Context, UserUpdate, ref
from stream.processing.pending_events import clear, dead_letter_pending, expect_answers, fit, keep, keep_merge
from stream.processing.retract import erased_with, forget, retry_retractions, tell_erased
from stream.store.tombstones import erased_at

__all__ = ()

_MOST_STATE_BYTES = MAX_MESSAGE_BYTES - 64 * 1024  # the message around it names five ids and a topic, escaped in JSON
_CIRCLE = f"{RejectReason.MERGE_CYCLE.value}: the two are one user already"
_log = logging.getLogger(__name__)


def merge(update: UserUpdate, command: CommandEvent) -> None:
    """Begin to carry out a command that is new."""
    anonymous_id, state = command.command.anonymous_id or "", update.state
    update.changed = True
    before = next((each for each in state.merges if each.command_id == command.event_id), None)
    if before is not None:
        update.name(command, duplicate=True)
        if before.done:
            update.answer(command.event_id, "merge", "done", "it had been done before")
        return
    if anonymous_id == update.user_id:
        update.name(command)
        update.batch.dead.append(
            DeadLetter(command.record, RejectReason.MERGE_CYCLE, "a user cannot be merged into itself", "fold")
        )
        update.answer(command.event_id, "merge", "refused", _CIRCLE)
    else:
        entry = Merge(command.event_id, anonymous_id, command.record.timestamp_ms, ref(command))
        over_limit = keep_merge(update, entry)
        update.name(command, waiting=over_limit is None)
        if over_limit is None:
            resend(update)
        else:
            update.answer(command.event_id, "merge", "refused", over_limit)


def merge_after_erasure(update: UserUpdate, command: CommandEvent) -> None:
    """A merge of before the user was erased: the other is the same person, and erased with it."""
    if command.command.anonymous_id not in {None, update.user_id}:
        tell_erased(update, command.command.anonymous_id or "", update.state.erased_ms)


def resend(update: UserUpdate) -> None:
    """Tell other owners what they have not answered, as far as we know."""
    for each in _pending(update.state):
        update.batch.first.append(_request(update, each))
    update.batch.first += [erased_with(update.user_id, each) for each in update.state.merges if each.erasure]
    alias = update.state.alias
    if alias is not None and alias.held:
        _send_handoff(update, alias)
    expect_answers(update)


def receive(update: UserUpdate, event: TransferEvent) -> None:
    """Take in what another owner says."""
    message = event.message
    if isinstance(message, Request):
        _receive_request(update, message)
    elif isinstance(message, Handoff):
        _receive_handoff(update, event, message)
    elif isinstance(message, Confirm):
        _receive_confirmation(update, message)
    elif isinstance(message, Erased):
        at_ms = erased_at(message.time_ms, update.context.now_ms)
        if at_ms > update.state.erased_ms:
            forget(update, at_ms)
        if message.by:
            heard = ErasureHeard(to=message.by, user_id=update.user_id, time_ms=message.time_ms)
            update.batch.then.append(OutboundTransfer(heard))
    elif isinstance(message, ErasureHeard):
        _receive_erasure_heard(update, message)
    elif isinstance(message, Republish):
        _republish(update, message)
    elif isinstance(message, Forwarded):
        raise TypeError("this is a bug: a record that was passed on is taken in as what it is")


def _receive_request(update: UserUpdate, message: Request) -> None:
    state = update.state
    if message.user_id == update.user_id:
        return
    if message.time_ms <= state.erased_ms:
        update.batch.first.append(OutboundTransfer(Erased(to=message.user_id, time_ms=state.erased_ms)))
        return
    alias = state.alias
    if alias is None:
        if any((each.time_ms, each.command_id) < (message.time_ms, message.command_id) for each in _pending(state)):
            return  # see the module; we shall be asked again
        if over_limit := _cannot_move(update, message):
            update.batch.first.append(OutboundTransfer(_nothing(update.user_id, message, over_limit)))
            return
        clear(update)
        token = blake2b(f"{update.batch.lease.token}\0{message.command_id}".encode(), digest_size=8).hexdigest()
        state.alias = Alias(message.user_id, message.command_id, message.time_ms, message.ref, token, held=True)
    elif alias.command_id == message.command_id:  # asked again, or by another: the target was merged itself
        state.alias = msgspec.structs.replace(alias, target=message.user_id)
    else:
        refused = "" if alias.target == message.user_id else "that user was merged into another one before"
        update.batch.first.append(OutboundTransfer(_nothing(update.user_id, message, refused)))
        return
    update.changed = True
    _send_handoff(update, state.alias)
    expect_answers(update)


def _cannot_move(update: UserUpdate, message: Request) -> str:
    """Why the user cannot be merged into another: that would pass a limit. "" if it can."""
    merges = len(update.state.merges)
    if merges > message.most_merges:
        return f"{merges} users were merged into this one; the other has room for {message.most_merges}"
    fit(update)
    size = len(codec.encode(update.state, update.context.fingerprint))
    return f"its state has {size} bytes: {_MOST_STATE_BYTES} is the most" if size > _MOST_STATE_BYTES else ""


def _nothing(anonymous_id: str, message: Request, refused: str) -> Handoff:
    return Handoff(
        to=message.user_id,
        anonymous_id=anonymous_id,
        command_id=message.command_id,
        time_ms=message.time_ms,
        ref=message.ref,
        refused=refused,
    )


def _send_handoff(update: UserUpdate, alias: Alias) -> None:
    """Send the alias's state to the target; once the target has it, nothing but that this is so."""
    message = Handoff(
        to=alias.target,
        anonymous_id=update.user_id,
        command_id=alias.command_id,
        time_ms=alias.time_ms,
        ref=alias.ref,
        handoff=HandoffToken(update.user_id, update.batch.partition, alias.token),
    )
    fit(update)
    held = codec.encode(replace(update.state, alias=None), update.context.fingerprint) if alias.held else b""
    if len(held) <= _MOST_STATE_BYTES:
        update.batch.then.append(OutboundTransfer(message, held))
    else:  # an earlier version let it grow
        _stays(f"a state of {len(held)} bytes is too large for a handoff")


def _receive_handoff(update: UserUpdate, event: TransferEvent, message: Handoff) -> None:
    state = update.state
    if state.alias is not None:  # merged itself meanwhile: its target takes what was meant for it
        onward = msgspec.structs.replace(message, to=state.alias.target)
        update.batch.first.append(OutboundTransfer(onward, event.record.value or b""))
        return
    if message.time_ms <= state.erased_ms:
        update.batch.first.append(OutboundTransfer(Erased(to=message.anonymous_id, time_ms=state.erased_ms)))
        return
    known = next((each for each in state.merges if each.command_id == message.command_id), None)
    if known is None or not known.done:
        other = _open(event, update.context)
        if other is None or not _fits(update, other):
            return
        update.changed = True
        update.name_ref(message.ref)
        state.merges = [each for each in state.merges if each.command_id != message.command_id]
        if message.refused:
            update.answer(message.command_id, "merge", "refused", message.refused)
            expect_answers(update)
            return
        state.merges.append(Merge(message.command_id, message.anonymous_id, message.time_ms, message.ref, done=True))
        _add(update, other)
        update.answer(message.command_id, "merge", "done")
    if message.handoff is not None:
        update.batch.then.append(OutboundTransfer(Confirm(to=message.anonymous_id, token=message.handoff.token)))


def _open(event: TransferEvent, context: Context) -> UserState | None:
    """The state of a handoff; None if it cannot be read: it stays with its owner, who will send it again."""
    if not event.record.value:
        return UserState()
    try:
        return codec.decode(event.record.value, context.fingerprint)
    except PenchantError as error:
        _stays(f"the state of a handoff cannot be read: {error}")
        return None


def _fits(update: UserUpdate, other: UserState) -> bool:
    """Whether all whom the other is can be remembered: erasing this user erases them.

    Each was told how many may come; only if many came at once it is not enough.
    """
    taken = sum(each.size for each in [*update.state.merges, *other.merges])
    most = update.context.limits.most_merges_bytes
    if taken > most:
        _stays(f"what is kept of the users who were merged into one would take {taken} bytes: {most} is the most")
    return taken <= most


def _stays(why: str) -> None:
    _log.error("action=kept_back %s: it stays with its owner, who will send it again", why)


def _add(update: UserUpdate, other: UserState) -> None:
    state, limits = update.state, update.context.limits
    join(state, other, limits.bounds)
    for entry in other.pending:
        if over_limit := keep(update, entry):
            dead_letter_pending(update, entry, f"it waited for a vector when two users were merged, and {over_limit}")
    for retraction in other.retractions:
        if over_limit := keep(update, retraction):
            dead_letter_pending(update, retraction, f"it waited when two users were merged, and {over_limit}")
    retry_retractions(update)
    for each in other.unnamed:
        update.name_later(each)
    update.name_more(other.unnamed_more)
    for merged in other.merges:
        if not merged.erasure:  # who has to hear of that is told by whose it is
            _take_over(update, merged)
    expect_answers(update)


def _take_over(update: UserUpdate, each: Merge) -> None:
    """What was merged, or is to be, into a user who is this one now: whoever it is has another target."""
    if any(mine.command_id == each.command_id for mine in update.state.merges):
        return
    if each.anonymous_id != update.user_id:
        update.state.merges.append(each)
        update.batch.first.append(_request(update, each))
    elif not each.done:
        update.name_ref(each.ref)
        update.answer(each.command_id, "merge", "refused", _CIRCLE)


def _receive_confirmation(update: UserUpdate, message: Confirm) -> None:
    alias = update.state.alias
    if alias is not None and alias.held and alias.token == message.token:
        update.changed = True
        update.batch.nulls.append(update.user_id)  # its last list is nobody's any more
        dropped = msgspec.structs.replace(alias, held=False)
        update.state = UserState(
            alias=dropped,
            erased_ms=update.state.erased_ms,
            list_version=update.state.list_version,
            merges=[each for each in update.state.merges if each.erasure],
        )
        expect_answers(update)


def _receive_erasure_heard(update: UserUpdate, message: ErasureHeard) -> None:
    state = update.state
    left = [
        each
        for each in state.merges
        if not (each.erasure and each.anonymous_id == message.user_id and each.time_ms <= message.time_ms)
    ]
    if len(left) == len(state.merges):
        return
    state.merges, update.changed = left, True
    expect_answers(update)
    nothing_left = codec.encode(state, "") == codec.encode(UserState(), "")
    if nothing_left and state.erased_ms:
        update.batch.erased[update.user_id], update.changed = state.erased_ms, False


def _republish(update: UserUpdate, message: Republish) -> None:
    if update.state.list_version and update.state.alias is None:
        for each in message.folded:
            update.note(each)
        update.due = True
    else:  # erased, merged, or never had a list: the last word about this user is a null
        update.batch.nulls.append(update.user_id)


def _request(update: UserUpdate, each: Merge) -> OutboundTransfer:
    """What is left is shared by all who are asked: each may bring as many users of its own."""
    left = max(update.context.limits.most_merges - len(update.state.merges), 0)
    return OutboundTransfer(
        Request(
            to=each.anonymous_id,
            user_id=update.user_id,
            command_id=each.command_id,
            time_ms=each.time_ms,
            ref=each.ref,
            most_merges=left // max(len(_pending(update.state)), 1),
        )
    )


def _pending(state: UserState) -> list[Merge]:
    return [each for each in state.merges if not each.done]
