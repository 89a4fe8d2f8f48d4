"""Watches a pipeline for the metrics: a histogram a stage, counters of what came out, the evaluation of its lists."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from serving.ranking.ranker import Ranking
from stream.monitoring.metrics import Metrics
from stream.monitoring.online_evaluation import OnlineEvaluation
from stream.processing.batch import PartitionBatch, UserUpdate
from stream.processing.lists import path_of
from stream.processing.pending_events import TEXTS
from stream.store.pending_index import PendingIndex


@dataclass(frozen=True, slots=True)
class PipelineMetrics:
    """An `Observer`. waiting: the pipeline's index of what waits. clock: ms since 1970.

    paths: of the lists that are on their way, by the place of each record that they name.
    """

    metrics: Metrics
    evaluation: OnlineEvaluation
    waiting: PendingIndex
    clock: Callable[[], int]
    paths: dict[tuple[str, int, int], str] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """See `Observer.stage`."""
        began = perf_counter()
        try:
            yield
        finally:
            self.metrics.stage_seconds.labels(name).observe(perf_counter() - began)

    def loaded(self, batch: PartitionBatch) -> None:
        """See `Observer.loaded`."""
        self.evaluation.before(batch)

    def saved(self, batches: Sequence[PartitionBatch], saved: Sequence[PartitionBatch]) -> None:
        """See `Observer.saved`."""
        metrics = self.metrics
        for batch in saved:
            self.evaluation.after(batch)
            for dead_letter in batch.dead:
                metrics.dead_letters.labels(dead_letter.reason.value).inc()
            metrics.forwarded.inc(len(batch.misrouted))
            metrics.erasures.inc(len(batch.erased))
            metrics.ignored.inc(batch.ignored)
            metrics.texts_missed.inc(batch.missed)
            metrics.late.inc(batch.late)
            for (kind, outcome), count in batch.outcomes.items():
                metrics.events.labels(kind.name.lower(), outcome).inc(count)
        metrics.refused.inc(len(batches) - len(saved))
        metrics.waiting.set(len(self.waiting))
        metrics.missed_waiting.set(self.waiting.count(TEXTS))

    def listed(self, update: UserUpdate, ranking: Ranking) -> None:
        """See `Observer.listed`."""
        path = path_of(update.state, ranking)
        self.paths.update(((named.topic, named.partition, named.offset), path) for named in update.named)
        self.evaluation.listed(update, ranking)

    def published(self, batches: Sequence[PartitionBatch]) -> None:
        """See `Observer.published`."""
        now = self.clock()
        records = [record for batch in batches for record in batch.records]
        for topic, count in Counter(record.topic for record in records).items():
            self.metrics.records.labels(topic).inc(count)
        for record in records:
            path = self.paths.get((record.topic, record.partition, record.offset), "none")
            self.metrics.event_to_list_seconds.labels(path).observe((now - record.timestamp_ms) / 1000)
        for named in (ref for batch in batches for update in batch.updates.values() for ref in update.named):
            self.paths.pop((named.topic, named.partition, named.offset), None)
