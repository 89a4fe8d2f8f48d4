"""Items' vectors as they stand at the end of their topic, and which items were updated on the way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import msgspec

from penchant.errors import FingerprintMismatch
from penchant.messages import ItemVector
from serving.catalogue import pack, unpacked
from serving.state.user_state import Vector
from stream.events.records import Record
from stream.rebuild.log_reader import LogReader, Place

__all__ = ["KnownItems"]

_FOLLOWED_WITHIN_MS = 60_000  # so long a worker may go on with the vector of before


class Items(Protocol):
    """What a replay asks about items."""

    async def follow(self) -> list[str]:
        """See `ItemVectors.follow`."""
        ...

    def vector(self, item_id: str) -> Vector | None:
        """See `ItemVectors.vector`."""
        ...

    def may_have_been_another(self, item_id: str, time_ms: int) -> bool:
        """See `ItemVectors.may_have_been_another`."""
        ...


@dataclass(frozen=True, slots=True)
class KnownItems:
    """The vectors that a worker has, which follows them itself."""

    known: Callable[[str], Vector | None]

    async def follow(self) -> list[str]:
        """Nothing new is waited for."""
        return []

    def vector(self, item_id: str) -> Vector | None:
        """As the worker has it."""
        return self.known(item_id)

    def may_have_been_another(self, item_id: str, time_ms: int) -> bool:
        """Nobody asks."""
        return False


class _Embedded(msgspec.Struct):
    """What a replay reads of an `ItemVector`."""

    item_id: str
    revision: str
    fingerprint: str
    vector: str


class VectorTable:
    """Items' vectors by id. A `Catalogue` makes ready for lists what it takes in, which nobody asks a replay for."""

    def __init__(self, dim: int, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self._dim = dim
        self._items: dict[str, tuple[str, Vector]] = {}

    def vector(self, item_id: str) -> Vector | None:
        """As `Catalogue.vector`: `(d,) float32`."""
        known = self._items.get(item_id)
        return known[1] if known is not None else None

    def revision(self, item_id: str) -> str | None:
        """The revision that an item's vector is of, None while it has none."""
        known = self._items.get(item_id)
        return known[0] if known is not None else None

    def get(self, item_id: str) -> ItemVector | None:
        """An item's message with what is kept of it: no title, no facets."""
        known = self._items.get(item_id)
        if known is None:
            return None
        revision, vector = known
        return ItemVector(
            item_id=item_id,
            title="",
            facets={},
            available=True,
            revision=revision,
            fingerprint=self.fingerprint,
            vector=pack(vector),
        )

    def put(self, item: ItemVector | _Embedded) -> bool:
        """See `Catalogue.put`."""
        if item.fingerprint != self.fingerprint:
            raise FingerprintMismatch(
                f"item {item.item_id!r} was embedded by {item.fingerprint}, this replay is for {self.fingerprint}"
            )
        new = item.item_id not in self._items
        self._items[item.item_id] = (item.revision, unpacked(item.vector, self._dim))
        return new

    def remove(self, item_id: str) -> None:
        """Forget an item's vector."""
        self._items.pop(item_id, None)


_decoder = msgspec.json.Decoder(_Embedded)


class ItemVectors:
    """Follows `item-vectors.v1` of one model folder. A live state was made with an item's vector of that moment."""

    def __init__(self, log: LogReader, topic: str, dim: int, fingerprint: str) -> None:
        self.table = VectorTable(dim, fingerprint)
        self.foreign = 0  # vectors of other model folders
        self.log = log
        self._topic = topic
        self._positions: dict[Place, int] = {}
        self._revised_ms: dict[str, int] = {}  # item -> until when its vector may have been another

    async def follow(self) -> list[str]:
        """Read on to the topic's end. Returns the items that have a vector since."""
        places = await self.log.partitions(self._topic)
        ends = await self.log.ends(places)
        came: list[str] = []
        async for records in self.log.read({p: (self._positions.get(p, 0), ends[p]) for p in places}):
            came += [item_id for record in records if (item_id := self._apply(record)) is not None]
        self._positions |= ends
        return came

    def vector(self, item_id: str) -> Vector | None:
        """See `VectorTable.vector`."""
        return self.table.vector(item_id)

    def may_have_been_another(self, item_id: str, time_ms: int) -> bool:
        """Whether an event of that time may have been folded with another vector of the item."""
        revised_ms = self._revised_ms.get(item_id)
        return revised_ms is not None and time_ms <= revised_ms + _FOLLOWED_WITHIN_MS

    def _apply(self, record: Record) -> str | None:
        place = (record.topic, record.partition)
        gap = record.offset > self._positions.get(place, 0)  # compacted: what stood there is not known
        self._positions[place] = record.offset + 1
        item_id = (record.key or b"").decode("utf-8", "replace")
        if record.value is None:
            self.table.remove(item_id)
            self._revised_ms[item_id] = record.timestamp_ms
            return None
        item = _decoder.decode(record.value)
        if item.fingerprint != self.table.fingerprint:
            self.foreign += 1
            return None
        known = self.table.revision(item_id)
        if (known is not None and known != item.revision) or (known is None and gap):
            self._revised_ms[item_id] = record.timestamp_ms
        return item_id if self.table.put(item) else None
