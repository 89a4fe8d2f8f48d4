"""Items' vectors for a model folder that no worker has run with yet: made here from the items topic, and kept here.

The worker's own way from an item to its vector, but what it publishes goes into the catalogue instead.
"""

from collections.abc import Sequence

import msgspec

from penchant.messages import ItemVector
from penchant.topics import Topics
from stream.events.outgoing import Outgoing
from stream.processing.items import EmbedItems, ItemPipeline
from stream.rebuild.item_vectors import ItemVectors
from stream.rebuild.log_reader import LogReader, Place


class ReembeddedItems(ItemVectors):
    """Follows `item-vectors.v1`; as soon as vectors of another folder stand there, the items topic, too."""

    def __init__(self, log: LogReader, topics: Topics, dim: int, fingerprint: str, embed: EmbedItems) -> None:
        super().__init__(log, topics.item_vectors, dim, fingerprint)
        self._topics = topics
        self._pipeline = ItemPipeline(topics, self.catalogue, embed, self, clock=lambda: 0)
        self._read_to: dict[Place, int] = {}
        self._came: list[str] = []

    async def follow(self) -> list[str]:
        """See `ItemVectors.follow`."""
        came = await super().follow()
        if not self.foreign:
            return came
        places = await self.log.partitions(self._topics.items)
        ends = await self.log.ends(places)
        async for records in self.log.read({place: (self._read_to.get(place, 0), ends[place]) for place in places}):
            await self._pipeline.process(records)
        self._read_to |= ends
        came, self._came = [*came, *self._came], []
        return came

    async def send(self, records: Sequence[Outgoing]) -> None:
        """The log that the items' pipeline sees: vectors are kept, dead letters stand in the dead letters already."""
        for each in records:
            if each.topic != self._topics.item_vectors or each.key is None:
                continue
            item_id = each.key.decode()
            if each.value is None:
                self.catalogue.remove(item_id)
            elif self.catalogue.put(msgspec.json.decode(each.value, type=ItemVector)):
                self._came.append(item_id)
