"""Merges one user into another, whose owners may be two workers: ask, hand over, add, confirm.

    owner of `user_id`                               owner of `anonymous_id`
    merge command: remembered, Request ───────────▶  state becomes an alias that still holds it (one write), then
    adds it once, remembers that,       ◀─────────── HandOver
    then Confirm ─────────────────────────────────▶  what was held is dropped; the alias stays, and passes records on

Whoever is not answered tells again, on every assignment and every 30 s. Merges that cross each other cannot circle: a
user with an older merge of its own under way does not become an alias until that is dealt with, so of any circle the
youngest command comes back to where it began and is refused.
"""

import logging
from dataclasses import replace
from hashlib import blake2b

import msgspec

from penchant.errors import PenchantError, Reason
from penchant.topics import MAX_MESSAGE_BYTES
from serving.state import user_state as codec
from serving.state.user_state import Alias, Merge, UserState
from stream.events.decoder import CommandEvent
from stream.events.records import DeadLetter
from stream.events.transfers import Confirm, Erased, Hand, HandOver, Passed, Republish, Request, Sending, TransferEvent
from stream.interest.fold import join
from stream.processing.batch import Answer, Context, Part, Turn, ref
from stream.processing.pending_events import clear, expect_answers, fit, keep, keep_merge, put_aside
from stream.processing.retract import forget, retry_retractions
from stream.store.tombstones import erased_at

_MOST_STATE_BYTES = MAX_MESSAGE_BYTES - 64 * 1024  # the message around it names five ids and a topic, escaped in JSON
_CIRCLE = f"{Reason.MERGE_CYCLE.value}: the two are one user already"
_log = logging.getLogger(__name__)


def merge(part: Part, turn: Turn, command: CommandEvent, context: Context) -> None:
    """Begin to carry out a command that is new."""
    anonymous_id, state = command.command.anonymous_id or "", turn.state
    turn.changed = True
    before = next((each for each in state.merges if each.command_id == command.event_id), None)
    if before is not None:
        turn.name(command, duplicate=True)
        if before.done:
            part.answers.append(Answer(command.event_id, "merge", "done", "it had been done before"))
        return
    if anonymous_id == turn.user_id:
        turn.name(command)
        part.dead.append(DeadLetter(command.record, Reason.MERGE_CYCLE, "a user cannot be merged into itself", "fold"))
        part.answers.append(Answer(command.event_id, "merge", "refused", _CIRCLE))
    else:
        entry = Merge(command.event_id, anonymous_id, command.record.timestamp_ms, ref(command))
        no_room = keep_merge(turn, entry, context.rules)
        turn.name(command, waiting=no_room is None)
        if no_room is None:
            ask_again(part, turn, context)
        else:
            part.answers.append(Answer(command.event_id, "merge", "refused", no_room))


def merge_after_erasure(part: Part, turn: Turn, command: CommandEvent) -> None:
    """A merge of before the user was erased: the other is the same person, and erased with it."""
    if command.command.anonymous_id not in {None, turn.user_id}:
        other = command.command.anonymous_id or ""
        part.first.append(Sending(Erased(to=other, time_ms=turn.state.erased_ms)))


def ask_again(part: Part, turn: Turn, context: Context) -> None:
    """Tell other owners what they have not answered, as far as we know."""
    for each in _pending(turn.state):
        part.first.append(_request(turn, each, context))
    alias = turn.state.alias
    if alias is not None and alias.held:
        _hand_over(part, turn, alias, context)
    expect_answers(part, turn)


def receive(part: Part, turn: Turn, event: TransferEvent, context: Context) -> None:
    """Take in what another owner says."""
    message = event.message
    if isinstance(message, Request):
        _asked(part, turn, message, context)
    elif isinstance(message, HandOver):
        _handed(part, turn, event, message, context)
    elif isinstance(message, Confirm):
        _confirmed(part, turn, message)
    elif isinstance(message, Erased):
        at_ms = erased_at(message.time_ms, context.now_ms)
        if at_ms > turn.state.erased_ms:
            forget(part, turn, at_ms)
    elif isinstance(message, Republish):
        _republish(part, turn, message)
    elif isinstance(message, Passed):
        raise TypeError("this is a bug: a record that was passed on is taken in as what it is")


def _asked(part: Part, turn: Turn, message: Request, context: Context) -> None:
    state = turn.state
    if message.user_id == turn.user_id:
        return
    if message.time_ms <= state.erased_ms:
        part.first.append(Sending(Erased(to=message.user_id, time_ms=state.erased_ms)))
        return
    alias = state.alias
    if alias is None:
        if any((each.time_ms, each.command_id) < (message.time_ms, message.command_id) for each in _pending(state)):
            return  # see the module; we shall be asked again
        if no_room := _cannot_move(part, turn, message, context):
            part.first.append(Sending(_nothing(turn.user_id, message, no_room)))
            return
        clear(part, turn)
        token = blake2b(f"{part.hold.token}\0{message.command_id}".encode(), digest_size=8).hexdigest()
        state.alias = Alias(message.user_id, message.command_id, message.time_ms, message.ref, token, held=True)
    elif alias.command_id == message.command_id:  # asked again, or by another: the target was merged itself
        state.alias = msgspec.structs.replace(alias, target=message.user_id)
    else:
        refused = "" if alias.target == message.user_id else "that user was merged into another one before"
        part.first.append(Sending(_nothing(turn.user_id, message, refused)))
        return
    turn.changed = True
    _hand_over(part, turn, state.alias, context)
    expect_answers(part, turn)


def _cannot_move(part: Part, turn: Turn, message: Request, context: Context) -> str:
    """Why the user cannot be merged into another, if so: that one has no room. "" if it can."""
    merges = len(turn.state.merges)
    if merges > message.room:
        return f"{merges} users were merged into this one; the other has room for {message.room}"
    fit(part, turn, context.rules)
    size = len(codec.encode(turn.state, context.fingerprint))
    return f"its state has {size} bytes: {_MOST_STATE_BYTES} is the most" if size > _MOST_STATE_BYTES else ""


def _nothing(anonymous_id: str, message: Request, refused: str) -> HandOver:
    return HandOver(
        to=message.user_id,
        anonymous_id=anonymous_id,
        command_id=message.command_id,
        time_ms=message.time_ms,
        ref=message.ref,
        refused=refused,
    )


def _hand_over(part: Part, turn: Turn, alias: Alias, context: Context) -> None:
    """Send what is held to the target; once the target has it, nothing but that this is so."""
    message = HandOver(
        to=alias.target,
        anonymous_id=turn.user_id,
        command_id=alias.command_id,
        time_ms=alias.time_ms,
        ref=alias.ref,
        hand=Hand(turn.user_id, part.partition, alias.token),
    )
    fit(part, turn, context.rules)
    held = codec.encode(replace(turn.state, alias=None), context.fingerprint) if alias.held else b""
    if len(held) <= _MOST_STATE_BYTES:
        part.then.append(Sending(message, held))
    else:  # an earlier version let it grow
        _stays(f"a state of {len(held)} bytes is too large to be handed over")


def _handed(part: Part, turn: Turn, event: TransferEvent, message: HandOver, context: Context) -> None:
    state = turn.state
    if state.alias is not None:  # merged itself meanwhile: its target takes what was meant for it
        onward = msgspec.structs.replace(message, to=state.alias.target)
        part.first.append(Sending(onward, event.record.value or b""))
        return
    if message.time_ms <= state.erased_ms:
        part.first.append(Sending(Erased(to=message.anonymous_id, time_ms=state.erased_ms)))
        return
    known = next((each for each in state.merges if each.command_id == message.command_id), None)
    if known is None or not known.done:
        other = _open(event, context)
        if other is None or not _has_room(turn, other, context):
            return
        turn.changed = True
        turn.name_ref(message.ref)
        state.merges = [each for each in state.merges if each.command_id != message.command_id]
        if message.refused:
            part.answers.append(Answer(message.command_id, "merge", "refused", message.refused))
            expect_answers(part, turn)
            return
        state.merges.append(Merge(message.command_id, message.anonymous_id, message.time_ms, message.ref, done=True))
        _add(part, turn, other, context)
        part.answers.append(Answer(message.command_id, "merge", "done"))
    if message.hand is not None:
        part.then.append(Sending(Confirm(to=message.anonymous_id, token=message.hand.token)))


def _open(event: TransferEvent, context: Context) -> UserState | None:
    """The state that was handed over; None if it cannot be read: it stays with its owner, who will send it again."""
    if not event.record.value:
        return UserState()
    try:
        return codec.decode(event.record.value, context.fingerprint)
    except PenchantError as error:
        _stays(f"a state that was handed over cannot be read: {error}")
        return None


def _has_room(turn: Turn, other: UserState, context: Context) -> bool:
    """Whether all whom the other is can be remembered: erasing this user erases them.

    Each was told how much room there is; only if many came at once it is not enough.
    """
    taken = sum(each.size for each in [*turn.state.merges, *other.merges])
    most = context.rules.most_merges_bytes
    if taken > most:
        _stays(f"what is kept of the users who were merged into one would take {taken} bytes: {most} is the most")
    return taken <= most


def _stays(why: str) -> None:
    _log.error("action=kept_back %s: it stays with its owner, who will send it again", why)


def _add(part: Part, turn: Turn, other: UserState, context: Context) -> None:
    state, rules = turn.state, context.rules
    join(state, other, rules.bounds)
    for entry in other.pending:
        if no_room := keep(part, turn, entry, rules):
            put_aside(part, entry, f"it waited for a vector when two users were merged, and {no_room}")
    for retraction in other.retractions:
        if no_room := keep(part, turn, retraction, rules):
            put_aside(part, retraction, f"it waited when two users were merged, and {no_room}")
    retry_retractions(part, turn, context)
    for each in other.unnamed:
        turn.name_later(each)
    turn.name_more(other.unnamed_more)
    for merged in other.merges:
        _take_over(part, turn, merged, context)
    expect_answers(part, turn)


def _take_over(part: Part, turn: Turn, each: Merge, context: Context) -> None:
    """What was merged, or is to be, into a user who is this one now: whoever it is has another target."""
    if any(mine.command_id == each.command_id for mine in turn.state.merges):
        return
    if each.anonymous_id != turn.user_id:
        turn.state.merges.append(each)
        part.first.append(_request(turn, each, context))
    elif not each.done:
        turn.name_ref(each.ref)
        part.answers.append(Answer(each.command_id, "merge", "refused", _CIRCLE))


def _confirmed(part: Part, turn: Turn, message: Confirm) -> None:
    alias = turn.state.alias
    if alias is not None and alias.held and alias.token == message.token:
        turn.changed = True
        dropped = msgspec.structs.replace(alias, held=False)
        turn.state = UserState(alias=dropped, erased_ms=turn.state.erased_ms, list_version=turn.state.list_version)
        expect_answers(part, turn)


def _republish(part: Part, turn: Turn, message: Republish) -> None:
    if turn.state.alias is not None:
        return
    if turn.state.list_version:
        for each in message.folded:
            turn.note(each)
        turn.due = True
    else:  # erased, or never had a list: the last word about this user is a null
        part.nulls.append(turn.user_id)


def _request(turn: Turn, each: Merge, context: Context) -> Sending:
    """What is left is shared by all who are asked: each may bring as many users of its own."""
    left = max(context.rules.most_merges - len(turn.state.merges), 0)
    return Sending(
        Request(
            to=each.anonymous_id,
            user_id=turn.user_id,
            command_id=each.command_id,
            time_ms=each.time_ms,
            ref=each.ref,
            room=left // max(len(_pending(turn.state)), 1),
        )
    )


def _pending(state: UserState) -> list[Merge]:
    return [each for each in state.merges if not each.done]
