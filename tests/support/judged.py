"""A worker on fakes whose lists are judged; every user is sent the same items, as told."""

from collections.abc import Mapping, Sequence
from dataclasses import fields

from prometheus_client import CollectorRegistry

from serving.catalogue import Catalogue, pack
from serving.messages import ItemVector, ListItem
from serving.ranker import Ranking
from serving.state import UserState
from stream.live import JudgedLists, Live
from stream.metrics import Metrics
from stream.pipeline import Pipeline
from stream.stages import TimedPipeline
from stream.testing import FINGERPRINT, TOPICS, embed_by_words
from tests.support.pipeline import Worker


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


class JudgedWorker(Worker):
    """Items i0 to i29, of which `listed` are sent, in this order."""

    def __init__(self, listed: Sequence[str], beside: Worker | None = None, experiment: str = "") -> None:
        super().__init__(beside)
        self.listed = listed
        self.variants: dict[int, str] = {}
        self.metrics = Metrics()
        self.blocked: set[int] = set()
        self.catalogue = catalogue_of(list(self.items))
        self.live = Live(self.catalogue, self.metrics.lists_judged, self.blocked.__contains__, experiment)
        parts = {field.name: getattr(self.pipeline, field.name) for field in fields(Pipeline)}
        parts |= {"ranker": self._rank, "lists": JudgedLists(TOPICS, FINGERPRINT, 86_400_000, self.live)}
        self.pipeline = TimedPipeline(**parts, metrics=self.metrics, live=self.live)

    def _rank(self, states: Sequence[UserState]) -> Sequence[Ranking]:
        return [Ranking([ListItem(item, 1.0, "covisit") for item in self.listed], "live") for _ in states]

    def value(self, name: str, **labels: str) -> float:
        """Of one metric; 0 if nothing was counted under these labels."""
        return value(self.metrics.registry, name, labels)

    def judged(self) -> tuple[float, float]:
        """Trials and hits without an experiment."""
        by = {"experiment": "", "variant": ""}
        return self.value("penchant_list_trials_total", **by), self.value("penchant_list_hits_total", **by)


def value(registry: CollectorRegistry, name: str, labels: Mapping[str, str]) -> float:
    found = registry.get_sample_value(name, dict(labels))
    return 0.0 if found is None else found
