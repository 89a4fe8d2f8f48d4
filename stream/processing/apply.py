"""Takes a part in: each event and command is folded into the state of its user's turn. Pure but for the states."""

from enum import Enum

from penchant.errors import RejectReason
from penchant.messages import CoVisitEvent
from serving.state.user_state import Alias, PendingEvent, UserState, Vector
from stream.events.decoder import CommandEvent, Event
from stream.events.records import DeadLetter, Record
from stream.events.transfers import HandoffToken, Request, TransferEvent, oversize, pass_on
from stream.interest.fold import Outcome, direction, find_duplicate, fold
from stream.interest.sentiment_adjustment import adjusted
from stream.processing.batch import Answer, Context, PartitionBatch, Trigger, UserUpdate, WorkItem, ref
from stream.processing.merge import ask_again, merge, merge_after_erasure, receive
from stream.processing.pending_events import expel, fit, leave, wait_for_vector
from stream.processing.retract import ERASED_SINCE, erase, give_up, retract, take_back_on_arrival, try_again


class ApplyResult(Enum):
    """What became of a new event."""

    COUNTED = "counted"
    WAITS = "waits"
    ANNULLED = "annulled"
    DUPLICATE = "duplicate"


class MissingVector(Enum):
    """Whose vector is missing."""

    ITEM = "item"
    TEXT = "text"


def apply(batch: PartitionBatch, context: Context) -> None:
    """Fold the part's inputs into its turns' states.

    Requests come last: what else the batch has of their users is in the state that is handed over.
    """
    for each in sorted(batch.inputs, key=_is_request):
        update = batch.updates[each.user_id]
        if not isinstance(each.event, Event) or each.arrival is not Trigger.FRESH:
            update.burst.lose()
        if each.arrival is not Trigger.FRESH:
            _waited(batch, update, each, context)
            continue
        if each.event is None:
            raise TypeError("this is a bug: nothing came from the log")
        came = each.carrier or each.event.record
        if batch.again(came):
            _again(update, each.event)
        elif each.hand is not None and batch.hands.get(each.hand.user_id) != each.hand.token:
            batch.ignored += 1  # of before the store was emptied or put back: it comes again
        else:
            _new(batch, update, each.event, came, context)
    for update in batch.updates.values():
        fit(batch, update, context.limits)
        update.settle(context.now_ms)


def _new(
    batch: PartitionBatch,
    update: UserUpdate,
    event: Event | CommandEvent | TransferEvent,
    came: Record,
    context: Context,
) -> None:
    if isinstance(event, TransferEvent):
        receive(batch, update, event, context)
    elif update.state.alias is not None:
        _pass_on(batch, update, event, update.state.alias)
    elif isinstance(event, CommandEvent):
        _obey(batch, update, event, context)
    elif event.record.timestamp_ms <= update.state.erased_ms:
        batch.ignored += 1
    else:
        _fresh(batch, update, event, came, context)


def _is_request(each: WorkItem) -> bool:
    return isinstance(each.event, TransferEvent) and isinstance(each.event.message, Request)


def _again(update: UserUpdate, event: Event | CommandEvent | TransferEvent) -> None:
    """What the state holds already: its list is published once more."""
    if isinstance(event, TransferEvent) or update.state.alias is not None:
        return
    if isinstance(event, CommandEvent) and event.command.type == "erase":
        return
    if event.record.timestamp_ms <= update.state.erased_ms or not update.state.list_version:
        return  # erased since
    update.note(ref(event))
    update.due |= isinstance(event, CommandEvent) or not _silent(event)


def _pass_on(batch: PartitionBatch, update: UserUpdate, event: Event | CommandEvent, alias: Alias) -> None:
    """What is new of a user who was merged into another."""
    if event.record.timestamp_ms <= update.state.erased_ms:
        batch.ignored += 1
        return
    update.changed = True  # written again, the alias expires no sooner than its target
    sending = pass_on(event.record, alias.target, HandoffToken(update.user_id, batch.partition, alias.token))
    if size := oversize(sending):
        message = f"its user was merged into another, and with {size} bytes it is too large to be passed on"
        batch.dead.append(DeadLetter(event.record, RejectReason.TOO_LARGE, message, "send"))
        if isinstance(event, CommandEvent):
            said = f"{RejectReason.TOO_LARGE.value}: {message}"
            batch.answers.append(Answer(event.event_id, event.command.type, "refused", said))
        return
    batch.first.append(sending)


def _obey(batch: PartitionBatch, update: UserUpdate, command: CommandEvent, context: Context) -> None:
    """Carry out a command that is new."""
    kind = command.command.type
    if command.record.timestamp_ms <= update.state.erased_ms:
        batch.answers.append(Answer(command.event_id, kind, "done", ERASED_SINCE))
        if kind == "merge":
            merge_after_erasure(batch, update, command)
    elif kind == "erase":
        erase(batch, update, command, context)
    elif kind == "retract":
        retract(batch, update, command, context)
    else:
        merge(batch, update, command, context)


def _fresh(batch: PartitionBatch, update: UserUpdate, event: Event, came: Record, context: Context) -> None:
    links = event.item_id is not None and event.weight.covisit > 0
    before = update.burst.company(update.state) if links else None
    took = _take_in(batch, update, event, context)
    if took is ApplyResult.ANNULLED:
        update.burst.lose()
    elif took is ApplyResult.COUNTED and not _silent(event):
        update.burst.follow(update.state)
    if isinstance(took, DeadLetter):
        batch.dead.append(took)
        return
    update.changed = True
    if took in {ApplyResult.COUNTED, ApplyResult.WAITS} and event.item_id is not None and before is not None:
        events = batch.covisit_events.setdefault(came.topic, [])
        events.append(CoVisitEvent(came.offset, event.item_id, event.weight.covisit, *before))
    if took is ApplyResult.DUPLICATE:
        update.name_later(ref(event, duplicate=True))
    elif _silent(event):
        update.name_later(ref(event))
    else:
        update.name(event, waiting=took is ApplyResult.WAITS)


def _take_in(batch: PartitionBatch, update: UserUpdate, event: Event, context: Context) -> ApplyResult | DeadLetter:
    """Count an event, or have it wait for a vector, or for nothing: it may have been taken back before it came."""
    state = update.state
    waits = next((entry for entry in state.pending if entry.event_id == event.event_id), None)
    if waits is not None:
        same = (waits.topic, waits.item_id) == (event.record.topic, event.item_id or "")
        known: Outcome | None = Outcome.DUPLICATE if same else Outcome.REUSED
    else:
        known = find_duplicate(state, event, context.text_of(event))
    if known is Outcome.REUSED:
        message = f"event_id {event.event_id!r} was used before by this user, for another event: the first one counts"
        return DeadLetter(event.record, RejectReason.ID_REUSED, message, "fold")
    if known is Outcome.DUPLICATE:
        return ApplyResult.DUPLICATE
    if take_back_on_arrival(batch, update, event, context):
        return ApplyResult.ANNULLED
    lack = _lack(event, context)
    if lack is None:
        _count(state, event, context)
        return ApplyResult.COUNTED
    return _wait(batch, update, event, lack, context) or ApplyResult.WAITS


def _wait(
    batch: PartitionBatch, update: UserUpdate, event: Event, lack: MissingVector, context: Context
) -> DeadLetter | None:
    """Have an event wait. Returns it as a dead letter if there is no room."""
    no_room = wait_for_vector(batch, update, event, context.limits, missed=lack is MissingVector.TEXT)
    if no_room is None:
        return None
    if lack is MissingVector.TEXT:
        return DeadLetter(
            event.record, RejectReason.ENCODER_TIMEOUT, f"the encoder missed its text, and {no_room}", "fold"
        )
    return DeadLetter(
        event.record, RejectReason.UNKNOWN_ITEM, f"item {event.item_id!r} has no vector, and {no_room}", "fold"
    )


def _waited(batch: PartitionBatch, update: UserUpdate, each: WorkItem, context: Context) -> None:
    """An entry of the waiting room is to leave it, unless it has by now."""
    state, event = update.state, each.event
    if each.arrival is Trigger.UNANSWERED:
        ask_again(batch, update, context)
        return
    if state.alias is not None:
        return  # what it held waits with its target now
    if each.letter is not None:
        expel(batch, update, each.letter, context.limits)
        return
    if each.arrival is Trigger.UNCLAIMED or isinstance(event, CommandEvent):
        retraction = next((entry for entry in state.retractions if entry.command_id == each.event_id), None)
        if retraction is not None and isinstance(event, CommandEvent):
            try_again(batch, update, retraction, event, context)
        elif retraction is not None:
            give_up(batch, update, retraction, context)
        return
    entry = next((entry for entry in state.pending if entry.event_id == each.event_id), None)
    if entry is None:
        return
    if isinstance(event, Event):
        _count_or_wait_on(batch, update, entry, event, context)


def _count_or_wait_on(
    batch: PartitionBatch, update: UserUpdate, entry: PendingEvent, event: Event, context: Context
) -> None:
    """Count an event that waited; what waited for its item may have to wait for its text now, and the reverse."""
    lack = _lack(event, context)
    if lack is not None and entry.missed == (lack is MissingVector.TEXT):
        return
    leave(batch, update, entry, context.limits)
    if lack is not None:
        letter = _wait(batch, update, event, lack, context)
        batch.dead += [letter] if letter is not None else []
    elif _count(update.state, event, context) is Outcome.FOLDED:
        update.name(event)


def _count(state: UserState, event: Event, context: Context) -> Outcome:
    text = context.text_of(event)
    item: Vector | None = context.items(event.item_id) if event.item_id is not None else None
    event = adjusted(event, text, context.limits.sentiment)
    return fold(state, event, direction(item, text), text, context.limits.bounds)


def _lack(event: Event, context: Context) -> MissingVector | None:
    """What an event that counts cannot be counted without."""
    if not event.weight.covisit and not event.weight.preference:
        return None
    if event.item_id is not None and context.items(event.item_id) is None:
        return MissingVector.ITEM
    return MissingVector.TEXT if event.text is not None and context.text_of(event) is None else None


def _silent(event: Event) -> bool:
    """Whether it causes no list: an impression, which says only that a list was seen."""
    return not event.weight.covisit and not event.weight.preference and not event.seen
