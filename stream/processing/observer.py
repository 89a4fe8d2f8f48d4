"""Who may watch a pipeline: its stages, and what became of each batch. Watching changes nothing."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from serving.ranking.ranker import Ranking
from stream.processing.batch import PartitionBatch, UserUpdate


class Observer(Protocol):
    """Told by the pipeline, in its order."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Surround one stage: decode, embed, load, fold, announce, save, rank, publish."""
        ...

    def loaded(self, batch: PartitionBatch) -> None:
        """A batch has its users' states, and nothing is applied yet."""
        ...

    def saved(self, batches: Sequence[PartitionBatch], saved: Sequence[PartitionBatch]) -> None:
        """Some of the batches were written; their lists are not made yet."""
        ...

    def listed(self, update: UserUpdate, ranking: Ranking) -> None:
        """A user's list is about to be made of a ranking."""
        ...

    def published(self, batches: Sequence[PartitionBatch]) -> None:
        """The lists of these batches stand on their topic."""
        ...


class Unobserved:
    """Nobody watches."""

    def stage(self, _: str) -> AbstractContextManager[None]:
        """See `Observer.stage`."""
        return nullcontext()

    def loaded(self, _: PartitionBatch) -> None:
        """See `Observer.loaded`."""

    def saved(self, *_: Sequence[PartitionBatch]) -> None:
        """See `Observer.saved`."""

    def listed(self, *_: object) -> None:
        """See `Observer.listed`."""

    def published(self, _: Sequence[PartitionBatch]) -> None:
        """See `Observer.published`."""
