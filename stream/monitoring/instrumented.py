"""Times each stage of the pipeline from outside, so that the pipeline itself reads without a line of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from serving.state.user_state import Vector
from stream.events.encoder_input import EncoderInput
from stream.events.outgoing import Outgoing
from stream.events.records import DeadLetter
from stream.monitoring.metrics import Metrics
from stream.monitoring.online_evaluation import OnlineEvaluation
from stream.pipeline import Pipeline
from stream.processing.batch import Context, PartitionBatch
from stream.processing.pending_events import TEXTS


@dataclass(frozen=True, kw_only=True)
class InstrumentedPipeline(Pipeline):
    """The pipeline, with a histogram a stage, counters of what came out, and online evaluation of the lists."""

    metrics: Metrics
    live: OnlineEvaluation

    async def embed(self, batches: Iterable[PartitionBatch]) -> Mapping[EncoderInput, Vector]:
        """See `Pipeline.embed`."""
        with self._timed("embed"):
            return await super().embed(batches)

    async def load(self, batch: PartitionBatch, context: Context) -> bool:
        """See `Pipeline.load`."""
        with self._timed("load"):
            mine = await super().load(batch, context)
        if mine:
            self.live.before(batch)
        return mine

    async def publish_side_effects(self, batches: Iterable[PartitionBatch]) -> None:
        """See `Pipeline.publish_side_effects`."""
        with self._timed("announce"):
            await super().publish_side_effects(batches)

    async def save(self, batches: Sequence[PartitionBatch]) -> list[PartitionBatch]:
        """See `Pipeline.save`."""
        with self._timed("save"):
            saved = await super().save(batches)
        metrics = self.metrics
        for batch in saved:
            self.live.after(batch)
            for letter in batch.dead:
                metrics.dead_letters.labels(letter.reason.value).inc()
            metrics.forwarded.inc(len(batch.misrouted))
            metrics.erasures.inc(len(batch.erased))
            metrics.ignored.inc(batch.ignored)
            metrics.texts_missed.inc(batch.missed)
        metrics.refused.inc(len(batches) - len(saved))
        metrics.waiting.set(len(self.waiting))
        metrics.missed_waiting.set(self.waiting.count(TEXTS))
        return saved

    def rank(self, batches: Iterable[PartitionBatch]) -> tuple[list[Outgoing], list[DeadLetter]]:
        """See `Pipeline.rank`."""
        with self._timed("rank"):
            return super().rank(batches)

    async def run(self, batches: list[PartitionBatch], texts: Mapping[EncoderInput, Vector]) -> list[PartitionBatch]:
        """See `Pipeline.run`."""
        saved = await super().run(batches, texts)
        now = self.clock()
        records = [record for batch in saved for record in batch.records]
        for topic, count in Counter(record.topic for record in records).items():
            self.metrics.records.labels(topic).inc(count)
        for record in records:
            self.metrics.event_to_list_seconds.observe((now - record.timestamp_ms) / 1000)
        return saved

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = perf_counter()
        try:
            yield
        finally:
            self.metrics.stage_seconds.labels(stage).observe(perf_counter() - began)
