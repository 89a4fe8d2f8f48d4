"""How good the lists are that this worker publishes: every event is looked for in the list that stood before it.

A trial is an event that is new, links items (a co-visit weight above 0), and is on an item that the list could have
had: on offer, and not seen by this user before (not dismissed, where lists may have what was seen). It is a hit if the
item stood among the list's first ten. The list is the last one that the user was sent; several events in one
micro-batch are looked for in the same list. Events that name the list they answer (`list_version`) are counted by
place, source and path beside.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serving.catalogue import Catalogue
from serving.ranking.rank_settings import Seen
from serving.ranking.ranker import TOP, Ranking
from serving.state.user_state import item_hash
from stream.events.decoder import Event
from stream.monitoring.exposure import Exposure
from stream.monitoring.list_cache import CachedList, ListCache
from stream.monitoring.metrics import OnlineMetrics
from stream.processing.batch import PartitionBatch, Trigger, UserUpdate
from stream.processing.lists import path_of

_COVERED = 10_000  # lists that coverage looks back on
_SOURCES = ("content", "covisit", "popular", "explore")
_BANDS = ((1, "1"), (3, "2-3"), (10, "4-10"), (20, "11-20"))
_UNKNOWN = "unknown"

Blocks = Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class _EvaluatedEvent:
    """An event before it is known whether it counts. offset: of the record that brought it.

    listed: the list that stood before, None if that is not known here. row: of its item, None if never heard of.
    could: whether a list could have had it.
    """

    topic: str
    offset: int
    event: Event
    listed: CachedList | None
    row: int | None
    could: bool


class TakenItems:
    """What a user has taken that lists leave out: items of this batch so far, and the seen set from before it.

    out: the column by which a row counts.
    """

    def __init__(self, seen: npt.NDArray[np.void], out: str) -> None:
        self.items: set[str] = set()
        self._seen = seen
        self._out = out
        self._hashes: set[int] | None = None

    def had(self, item_id: str) -> bool:
        """Whether an item is among them."""
        if item_id in self.items:
            return True
        hashed = item_hash(item_id)
        if self._hashes is None and self.items:  # more than one is looked for: a burst
            self._hashes = set(self._seen["item"][self._seen[self._out] > 0].tolist())
        if self._hashes is not None:
            return hashed in self._hashes
        return bool(((self._seen["item"] == hashed) & (self._seen[self._out] > 0)).any())


class OnlineEvaluation:
    """Evaluates lists. `before` a batch is applied, `after` it was saved, `listed` as soon as a list was made.

    blocks: whether rules keep a row off all lists. experiment: the name that variants are counted under. seen: whether
    what a user has seen is out of lists, or stands lower. exposure: what places of lists are counted in.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        metrics: OnlineMetrics,
        blocks: Blocks,
        experiment: str = "",
        seen: Seen = "out",
        exposure: Exposure | None = None,
    ) -> None:
        self.lists = ListCache()
        self._catalogue = catalogue
        self._metrics = metrics
        self._blocks = blocks
        self._experiment = experiment
        self._out = "count" if seen == "out" else "dismissed"
        self._trials: dict[int, list[_EvaluatedEvent]] = {}
        self._shown = np.full(1024, -_COVERED, np.int64)  # by row: the number of the last list that had it at its top
        self._made = 0
        self._exposure = exposure or Exposure(catalogue)
        metrics.coverage.set_function(self.coverage)
        metrics.gini.labels("item").set_function(self._exposure.by_item)
        if self._exposure.facet:
            metrics.gini.labels(self._exposure.facet).set_function(self._exposure.by_facet)
        metrics.remembered.set_function(lambda: self.lists.bytes)

    def before(self, batch: PartitionBatch) -> None:
        """Look for what is about to be applied in the lists that stand."""
        trials: list[_EvaluatedEvent] = []
        taken: dict[str, TakenItems] = {}
        for each in batch.inputs:
            event = each.event
            if each.trigger is not Trigger.FRESH or not isinstance(event, Event):
                continue
            if event.item_id is None or event.weight.covisit <= 0:
                continue
            state, came = batch.updates[each.user_id].state, each.carrier or event.record
            listed = self.lists.get(each.user_id)
            if listed is not None and listed.version != state.list_version:
                listed = None  # another worker has made one since
            row = self._catalogue.find(event.item_id)
            before = taken.setdefault(each.user_id, TakenItems(state.seen, self._out))
            could = row is not None and self._may_list(row) and not before.had(event.item_id)
            before.items.add(event.item_id)
            trials.append(_EvaluatedEvent(came.topic, came.offset, event, listed, row, could))
        self._trials[batch.partition] = trials

    def after(self, batch: PartitionBatch) -> None:
        """Count what was new of a batch that was saved; whoever was erased is forgotten."""
        trials = self._trials.pop(batch.partition, [])
        new = {(topic, each.offset) for topic, events in batch.covisit_events.items() for each in events}
        for trial in trials:
            if (trial.topic, trial.offset) in new:
                self._count(trial)
        for user_id in (*batch.erased, *batch.nulls):
            self.lists.forget(user_id)

    def listed(self, update: UserUpdate, ranking: Ranking) -> None:
        """Remember a list that is made of a ranking."""
        path = path_of(update.state, ranking)
        rows = array("i", [self._catalogue.row(item.item_id) for item in ranking.items])
        sources = bytes([_SOURCES.index(item.source) for item in ranking.items])
        partition, version = update.batch.partition, update.state.list_version
        self.lists.put(update.user_id, CachedList(partition, version, path, ranking.variant, rows, sources))
        self._metrics.made.labels(path).inc()
        self._made += 1
        if len(self._shown) < len(self._catalogue):
            more = len(self._catalogue.available) - len(self._shown)
            self._shown = np.concatenate([self._shown, np.full(more, -_COVERED, np.int64)])
        self._shown[rows[:TOP]] = self._made
        self._exposure.add(rows)

    def coverage(self) -> float:
        """The share of the items on offer that stood among the first ten of the last `_COVERED` lists."""
        n = min(len(self._catalogue), len(self._shown))
        available = self._catalogue.available[:n]
        late = self._shown[:n] > self._made - _COVERED
        return float((late & available).sum() / max(int(available.sum()), 1))

    def _may_list(self, row: int) -> bool:
        return bool(self._catalogue.available[row]) and not self._blocks(row)

    def _count(self, trial: _EvaluatedEvent) -> None:
        listed = trial.listed
        place = None if listed is None or trial.row is None else listed.place(trial.row)
        if trial.event.list_version is not None:
            self._count_answer(trial.event, listed, place)
        if not trial.could:
            return
        if listed is None:
            self._metrics.unevaluated.inc()
            return
        hit = place is not None and place <= TOP
        count = self._metrics.of(self._experiment if listed.variant else "", listed.variant)
        count.trials.inc()
        count.hits.inc(hit)
        if place is not None:
            count.rank.observe(place)
        count.trials_squared.inc(2 * listed.trials + 1)
        count.both.inc(listed.hits + hit * (listed.trials + 1))
        count.hits_squared.inc(hit * (2 * listed.hits + 1))
        listed.trials += 1
        listed.hits += hit

    def _count_answer(self, event: Event, listed: CachedList | None, place: int | None) -> None:
        """Of a list that is not known here any more, its path and the source of the item are not known either."""
        if listed is None or listed.version != event.list_version:
            self._metrics.answers.labels(_band(event.position), _UNKNOWN, _UNKNOWN).inc()
            return
        source = _UNKNOWN if place is None else _SOURCES[listed.sources[place - 1]]
        self._metrics.answers.labels(_band(event.position or place), source, listed.path).inc()


def _band(position: int | None) -> str:
    """The places that are counted together.

    >>> [_band(position) for position in (1, 3, 10, 11, 400, 0, None)]
    ['1', '2-3', '4-10', '11-20', '21+', 'unknown', 'unknown']
    """
    if position is None or position < 1:
        return _UNKNOWN
    return next((name for last, name in _BANDS if position <= last), "21+")
