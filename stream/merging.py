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

from serving import state as codec
from serving.errors import PenchantError, Reason
from serving.state import Alias, Merge, UserState
from serving.topics import MAX_MESSAGE_BYTES
from stream.commands import forget, refuse, retry_retractions
from stream.events import CommandEvent
from stream.interest import join
from stream.records import DeadLetter
from stream.room import clear, expect_answers, keep, record_of
from stream.transfers import Confirm, Erased, Hand, HandOver, Passed, Republish, Request, Sending, TransferEvent
from stream.turns import Answer, Context, Part, Turn, ref

_MOST_STATE_BYTES = MAX_MESSAGE_BYTES - 64 * 1024
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
    elif len(state.merges) >= context.rules.most_merges:
        turn.name(command)
        reason = f"{context.rules.most_merges} users were merged into this one; that is the most"
        part.answers.append(Answer(command.event_id, "merge", "refused", reason))
    else:
        turn.name(command, waiting=True)
        at_ms = command.record.timestamp_ms
        state.merges.append(Merge(command.event_id, anonymous_id, at_ms, ref(command)))
        ask_again(part, turn, context)


def merge_after_erasure(part: Part, turn: Turn, command: CommandEvent) -> None:
    """A merge of before the user was erased: the other is the same person, and erased with it."""
    if command.command.anonymous_id not in {None, turn.user_id}:
        other = command.command.anonymous_id or ""
        part.first.append(Sending(Erased(to=other, time_ms=turn.state.erased_ms)))


def ask_again(part: Part, turn: Turn, context: Context) -> None:
    """Tell other owners what they have not answered, as far as we know."""
    state = turn.state
    for each in state.merges:
        if not each.done:
            part.first.append(_request(turn.user_id, each))
    if state.alias is not None and state.alias.held:
        part.then.append(_hand_over(part, turn, state.alias, context))
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
        if message.time_ms > turn.state.erased_ms:
            forget(part, turn, message.time_ms)
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
        clear(part, turn)
        _fit(part, turn, context)
        token = blake2b(f"{part.hold.token}\0{message.command_id}".encode(), digest_size=8).hexdigest()
        state.alias = Alias(message.user_id, message.command_id, message.time_ms, message.ref, token, held=True)
    elif alias.command_id == message.command_id:  # asked again, or by another: the target was merged itself
        state.alias = msgspec.structs.replace(alias, target=message.user_id)
    else:
        refused = "" if alias.target == message.user_id else "that user was merged into another one before"
        part.first.append(Sending(_nothing(turn.user_id, message, refused)))
        return
    turn.changed = True
    part.then.append(_hand_over(part, turn, state.alias, context))
    expect_answers(part, turn)


def _fit(part: Part, turn: Turn, context: Context) -> None:
    """Have the state fit into one message: of what waits, the longest goes to the dead letters."""
    state = turn.state
    while state.waiting and len(codec.encode(state, context.fingerprint)) > _MOST_STATE_BYTES:
        longest = max(state.waiting, key=lambda entry: len(entry.value))
        state.waiting.remove(longest)
        message = f"more than {_MOST_STATE_BYTES} bytes of this user waited when it was merged into another"
        part.dead.append(DeadLetter(record_of(longest), Reason.UNKNOWN_ITEM, message, "fold"))


def _nothing(anonymous_id: str, message: Request, refused: str) -> HandOver:
    return HandOver(
        to=message.user_id,
        anonymous_id=anonymous_id,
        command_id=message.command_id,
        time_ms=message.time_ms,
        ref=message.ref,
        refused=refused,
    )


def _hand_over(part: Part, turn: Turn, alias: Alias, context: Context) -> Sending:
    """What is held, for the target; once the target has it, nothing but that this is so."""
    message = HandOver(
        to=alias.target,
        anonymous_id=turn.user_id,
        command_id=alias.command_id,
        time_ms=alias.time_ms,
        ref=alias.ref,
        hand=Hand(turn.user_id, part.partition, alias.token),
    )
    if not alias.held:
        return Sending(message)
    held = replace(turn.state, alias=None)
    return Sending(message, codec.encode(held, context.fingerprint))


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
        if other is None:
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
        _log.error("a state that was handed over cannot be read, and stays where it is: %s", error)
        return None


def _add(part: Part, turn: Turn, other: UserState, context: Context) -> None:
    state, rules = turn.state, context.rules
    join(state, other, rules.bounds)
    for entry in other.waiting:
        if no_room := keep(part, turn, entry, rules):
            reason = Reason.ENCODER_TIMEOUT if entry.missed else Reason.UNKNOWN_ITEM
            part.dead.append(DeadLetter(record_of(entry), reason, f"it waited for a vector, and {no_room}", "fold"))
    for retraction in other.retractions:
        if keep(part, turn, retraction, rules):
            refuse(part, retraction, "of the two users that were merged, too many wait")
    retry_retractions(part, turn, context)
    for each in other.unnamed:
        turn.name_later(each)
    state.unnamed_more += other.unnamed_more
    for merged in other.merges:
        _take_over(part, turn, merged)
    expect_answers(part, turn)


def _take_over(part: Part, turn: Turn, each: Merge) -> None:
    """What was merged, or is to be, into a user who is this one now: whoever it is has another target."""
    if any(mine.command_id == each.command_id for mine in turn.state.merges):
        return
    if each.anonymous_id != turn.user_id:
        turn.state.merges.append(each)
        part.first.append(_request(turn.user_id, each))
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


def _request(user_id: str, each: Merge) -> Sending:
    return Sending(
        Request(to=each.anonymous_id, user_id=user_id, command_id=each.command_id, time_ms=each.time_ms, ref=each.ref)
    )


def _pending(state: UserState) -> list[Merge]:
    return [each for each in state.merges if not each.done]
