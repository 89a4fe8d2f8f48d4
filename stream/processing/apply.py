"""Takes a part in: each event and command is folded into the state of its user's turn. Pure but for the states."""

from enum import Enum

from penchant.errors import Reason
from penchant.messages import CoVisitEvent
from serving.state.user_state import Alias, PendingEvent, UserState, Vector
from stream.events.decoder import CommandEvent, Event
from stream.events.records import DeadLetter, Record
from stream.events.transfers import Hand, Request, TransferEvent, oversize, pass_on
from stream.interest.fold import Outcome, direction, fold, recall
from stream.interest.sentiment_adjustment import judged
from stream.processing.batch import Answer, Arrival, Context, Input, Part, Turn, ref
from stream.processing.merge import ask_again, merge, merge_after_erasure, receive
from stream.processing.pending_events import expel, fit, leave, wait_for_vector
from stream.processing.retract import ERASED_SINCE, erase, give_up, retract, take_back_on_arrival, try_again


class Took(Enum):
    """What became of a new event."""

    COUNTED = "counted"
    WAITS = "waits"
    ANNULLED = "annulled"
    DUPLICATE = "duplicate"


class Lack(Enum):
    """Whose vector is missing."""

    ITEM = "item"
    TEXT = "text"


def take(part: Part, context: Context) -> None:
    """Fold the part's inputs into its turns' states.

    Requests come last: what else the batch has of their users is in the state that is handed over.
    """
    for each in sorted(part.inputs, key=_is_request):
        turn = part.turns[each.user_id]
        if not isinstance(each.event, Event) or each.arrival is not Arrival.FRESH:
            turn.burst.lose()
        if each.arrival is not Arrival.FRESH:
            _waited(part, turn, each, context)
            continue
        if each.event is None:
            raise TypeError("this is a bug: nothing came from the log")
        came = each.carrier or each.event.record
        if part.again(came):
            _again(turn, each.event)
        elif each.hand is not None and part.hands.get(each.hand.user_id) != each.hand.token:
            part.ignored += 1  # of before the store was emptied or put back: it comes again
        else:
            _new(part, turn, each.event, came, context)
    for turn in part.turns.values():
        fit(part, turn, context.rules)
        turn.settle(context.now_ms)


def _new(part: Part, turn: Turn, event: Event | CommandEvent | TransferEvent, came: Record, context: Context) -> None:
    if isinstance(event, TransferEvent):
        receive(part, turn, event, context)
    elif turn.state.alias is not None:
        _pass_on(part, turn, event, turn.state.alias)
    elif isinstance(event, CommandEvent):
        _obey(part, turn, event, context)
    elif event.record.timestamp_ms <= turn.state.erased_ms:
        part.ignored += 1
    else:
        _fresh(part, turn, event, came, context)


def _is_request(each: Input) -> bool:
    return isinstance(each.event, TransferEvent) and isinstance(each.event.message, Request)


def _again(turn: Turn, event: Event | CommandEvent | TransferEvent) -> None:
    """What the state holds already: its list is published once more."""
    if isinstance(event, TransferEvent) or turn.state.alias is not None:
        return
    if isinstance(event, CommandEvent) and event.command.type == "erase":
        return
    if event.record.timestamp_ms <= turn.state.erased_ms or not turn.state.list_version:
        return  # erased since
    turn.note(ref(event))
    turn.due |= isinstance(event, CommandEvent) or not _silent(event)


def _pass_on(part: Part, turn: Turn, event: Event | CommandEvent, alias: Alias) -> None:
    """What is new of a user who was merged into another."""
    if event.record.timestamp_ms <= turn.state.erased_ms:
        part.ignored += 1
        return
    turn.changed = True  # written again, the alias expires no sooner than its target
    sending = pass_on(event.record, alias.target, Hand(turn.user_id, part.partition, alias.token))
    if size := oversize(sending):
        message = f"its user was merged into another, and with {size} bytes it is too large to be passed on"
        part.dead.append(DeadLetter(event.record, Reason.TOO_LARGE, message, "send"))
        if isinstance(event, CommandEvent):
            said = f"{Reason.TOO_LARGE.value}: {message}"
            part.answers.append(Answer(event.event_id, event.command.type, "refused", said))
        return
    part.first.append(sending)


def _obey(part: Part, turn: Turn, command: CommandEvent, context: Context) -> None:
    """Carry out a command that is new."""
    kind = command.command.type
    if command.record.timestamp_ms <= turn.state.erased_ms:
        part.answers.append(Answer(command.event_id, kind, "done", ERASED_SINCE))
        if kind == "merge":
            merge_after_erasure(part, turn, command)
    elif kind == "erase":
        erase(part, turn, command, context)
    elif kind == "retract":
        retract(part, turn, command, context)
    else:
        merge(part, turn, command, context)


def _fresh(part: Part, turn: Turn, event: Event, came: Record, context: Context) -> None:
    links = event.item_id is not None and event.weight.covisit > 0
    before = turn.burst.company(turn.state) if links else None
    took = _take_in(part, turn, event, context)
    if took is Took.ANNULLED:
        turn.burst.lose()
    elif took is Took.COUNTED and not _silent(event):
        turn.burst.follow(turn.state)
    if isinstance(took, DeadLetter):
        part.dead.append(took)
        return
    turn.changed = True
    if took in {Took.COUNTED, Took.WAITS} and event.item_id is not None and before is not None:
        events = part.covisit_events.setdefault(came.topic, [])
        events.append(CoVisitEvent(came.offset, event.item_id, event.weight.covisit, *before))
    if took is Took.DUPLICATE:
        turn.name_later(ref(event, duplicate=True))
    elif _silent(event):
        turn.name_later(ref(event))
    else:
        turn.name(event, waiting=took is Took.WAITS)


def _take_in(part: Part, turn: Turn, event: Event, context: Context) -> Took | DeadLetter:
    """Count an event, or have it wait for a vector, or for nothing: it may have been taken back before it came."""
    state = turn.state
    waits = next((entry for entry in state.pending if entry.event_id == event.event_id), None)
    if waits is not None:
        same = (waits.topic, waits.item_id) == (event.record.topic, event.item_id or "")
        known: Outcome | None = Outcome.DUPLICATE if same else Outcome.REUSED
    else:
        known = recall(state, event, context.text_of(event))
    if known is Outcome.REUSED:
        message = f"event_id {event.event_id!r} was used before by this user, for another event: the first one counts"
        return DeadLetter(event.record, Reason.ID_REUSED, message, "fold")
    if known is Outcome.DUPLICATE:
        return Took.DUPLICATE
    if take_back_on_arrival(part, turn, event, context):
        return Took.ANNULLED
    lack = _lack(event, context)
    if lack is None:
        _count(state, event, context)
        return Took.COUNTED
    return _wait(part, turn, event, lack, context) or Took.WAITS


def _wait(part: Part, turn: Turn, event: Event, lack: Lack, context: Context) -> DeadLetter | None:
    """Have an event wait. Returns it as a dead letter if there is no room."""
    no_room = wait_for_vector(part, turn, event, context.rules, missed=lack is Lack.TEXT)
    if no_room is None:
        return None
    if lack is Lack.TEXT:
        return DeadLetter(event.record, Reason.ENCODER_TIMEOUT, f"the encoder missed its text, and {no_room}", "fold")
    return DeadLetter(event.record, Reason.UNKNOWN_ITEM, f"item {event.item_id!r} has no vector, and {no_room}", "fold")


def _waited(part: Part, turn: Turn, each: Input, context: Context) -> None:
    """An entry of the waiting room is to leave it, unless it has by now."""
    state, event = turn.state, each.event
    if each.arrival is Arrival.UNANSWERED:
        ask_again(part, turn, context)
        return
    if state.alias is not None:
        return  # what it held waits with its target now
    if each.letter is not None:
        expel(part, turn, each.letter, context.rules)
        return
    if each.arrival is Arrival.UNCLAIMED or isinstance(event, CommandEvent):
        retraction = next((entry for entry in state.retractions if entry.command_id == each.event_id), None)
        if retraction is not None and isinstance(event, CommandEvent):
            try_again(part, turn, retraction, event, context)
        elif retraction is not None:
            give_up(part, turn, retraction, context)
        return
    entry = next((entry for entry in state.pending if entry.event_id == each.event_id), None)
    if entry is None:
        return
    if isinstance(event, Event):
        _count_or_wait_on(part, turn, entry, event, context)


def _count_or_wait_on(part: Part, turn: Turn, entry: PendingEvent, event: Event, context: Context) -> None:
    """Count an event that waited; what waited for its item may have to wait for its text now, and the reverse."""
    lack = _lack(event, context)
    if lack is not None and entry.missed == (lack is Lack.TEXT):
        return
    leave(part, turn, entry, context.rules)
    if lack is not None:
        letter = _wait(part, turn, event, lack, context)
        part.dead += [letter] if letter is not None else []
    elif _count(turn.state, event, context) is Outcome.FOLDED:
        turn.name(event)


def _count(state: UserState, event: Event, context: Context) -> Outcome:
    text = context.text_of(event)
    item: Vector | None = context.items(event.item_id) if event.item_id is not None else None
    event = judged(event, text, context.rules.sentiment)
    return fold(state, event, direction(item, text), text, context.rules.bounds)


def _lack(event: Event, context: Context) -> Lack | None:
    """What an event that counts cannot be counted without."""
    if not event.weight.covisit and not event.weight.preference:
        return None
    if event.item_id is not None and context.items(event.item_id) is None:
        return Lack.ITEM
    return Lack.TEXT if event.text is not None and context.text_of(event) is None else None


def _silent(event: Event) -> bool:
    """Whether it causes no list: an impression, which says only that a list was seen."""
    return not event.weight.covisit and not event.weight.preference and not event.seen
