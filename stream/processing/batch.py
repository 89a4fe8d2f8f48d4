"""What one micro-batch is about, partition by partition: whose states are updated, and what leaves the worker.

A `PartitionBatch` collects co-visits, dead letters, answers to commands, waits, erasures, and who gets a list. Nothing
here knows of Kafka or Redis; `stream.processing.apply` fills a batch between loading and saving.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

import msgspec

from penchant.messages import CoVisitEvent, CoVisits
from serving.model.sentiment import Sentiment
from serving.state.user_state import EventKind, Ref, UserState, Vector
from stream.events.decoder import CommandEvent, Event
from stream.events.encoder_input import EncoderInput
from stream.events.records import DeadLetter, Record, Reroute
from stream.events.transfers import HandoffToken, OutboundTransfer, TransferEvent
from stream.interest.fold import Bounds
from stream.interest.interaction_context import Burst
from stream.store.answers import Answer, Status, asked_by
from stream.store.base import Commit, Lease, Wait

__all__ = ["CoVisitDetail", "Context", "Limits", "PartitionBatch", "Trigger", "UserUpdate", "VectorOf", "WorkItem"]

EVENTS_A_MESSAGE = 50  # a ring of 20 ids of 256 bytes, each byte escaped in JSON, takes 31 KB; 2 MiB is a message's end
MOST_UNNAMED = 256  # duplicates and impressions that wait to be named by the next list
_MOST_UNNAMED_BYTES = 1024  # of one: an id of 256 bytes and a topic's name take 0.5 KB
_MOST_UNNAMED_MORE = 2**53 - 1  # the largest whole number that every JSON reader knows

Outcome = Literal["folded", "waiting", "duplicate", "retracted", "rejected"]
VectorOf = Callable[[str], Vector | None]
Read = Callable[[Record], Event | CommandEvent | Reroute]


class Trigger(Enum):
    """How an event came into this batch."""

    FRESH = "fresh"  # from the log
    WOKEN = "woken"  # pending: its item has a vector now
    MISSED = "missed"  # pending: the encoder missed its text, and is asked again
    EXPIRED = "expired"  # pending, and becomes a dead letter
    UNCLAIMED = "unclaimed"  # a retraction from there whose event never came, likewise
    UNANSWERED = "unanswered"  # a merge that the other owner has not dealt with: it is asked again


class CoVisitDetail(Enum):
    """What is told of the events that count for everybody's lists."""

    FULL = "full"  # a worker: with what their users did before
    WEIGHT = "weight"  # an audit: how much each counts
    NOTHING = "nothing"  # a restore: they were told when they came


@dataclass(frozen=True, slots=True)
class WorkItem:
    """An event of this batch, and how it came. One that is not pending any more has a dead letter instead.

    event_id: of a command its `command_id`. carrier: the record of the log that brought it, if that is not its own.
    handoff: what has to be true in the store for it to count.
    """

    user_id: str
    event_id: str
    trigger: Trigger
    event: Event | CommandEvent | TransferEvent | None = None
    dead_letter: DeadLetter | None = None
    carrier: Record | None = None
    handoff: HandoffToken | None = None


@dataclass(slots=True)
class UserUpdate:
    """One user in this batch, and what becomes of the state; what it causes elsewhere is recorded in the batch.

    named: what the list will name. due: whether there will be a list. active: whether the user did something in this
    batch.
    """

    batch: "PartitionBatch" = field(repr=False)
    context: "Context" = field(repr=False)
    user_id: str
    state: UserState
    named: list[Ref] = field(default_factory=list)
    named_more: int = 0
    due: bool = False
    changed: bool = False
    active: bool = False
    burst: Burst = field(default_factory=Burst)
    _places: set[tuple[str, int, int]] = field(init=False)  # of what is named

    def __post_init__(self) -> None:
        self._places = {_place(each) for each in self.named}

    def answer(
        self,
        command_id: str,
        kind: str,
        status: Status,
        reason: str = "",
        removed: Mapping[str, int] | None = None,
    ) -> None:
        """Have a command's receipt say what was done about it, once that is saved."""
        now_ms, users = self.context.now_ms, (self.user_id,)
        self.batch.answers.append(Answer(command_id, kind, status, reason, removed or {}, now_ms, users))

    def note_who_asked(self, event: CommandEvent, told: int) -> None:
        """Complete for the audit what was answered, from `told` on, of a command that just came; nothing: it waits."""
        answers, command = self.batch.answers, event.command
        asked = asked_by(event.record, event.signed_by)
        users = tuple(filter(None, (command.user_id, command.anonymous_id)))
        mine = [at for at in range(told, len(answers)) if answers[at].command_id == command.command_id]
        for at in mine:
            answers[at] = msgspec.structs.replace(answers[at], users=users, asked=asked)
        if not mine:
            now_ms = self.context.now_ms
            answers.append(Answer(command.command_id, command.type, "waiting", at_ms=now_ms, users=users, asked=asked))

    def name(self, event: Event | CommandEvent, *, waiting: bool = False, duplicate: bool = False) -> None:
        """Have the list that is due now name an event."""
        self.name_ref(ref(event, waiting=waiting, duplicate=duplicate))

    def name_ref(self, named: Ref) -> None:
        """Likewise, of one that came before."""
        self.note(named)
        self.due = True

    def note(self, named: Ref) -> None:
        """Have a list name an event, once and as it stands now: one that waited may be folded in the same list."""
        place = _place(named)
        if place in self._places:  # looked up: a burst of one user is named in full
            self.named = [each for each in self.named if _place(each) != place]
        self._places.add(place)
        self.named.append(named)

    def name_later(self, named: Ref) -> None:
        """Have the next list say so, whenever there is one; beyond what is kept it says how many more."""
        if len(self.state.unnamed) < MOST_UNNAMED and named.size <= _MOST_UNNAMED_BYTES:
            self.state.unnamed.append(named)
        else:
            self.name_more(1)

    def name_more(self, many: int) -> None:
        """Have the next list say that there were so many more."""
        self.state.unnamed_more = min(self.state.unnamed_more + many, _MOST_UNNAMED_MORE)

    def finish(self, now_ms: int) -> None:
        """If a list is due: it names what was not named yet, and its version grows."""
        if not self.due:
            return
        state = self.state
        self.named = state.unnamed + self.named
        self.named_more = state.unnamed_more
        if self.changed or state.list_version == 0:
            state.unnamed, state.unnamed_more = [], 0
            state.list_version = max(state.list_version + 1, now_ms)
            self.changed = True


@dataclass(frozen=True, slots=True)
class Limits:
    """What an update depends on beside events: bounds of a state and of pending events; the sentiment of reviews.

    sentiment: None: a review without a rating counts the same whatever it says. user_caps: whether one user's events on
    an item count little for everybody beyond the first (stream/interest/influence.py). covisits: in a replay less.
    """

    bounds: Bounds = field(default_factory=Bounds)
    most_waiting: int = 64
    most_waiting_bytes: int = 128 * 1024  # of one event: a text of 32 KB with every character escaped takes 96 KB
    most_retractions: int = 32
    most_missed: int = 8  # texts, with events or with retractions
    most_pending_bytes: int = 512 * 1024  # of all that waits of a user
    most_merges: int = 64
    most_merge_bytes: int = 2048  # of one: three ids of 256 bytes and a topic's name take 1.1 KB
    most_merges_bytes: int = 512 * 1024  # of all, with those of users who were merged into this one
    longest_wait_ms: int = 24 * 3_600_000
    longest_missed_ms: int = 7 * 24 * 3_600_000
    sentiment: Sentiment | None = None
    user_caps: bool = True
    covisits: CoVisitDetail = CoVisitDetail.FULL


@dataclass(frozen=True, slots=True)
class Context:
    """What a batch is applied with. `texts`: see `encoder_input.assemble`. `read`: for records that waited.

    fingerprint: of the model folder that vectors are from.
    """

    items: VectorOf
    texts: Mapping[EncoderInput, Vector]
    read: Read
    limits: Limits
    now_ms: int
    fingerprint: str

    def text_of(self, event: Event | CommandEvent) -> Vector | None:
        """What the encoder made of what the user wrote; None if nothing was written, or the encoder missed it."""
        return self.texts.get(event.encoder_input) if event.encoder_input is not None else None


@dataclass(slots=True)
class PartitionBatch:
    """One partition's share of a micro-batch.

    lease: the partition as its states were loaded: my token, and the offsets that they stand for.
    waits: (item, user) -> until when the user waits for it, ms since 1970; None: no longer.
    erased: user -> when, by the command's record. ignored: how many events of before an erasure were left out.
    outcomes: what became of the log's new events, by kind. late: how many of those that were folded are older than the
    newest event of their user's ring.
    missed: how many texts of new events and retractions wait for the encoder from now on.
    handoffs: user -> the token of the handoff that made an alias of the user, as the store has it.
    nulls: users whose list is to go though nothing else of them stands.
    renewed: user -> what caused their last list, if that is known, which is to be made again.
    answers: to commands, and those of before that may not have been told; all of it once the states are saved.
    first, then: messages to other owners, before the states are saved and after.
    """

    partition: int
    records: list[Record] = field(default_factory=list)
    inputs: list[WorkItem] = field(default_factory=list)
    lease: Lease = field(default_factory=Lease)
    updates: dict[str, UserUpdate] = field(default_factory=dict)
    covisit_events: dict[str, list[CoVisitEvent]] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)
    misrouted: list[Reroute] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    waits: dict[tuple[str, str], int | None] = field(default_factory=dict)
    erased: dict[str, int] = field(default_factory=dict)
    ignored: int = 0
    outcomes: Counter[tuple[EventKind, Outcome]] = field(default_factory=Counter)
    late: int = 0
    missed: int = 0
    handoffs: dict[str, str] = field(default_factory=dict)
    nulls: list[str] = field(default_factory=list)
    first: list[OutboundTransfer] = field(default_factory=list)
    then: list[OutboundTransfer] = field(default_factory=list)
    renewed: dict[str, Ref | None] = field(default_factory=dict)

    @property
    def senders(self) -> set[HandoffToken]:
        """Whose handoffs have to be looked up in the store."""
        return {each.handoff for each in self.inputs if each.handoff is not None}

    @property
    def users(self) -> list[str]:
        """Whose events are in the batch, and whose lists are to be made again."""
        return list(dict.fromkeys([*(each.user_id for each in self.inputs), *self.renewed]))

    @property
    def onlookers(self) -> list[str]:
        """Who did something that causes no list: impressions."""
        return [user for user, update in self.updates.items() if update.active and not update.due]

    def start(self, lease: Lease, states: Mapping[str, UserState], context: Context) -> None:
        """Begin the users' updates, from states that belong to `lease`; a list not published yet is due in any case."""
        self.lease = lease
        self.answers = [*lease.answers, *self.answers]
        active = {each.user_id for each in self.inputs if each.trigger is Trigger.FRESH}
        self.updates = {
            user: UserUpdate(
                self,
                context,
                user,
                state,
                list(lease.unpublished.get(user, ())),
                due=user in lease.unpublished and state.alias is None,
                active=user in active,
            )
            for user, state in states.items()
        }
        for user, cause in self.renewed.items():
            update = self.updates[user]
            if update.state.alias is None and update.state.list_version:
                if cause is not None:
                    update.note(cause)
                update.due = update.changed = True
        self.dead = [
            dead_letter for dead_letter in self.dead if not self.again(dead_letter.carrier or dead_letter.record)
        ]
        self.misrouted = [reroute for reroute in self.misrouted if not self.again(reroute.record)]

    def note(self, event: Event, outcome: Outcome) -> None:
        """Count what became of a new event."""
        self.outcomes[event.kind, outcome] += 1

    def again(self, record: Record) -> bool:
        """Whether the states have a record of the log already: a worker died before it acknowledged."""
        return record.offset < self.lease.offsets.get(record.topic, 0)

    def causes(self, update: UserUpdate) -> list[Record]:
        """The records of this batch that a list is about to name; none if it is an unpublished one of before."""
        named = {(each.topic, each.partition, each.offset) for each in update.named}
        return [each for each in self.records if (each.topic, each.partition, each.offset) in named]

    def commit(self) -> Commit:
        """What is to be written."""
        return Commit(
            partition=self.partition,
            lease=self.lease,
            states={user: update.state for user, update in self.updates.items() if update.changed},
            offsets={record.topic: record.offset + 1 for record in self.records if not self.again(record)},
            waits=[Wait(item, user, until) for (item, user), until in self.waits.items() if until is not None],
            no_longer=[Wait(item, user, 0) for (item, user), until in self.waits.items() if until is None],
            unpublished={user: update.named for user, update in self.updates.items() if update.due},
            erased=self.erased,
            answers=self.answers,
        )

    def covisits(self) -> list[CoVisits]:
        """The co-visits by source topic, in messages that the log can take, each with its range of offsets."""
        return [
            CoVisits(topic=topic, partition=self.partition, first=some[0].offset, last=some[-1].offset, events=some)
            for topic, events in self.covisit_events.items()
            for some in (events[i : i + EVENTS_A_MESSAGE] for i in range(0, len(events), EVENTS_A_MESSAGE))
        ]


def _place(of: Ref) -> tuple[str, int, int]:
    return of.topic, of.partition, of.offset


def ref(event: Event | CommandEvent, *, waiting: bool = False, duplicate: bool = False) -> Ref:
    """How a list names an event or a command."""
    record = event.record
    made = Ref(record.topic, record.partition, record.offset, event.event_id, event.time_ms)
    return msgspec.structs.replace(made, waiting=waiting, duplicate=duplicate) if waiting or duplicate else made
