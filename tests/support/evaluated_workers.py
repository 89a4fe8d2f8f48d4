"""Workers on fakes whose lists are evaluated: one that sends everybody the same, one that ranks as a worker does."""

from collections.abc import Sequence

import msgspec

from penchant.messages import CoVisits, ItemVector, ListItem
from serving.catalogue import Catalogue, pack
from serving.experiment import Experiment
from serving.ranking.learning.blend import Blend
from serving.ranking.rank_settings import RankSettings, Seen
from serving.ranking.ranker import Ranker, Ranking
from serving.ranking.statistics import Statistics
from serving.state.user_state import UserState
from stream.events.outgoing import Outgoing
from stream.monitoring.metrics import Metrics
from stream.monitoring.online_evaluation import OnlineEvaluation
from stream.monitoring.pipeline_metrics import PipelineMetrics
from stream.pipeline import Pipeline
from stream.processing.effects import Rank
from stream.processing.variants import Variants
from stream.testing import FINGERPRINT, NOW_MS, TOPICS, MemoryLog, MemoryStore, embed_by_words, memory_pipeline, record
from tests.support.pipeline import FakeWorker, with_parts

K = 20


class MetricsReader:
    """The metrics of an online evaluation."""

    def __init__(self, catalogue: Catalogue, experiment: str = "", seen: Seen = "out") -> None:
        self.metrics = Metrics()
        self.blocked: set[int] = set()
        self.live = OnlineEvaluation(catalogue, self.metrics.online, self.blocked.__contains__, experiment, seen)
        self.experiment = experiment

    def with_evaluation(self, pipeline: Pipeline, ranker: Rank) -> Pipeline:
        """The pipeline with this ranker, its lists evaluated."""
        observer = PipelineMetrics(self.metrics, self.live, pipeline.waiting, pipeline.clock)
        return with_parts(pipeline, ranker=ranker, observer=observer)

    def value(self, name: str, **labels: str) -> float:
        """Of one metric; 0 if nothing was counted under these labels."""
        found = self.metrics.registry.get_sample_value(name, labels)
        return 0.0 if found is None else found

    def trials_and_hits(self, variant: str = "") -> tuple[float, float]:
        """Trials and hits of a variant, or without an experiment."""
        by = {"experiment": self.experiment if variant else "", "variant": variant}
        return self.value("penchant_list_trials_total", **by), self.value("penchant_list_hits_total", **by)


class EvaluatedWorker(FakeWorker, MetricsReader):
    """Items i0 to i29, of which `listed` are sent, in this order."""

    def __init__(self, listed: Sequence[str], experiment: str = "", seen: Seen = "out") -> None:
        FakeWorker.__init__(self)
        self.listed = listed
        self.variant = ""
        self.catalogue = catalogue_of(list(self.items))
        MetricsReader.__init__(self, self.catalogue, experiment, seen)
        self.pipeline = self.with_evaluation(self.pipeline, self._rank)

    def _rank(self, _: Sequence[str], states: Sequence[UserState]) -> Sequence[Ranking]:
        return [Ranking([ListItem(item, 1.0, "covisit") for item in self.listed], "live", self.variant) for _ in states]


class FollowedLog(MemoryLog):
    """A log whose follower knows of pairs at once, and fits as soon as it is due; nothing else is kept.

    apart: messages between two fits at least.
    """

    def __init__(self, statistics: Statistics) -> None:
        super().__init__()
        self.apart = 1
        self._since_fit = 0
        self._statistics = statistics

    async def send(self, records: Sequence[Outgoing]) -> None:
        """See `stream.kafka.producer.Log.send`."""
        for each in records:
            if each.topic == TOPICS.covisits:
                self._statistics.apply(msgspec.json.decode(each.value or b"", type=CoVisits))
                self._since_fit += 1
                if self._statistics.ease.due and self._since_fit >= self.apart:
                    self._since_fit = 0
                    self._statistics.refit()


class KeptLists(MemoryLog):
    """Keeps what was sent, and has the statistics follow."""

    def __init__(self, followed: MemoryLog) -> None:
        super().__init__()
        self._followed = followed

    async def send(self, records: Sequence[Outgoing]) -> None:
        """See `stream.events.outgoing.Log.send`."""
        await super().send(records)
        await self._followed.send(records)


class RankingWorker(MetricsReader):
    """Lists by the worker's own ranker and statistics, under an experiment or without one; the blend learns nothing."""

    def __init__(
        self,
        catalogue: Catalogue,
        experiment: Experiment | None = None,
        start: Blend | None = None,
        settings: RankSettings | None = None,
    ) -> None:
        super().__init__(catalogue, experiment.name if experiment is not None else "")
        statistics = Statistics(catalogue, {})
        self.store, self.log = MemoryStore(), FollowedLog(statistics)

        def ranker(settings: RankSettings, blend: Blend | None) -> Ranker:
            return Ranker(
                catalogue,
                statistics.popularity,
                settings,
                covisits=statistics.covisits,
                ease=statistics.ease,
                blend=start if blend is None else blend,
                repeats=statistics.repeats,
            )

        variants = Variants(ranker, settings or RankSettings(), experiment)
        self.blend = variants.usual.blend
        items = {item_id: catalogue.vectors[row] for row, item_id in enumerate(catalogue.ids)}
        pipeline = memory_pipeline(self.store, self.log, items)
        self.pipeline = self.with_evaluation(pipeline, lambda users, states: variants.rank(users, states, K))
        self._offset = 0

    async def rate(self, user: str, item_id: str, stars: float, time_ms: int = NOW_MS) -> None:
        """Take in a rating."""
        self._offset += 1
        body = {"event_id": str(self._offset), "user_id": user, "item_id": item_id, "type": "rate", "value": stars}
        await self.pipeline.process([record(TOPICS.clicks, body | {"event_time": time_ms}, self._offset)])


def catalogue_of(ids: Sequence[str]) -> Catalogue:
    """Items with one vector."""
    made = Catalogue(8, FINGERPRINT)
    for item_id in ids:
        made.put(
            ItemVector(
                item_id=item_id,
                title=item_id,
                facets={},
                available=True,
                revision="",
                fingerprint=FINGERPRINT,
                vector=pack(embed_by_words("space")),
            )
        )
    return made
