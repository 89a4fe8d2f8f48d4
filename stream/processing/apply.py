"""Applies a batch: each input to its user's state, by the handler that its kind asks for. Pure but for the states."""

from collections.abc import Callable
from enum import Enum

from penchant.errors import RejectReason
from penchant.messages import CoVisitEvent
from serving.state.user_state import PendingEvent, UserState, Vector
from stream.events.decoder import CommandEvent, Event
from stream.events.records import DeadLetter
from stream.events.transfers import HandoffToken, Request, TransferEvent, oversize, pass_on
from stream.interest.fold import Bounds, FoldResult, direction, find_duplicate, fold
from stream.interest.influence import counted, nth_of_day
from stream.interest.purchases import purchase_context
from stream.interest.sentiment_adjustment import adjusted
from stream.processing.batch import Context, CoVisitDetail, PartitionBatch, Trigger, UserUpdate, WorkItem, ref
from stream.processing.merge import merge, merge_after_erasure, receive, resend
from stream.processing.pending_events import expel, fit, leave, wait_for_vector
from stream.processing.retract import ERASED_SINCE, erase, give_up, retract, retract_on_arrival, tell_erased, try_again
from stream.store.tombstones import erased_at

_Handler = Callable[[UserUpdate, WorkItem], None]


class _MissingVector(Enum):
    """Whose vector is missing."""

    ITEM = "item"
    TEXT = "text"


def apply(batch: PartitionBatch) -> None:
    """Apply a batch's inputs to its users.

    Requests come last: what else the batch has of their users is in the state of the handoff.
    """
    for each in sorted(batch.inputs, key=_is_request):
        update = batch.updates[each.user_id]
        if not isinstance(each.event, Event) or each.trigger is not Trigger.FRESH:
            update.burst.lose()
        told = len(batch.answers)
        _handler(update, each)(update, each)
        if isinstance(each.event, CommandEvent) and each.trigger is Trigger.FRESH:
            _note_who_asked(update, each, each.event, told)
    for update in batch.updates.values():
        fit(update)
        update.finish(update.context.now_ms)


def _note_who_asked(update: UserUpdate, each: WorkItem, event: CommandEvent, told: int) -> None:
    if not update.batch.again(each.carrier or event.record):
        update.note_who_asked(event, told)


def _handler(update: UserUpdate, each: WorkItem) -> _Handler:
    """What deals with an input, as its user stands."""
    batch, state, event = update.batch, update.state, each.event
    if each.trigger is not Trigger.FRESH:
        return _OF_TRIGGERS[each.trigger] if state.alias is None or each.trigger is Trigger.UNANSWERED else _ignore
    if event is None:
        raise TypeError("this is a bug: nothing came from the log")
    if batch.again(each.carrier or event.record):
        return _again
    if each.handoff is not None and batch.handoffs.get(each.handoff.user_id) != each.handoff.token:
        return _leave_out  # of before the store was emptied or restored: it comes again
    return _handler_of_new(state, event)


def _handler_of_new(state: UserState, event: Event | CommandEvent | TransferEvent) -> _Handler:
    if isinstance(event, TransferEvent):
        return _receive
    if state.alias is not None:
        return _pass_on
    stands = event.record.timestamp_ms > state.erased_ms
    if isinstance(event, CommandEvent):
        return _OF_COMMANDS[event.command.type] if stands else _obey_erased
    return _on_event if stands else _leave_out


def _is_request(each: WorkItem) -> bool:
    return isinstance(each.event, TransferEvent) and isinstance(each.event.message, Request)


def _ignore(update: UserUpdate, each: WorkItem) -> None:
    """What an alias held waits with its target now."""


def _leave_out(update: UserUpdate, each: WorkItem) -> None:
    update.batch.ignored += 1


def _receive(update: UserUpdate, each: WorkItem) -> None:
    if isinstance(each.event, TransferEvent):
        receive(update, each.event)


def _again(update: UserUpdate, each: WorkItem) -> None:
    """What the state has already: its list is published once more."""
    event = each.event
    if event is None or isinstance(event, TransferEvent) or update.state.alias is not None:
        return
    if isinstance(event, CommandEvent) and event.command.type == "erase":
        return
    if event.record.timestamp_ms <= update.state.erased_ms or not update.state.list_version:
        return  # erased since
    update.note(ref(event))
    update.due |= isinstance(event, CommandEvent) or not _silent(event)


def _pass_on(update: UserUpdate, each: WorkItem) -> None:
    """What is new of a user who was merged into another."""
    event, alias = each.event, update.state.alias
    if alias is None or event is None or isinstance(event, TransferEvent):
        return
    if event.record.timestamp_ms <= update.state.erased_ms:
        update.batch.ignored += 1
        return
    update.changed = True  # written again, the alias expires no sooner than its target
    sending = pass_on(event.record, alias.target, HandoffToken(update.user_id, update.batch.partition, alias.token))
    if size := oversize(sending):
        message = f"its user was merged into another, and with {size} bytes it is too large to be forwarded"
        update.batch.dead.append(DeadLetter(event.record, RejectReason.TOO_LARGE, message, "send"))
        if isinstance(event, CommandEvent):
            said = f"{RejectReason.TOO_LARGE.value}: {message}"
            update.answer(event.event_id, event.command.type, "refused", said)
        return
    update.batch.first.append(sending)
    if isinstance(event, CommandEvent):
        update.answer(event.event_id, event.command.type, "forwarded")
        if event.command.type == "erase":  # what is forwarded stands on its topic for a day
            tell_erased(update, alias.target, erased_at(event.record.timestamp_ms, update.context.now_ms))


def _command(carry_out: Callable[[UserUpdate, CommandEvent], None]) -> _Handler:
    def handler(update: UserUpdate, each: WorkItem) -> None:
        if isinstance(each.event, CommandEvent):
            carry_out(update, each.event)

    return handler


@_command
def _obey_erased(update: UserUpdate, command: CommandEvent) -> None:
    """A command of before its user was erased: nothing is left to carry it out on."""
    kind = command.command.type
    update.answer(command.event_id, kind, "done", ERASED_SINCE)
    if kind == "merge":
        merge_after_erasure(update, command)


def _on_event(update: UserUpdate, each: WorkItem) -> None:
    """Count an event, or have it wait for a vector, or for nothing: it may have been retracted before it came."""
    event, state = each.event, update.state
    if not isinstance(event, Event):
        return
    known = _known(update, event)
    if known is FoldResult.REUSED:
        message = f"event_id {event.event_id!r} was used before by this user, for another event: the first one counts"
        update.batch.dead.append(DeadLetter(event.record, RejectReason.ID_REUSED, message, "fold"))
        update.batch.note(event, "rejected")
        return
    if known is FoldResult.DUPLICATE:
        update.changed = True
        update.name_later(ref(event, duplicate=True))
        update.batch.note(event, "duplicate")
        return
    if retract_on_arrival(update, event):
        update.burst.lose()
        _name(update, event, waiting=False)
        update.batch.note(event, "retracted")
        return
    covisit = _covisit(update, each, event)
    missing = _missing_vector(event, update.context)
    if missing is not None and not _wait(update, event, missing):
        update.batch.note(event, "rejected")
        return
    if missing is None:
        update.batch.late += bool(state.ring) and event.time_ms < state.ring[-1].time_ms
        fold(state, *_to_fold(event, update.context))
        if not _silent(event):
            update.burst.follow(state)
    if covisit is not None:
        update.batch.covisit_events.setdefault((each.carrier or event.record).topic, []).append(covisit)
    _name(update, event, waiting=missing is not None)
    update.batch.note(event, "folded" if missing is None else "waiting")


def _covisit(update: UserUpdate, each: WorkItem, event: Event) -> CoVisitEvent | None:
    """What everybody's lists are told of a new event, from its user's state before it; None: nothing."""
    state, limits, own = update.state, update.context.limits, event.weight.covisit
    if event.item_id is None or own <= 0 or limits.covisits is CoVisitDetail.NOTHING:
        return None
    offset = (each.carrier or event.record).offset
    covisit = counted(state, event) if limits.user_caps else own
    if limits.covisits is CoVisitDetail.WEIGHT:
        return CoVisitEvent(offset, event.item_id, covisit, [])
    nth = nth_of_day(state, event) if limits.user_caps else 1
    before, bought = update.burst.context_of(state), purchase_context(state, event)
    return CoVisitEvent(offset, event.item_id, covisit, *before, event.time_ms, *bought, own, nth)


def _name(update: UserUpdate, event: Event, *, waiting: bool) -> None:
    update.changed = True
    if _silent(event):
        update.name_later(ref(event))
    else:
        update.name(event, waiting=waiting)


def _known(update: UserUpdate, event: Event) -> FoldResult | None:
    """Whether an event came before: a pending one is known by its place and item, a counted one by its content."""
    waits = next((entry for entry in update.state.pending if entry.event_id == event.event_id), None)
    if waits is None:
        return find_duplicate(update.state, event, update.context.text_of(event))
    same = (waits.topic, waits.item_id) == (event.record.topic, event.item_id or "")
    return FoldResult.DUPLICATE if same else FoldResult.REUSED


def _wait(update: UserUpdate, event: Event, missing: _MissingVector) -> bool:
    """Have an event wait. Returns False if a limit forbids it, and it became a dead letter."""
    over_limit = wait_for_vector(update, event, missed=missing is _MissingVector.TEXT)
    if over_limit is None:
        return True
    reason, what = RejectReason.UNKNOWN_ITEM, f"item {event.item_id!r} has no vector"
    if missing is _MissingVector.TEXT:
        reason, what = RejectReason.ENCODER_TIMEOUT, "the encoder missed its text"
    update.batch.dead.append(DeadLetter(event.record, reason, f"{what}, and {over_limit}", "fold"))
    return False


def _resend(update: UserUpdate, _: WorkItem) -> None:
    resend(update)


def _on_pending(update: UserUpdate, each: WorkItem) -> None:
    """A pending event or retraction is to go on, unless it has by now."""
    event = each.event
    if each.dead_letter is not None:
        expel(update, each.dead_letter)
    elif each.trigger is Trigger.UNCLAIMED or isinstance(event, CommandEvent):
        retraction = next((some for some in update.state.retractions if some.command_id == each.event_id), None)
        if retraction is not None and isinstance(event, CommandEvent):
            try_again(update, retraction, event)
        elif retraction is not None:
            give_up(update, retraction)
    elif isinstance(event, Event):
        entry = next((entry for entry in update.state.pending if entry.event_id == each.event_id), None)
        if entry is not None:
            _count_or_wait_on(update, entry, event)


def _count_or_wait_on(update: UserUpdate, entry: PendingEvent, event: Event) -> None:
    """Count an event that waited; what waited for its item may have to wait for its text now, and the reverse."""
    missing = _missing_vector(event, update.context)
    if missing is not None and entry.missed == (missing is _MissingVector.TEXT):
        return
    leave(update, entry)
    if missing is not None:
        _wait(update, event, missing)
    elif fold(update.state, *_to_fold(event, update.context)) is FoldResult.FOLDED:
        update.name(event)


def _to_fold(event: Event, context: Context) -> tuple[Event, Vector | None, Vector | None, Bounds]:
    """What `fold` is given beside a state."""
    text = context.text_of(event)
    item: Vector | None = context.items(event.item_id) if event.item_id is not None else None
    return adjusted(event, text, context.limits.sentiment), direction(item, text), text, context.limits.bounds


def _missing_vector(event: Event, context: Context) -> _MissingVector | None:
    """What an event that counts cannot be counted without."""
    if not event.weight.covisit and not event.weight.preference:
        return None
    if event.item_id is not None and context.items(event.item_id) is None:
        return _MissingVector.ITEM
    return _MissingVector.TEXT if event.text is not None and context.text_of(event) is None else None


def _silent(event: Event) -> bool:
    """Whether it causes no list: an impression, which says only that a list was seen."""
    return not event.weight.covisit and not event.weight.preference and not event.seen


_OF_COMMANDS = {"erase": _command(erase), "retract": _command(retract), "merge": _command(merge)}
_OF_TRIGGERS: dict[Trigger, _Handler] = {
    Trigger.WOKEN: _on_pending,
    Trigger.MISSED: _on_pending,
    Trigger.EXPIRED: _on_pending,
    Trigger.UNCLAIMED: _on_pending,
    Trigger.UNANSWERED: _resend,
}
