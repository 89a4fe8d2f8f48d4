"""What a replay learns beside states: how exact a state can be, whom it cannot be sure of and why, item totals."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum

from penchant.messages import CoVisitEvent
from stream.events.decoder import CommandEvent, Event
from stream.events.transfers import Handoff, TransferEvent
from stream.processing.batch import WorkItem
from stream.rebuild.log_reader import Place

__all__ = ()

_READ_WITHIN_MS = 60_000


class Caveat(Enum):
    """Why a live state may differ from what the log makes, without a fault."""

    REVISED = "an item of theirs was described anew or removed after the event"
    DEAD_LETTERED = "an event or command of theirs became a dead letter, or would now, by what had come before it"
    ERASED = "events of theirs came within a minute after the erasure, which a worker may have read before it"
    MISSED = "a text of theirs still waits for the encoder"
    RETENTION = "retention has taken away what the live state still counts"
    IDLE = "nothing came of them for so long that the store let them go"


@dataclass(slots=True)
class Added:
    """How much was added to a long vector, whatever its sign: Σ |preference|, decayed to `time_ms`.

    texts: what of it texts moved, twice where they exclude something. Both bound how far two ways
    of adding the same may lie apart.
    """

    time_ms: int = 0
    total: float = 0.0
    texts: float = 0.0

    def add(self, event: Event, half_life_ms: int) -> None:
        """Count an event."""
        preference = event.most_preference
        if event.time_ms > self.time_ms:
            self.move(event.time_ms, half_life_ms)
        else:
            preference *= decay(self.time_ms - event.time_ms, half_life_ms)
        self.total += preference
        rows = 0 if event.text is None else 1 if event.intent is None else 2
        self.texts += preference * rows

    def move(self, time_ms: int, half_life_ms: int) -> None:
        """Decay on to a later time."""
        share = decay(time_ms - self.time_ms, half_life_ms)
        self.total *= share
        self.texts *= share
        self.time_ms = time_ms


@dataclass(slots=True)
class AuditNotes:
    """Gathered while a replay goes on.

    revised: whether an item's vector may have been another at a time. dead_lettered: records that a worker counted not,
    by the id that their place makes. first_counted: source partition -> from which offset on its co-visit weights are
    added up.
    retractions: how many, with erasures and merges: what a user's event counted for everybody depends on their order.
    """

    half_life_ms: int
    revised: Callable[[str, int], bool] = lambda *_: False
    dead_lettered: frozenset[str] = frozenset()
    first_counted: dict[Place, int] = field(default_factory=dict)
    events: int = 0
    retractions: int = 0
    added: dict[str, Added] = field(default_factory=dict)
    caveats: dict[str, set[Caveat]] = field(default_factory=dict)
    erased_ms: dict[str, int] = field(default_factory=dict)
    totals: dict[str, float] = field(default_factory=dict)

    def take(self, each: WorkItem) -> None:
        """Note what is applied to a user, who may be the target of the one that it was sent for."""
        if isinstance(each.event, TransferEvent):
            if isinstance(each.event.message, Handoff):
                self._join(each.user_id, each.event.message.anonymous_id)
        elif each.event is not None:
            self._event(each.user_id, each.event)

    def _event(self, user_id: str, event: Event | CommandEvent) -> None:
        record = event.record
        if self.dead_lettered and record.origin in self.dead_lettered:
            self.caveat(user_id, Caveat.DEAD_LETTERED)
        if 0 < record.timestamp_ms - self.erased_ms.get(user_id, 0) <= _READ_WITHIN_MS:
            self.caveat(user_id, Caveat.ERASED)
        if isinstance(event, CommandEvent):
            self.retractions += 1
            if event.command.type == "erase":
                self.erased_ms[user_id] = record.timestamp_ms
            return
        if event.weight.preference:
            self.added.setdefault(user_id, Added()).add(event, self.half_life_ms)
        if event.item_id is not None and self.revised(event.item_id, record.timestamp_ms):
            self.caveat(user_id, Caveat.REVISED)

    def _join(self, user_id: str, other: str) -> None:
        """What is known of a user who is merged into another holds of that one too."""
        for why in self.caveats.get(other, ()):
            self.caveat(user_id, why)
        theirs = self.added.pop(other, None)
        if theirs is not None:
            mine = self.added.setdefault(user_id, Added())
            newest_ms = max(mine.time_ms, theirs.time_ms)
            mine.move(newest_ms, self.half_life_ms)
            theirs.move(newest_ms, self.half_life_ms)
            mine.total += theirs.total
            mine.texts += theirs.texts

    def caveat(self, user_id: str, why: Caveat) -> None:
        """Note that a user may differ."""
        self.caveats.setdefault(user_id, set()).add(why)

    def covisits(self, place: Place, events: Iterable[CoVisitEvent]) -> None:
        """Add up co-visit weights by item."""
        first = self.first_counted.get(place, 0)
        for event in events:
            if event.offset >= first:
                self.totals[event.item_id] = self.totals.get(event.item_id, 0.0) + event.covisit


def decay(elapsed_ms: int, half_life_ms: int) -> float:
    """What is left of a weight."""
    return float(2.0 ** max(-elapsed_ms / half_life_ms, -1000.0))
