"""An assignment that owns nothing, whose topics may flow."""

from collections.abc import Mapping
from typing import cast

from faust.types import TP

from stream.kafka.assignment import Consumer, Partitions
from stream.kafka.leader_epochs import ReadUpTo
from stream.store.pending_index import PendingIndex
from stream.store.redis import Store
from stream.testing import TOPICS, MemoryStore


class OpenAssignment:
    """What a consumer asks of a worker."""

    open = True

    def __init__(self) -> None:
        self.partitions = Partitions(
            TOPICS, cast("Store", MemoryStore()), PendingIndex(), cast("Consumer", None), session_timeout_s=10.0
        )

    async def give_back(self) -> None:
        """Nothing is owned."""

    def spare(self) -> None:
        """See `Assignment.spare`."""

    async def begin(self, assigned: set[TP]) -> dict[TP, int | None]:
        return {}

    async def replaced(self, came: Mapping[TP, ReadUpTo]) -> set[TP]:
        return set()
