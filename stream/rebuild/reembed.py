"""Items' vectors for a model folder that no worker has run with yet: made here from the items topic, and kept here.

The worker's own way from an item to its vector, but what it publishes goes into the replay's table instead.
"""

from collections.abc import Sequence

import msgspec

from penchant.messages import ItemVector
from penchant.topics import Topics
from serving.state.user_state import Vector
from stream.events.outgoing import Outgoing
from stream.processing.items import EmbedItems, ItemPipeline
from stream.rebuild.item_vectors import ItemVectors, VectorTable
from stream.rebuild.log_reader import LogReader, Place

__all__ = ()


class ReembeddedItems:
    """Follows `item-vectors.v1`; as soon as vectors of another folder stand there, the items topic, too."""

    def __init__(self, log: LogReader, topics: Topics, vectors: ItemVectors, embed: EmbedItems) -> None:
        self._log = log
        self._topic = topics.items
        self._vectors = vectors
        self._made = _MadeVectors(topics.item_vectors, vectors.table)
        self._pipeline = ItemPipeline(topics, vectors.table, embed, self._made, clock=lambda: 0)
        self._read_to: dict[Place, int] = {}

    async def follow(self) -> list[str]:
        """See `ItemVectors.follow`."""
        came = await self._vectors.follow()
        if not self._vectors.foreign:
            return came
        places = await self._log.partitions(self._topic)
        ends = await self._log.ends(places)
        async for records in self._log.read({place: (self._read_to.get(place, 0), ends[place]) for place in places}):
            await self._pipeline.process(records)
        self._read_to |= ends
        return [*came, *self._made.take()]

    def vector(self, item_id: str) -> Vector | None:
        """See `ItemVectors.vector`."""
        return self._vectors.vector(item_id)

    def may_have_been_another(self, item_id: str, time_ms: int) -> bool:
        """See `ItemVectors.may_have_been_another`."""
        return self._vectors.may_have_been_another(item_id, time_ms)


class _MadeVectors:
    """The log that the items' pipeline sees: vectors go into the table."""

    def __init__(self, topic: str, table: VectorTable) -> None:
        self._topic = topic
        self._table = table
        self._came: list[str] = []

    def take(self) -> list[str]:
        """The items that have a vector since the last call."""
        came, self._came = self._came, []
        return came

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Keep vectors; dead letters stand in the dead letters already."""
        for each in records:
            if each.topic != self._topic or each.key is None:
                continue
            item_id = each.key.decode()
            if each.value is None:
                self._table.remove(item_id)
            elif self._table.put(msgspec.json.decode(each.value, type=ItemVector)):
                self._came.append(item_id)
