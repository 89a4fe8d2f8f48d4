"""Times each stage of the pipeline from outside, so that the pipeline itself reads without a line of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from serving.state.user_state import Vector
from stream.events.encoder_input import Wording
from stream.events.records import DeadLetter
from stream.kafka.producer import Outgoing
from stream.monitoring.metrics import Metrics
from stream.monitoring.online_evaluation import Live
from stream.pipeline import Pipeline
from stream.processing.batch import Part
from stream.processing.pending_events import TEXTS


@dataclass(frozen=True, kw_only=True)
class TimedPipeline(Pipeline):
    """The pipeline, with a histogram a stage, counters of what came out, and a judge of the lists."""

    metrics: Metrics
    live: Live

    async def embed(self, parts: Iterable[Part]) -> Mapping[Wording, Vector]:
        """See `Pipeline.embed`."""
        with self._timed("embed"):
            return await super().embed(parts)

    async def load(self, part: Part) -> bool:
        """See `Pipeline.load`."""
        with self._timed("load"):
            mine = await super().load(part)
        if mine:
            self.live.before(part)
        return mine

    async def announce(self, parts: Iterable[Part]) -> None:
        """See `Pipeline.announce`."""
        with self._timed("announce"):
            await super().announce(parts)

    async def save(self, parts: Sequence[Part]) -> list[Part]:
        """See `Pipeline.save`."""
        with self._timed("save"):
            saved = await super().save(parts)
        metrics = self.metrics
        for part in saved:
            self.live.after(part)
            for letter in part.dead:
                metrics.dead_letters.labels(letter.reason.value).inc()
            metrics.forwarded.inc(len(part.strays))
            metrics.erasures.inc(len(part.erased))
            metrics.ignored.inc(part.ignored)
            metrics.texts_missed.inc(part.missed)
        metrics.refused.inc(len(parts) - len(saved))
        metrics.waiting.set(len(self.waiting))
        metrics.missed_waiting.set(self.waiting.count(TEXTS))
        return saved

    def rank(self, parts: Iterable[Part]) -> tuple[list[Outgoing], list[DeadLetter]]:
        """See `Pipeline.rank`."""
        with self._timed("rank"):
            return super().rank(parts)

    async def run(self, parts: list[Part], texts: Mapping[Wording, Vector]) -> list[Part]:
        """See `Pipeline.run`."""
        saved = await super().run(parts, texts)
        now = self.clock()
        records = [record for part in saved for record in part.records]
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
