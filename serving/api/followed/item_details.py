"""What is known of items where lists are read: titles, facets, vectors."""

from collections.abc import Collection, Mapping
from threading import Event
from typing import Any

import msgspec

from penchant.messages import Facets
from serving.api.followed.item_vectors import ItemVectors
from serving.api.followed.shared_values import FacetValue, SharedValues
from serving.filters import has_facets

__all__ = ()


_FEWEST = 2  # of which one can say that they share something


class _Item(msgspec.Struct, array_like=True):
    """Of an item's record what is kept."""

    title: str
    facets: Facets
    available: bool


class _Record(msgspec.Struct):
    title: str = ""
    facets: Facets = {}
    available: bool = True
    fingerprint: str = ""
    vector: str = ""


class ItemDetails:
    """Follows item-vectors.v1 (a `Sink` of penchant.kafka.following). One writer; readers may be in other threads.

    Kept packed, some 200 bytes an item beside its title and its vector; those of the twenty on a list are unpacked when
    asked for. vectors: of all that were embedded. changes: how many records were taken in, ever.
    """

    def __init__(self) -> None:
        self.ready = Event()
        self.vectors = ItemVectors()
        self.changes = 0
        self._items: dict[str, bytes] = {}
        self._shared = SharedValues()
        self._read = msgspec.json.Decoder(_Record).decode
        self._packed = msgspec.msgpack.Encoder().encode
        self._unpacked = msgspec.msgpack.Decoder(_Item).decode

    def begin(self, _: Mapping[str, Collection[int]]) -> None:
        """See `Sink.begin`."""
        self._items = {}
        self._shared = SharedValues()
        self.vectors = ItemVectors()

    def take(self, record: Any) -> None:
        """See `Sink.take`."""
        self.changes += 1
        item_id = (record.key or b"").decode(errors="replace")
        if item_id in self._items:
            self._shared.lost()
        if record.value is None:
            self._items.pop(item_id, None)
            self.vectors.remove(item_id)
            return
        read = self._read(record.value)
        self._shared.add(read.facets)
        self._items[item_id] = self._packed(_Item(read.title, read.facets, read.available))
        if read.vector:
            self.vectors.put(item_id, read.fingerprint, read.vector)

    def caught_up(self) -> None:
        """See `Sink.caught_up`."""
        self.ready.set()

    def knows(self, item_id: str) -> bool:
        """Whether there is such an item."""
        return item_id in self._items

    def title(self, item_id: str) -> str:
        """An item's title, "" for one that is not known."""
        packed = self._items.get(item_id)
        return "" if packed is None else self._unpacked(packed).title

    def facets(self, item_id: str) -> Facets:
        """An item's facets, none for one that is not known."""
        packed = self._items.get(item_id)
        return {} if packed is None else self._unpacked(packed).facets

    def shared(self) -> frozenset[FacetValue]:
        """The values of facets that all items have; none where there is one item only."""
        if len(self._items) < _FEWEST:
            return frozenset()
        return self._shared.among(lambda: (self._unpacked(packed).facets for packed in list(self._items.values())))

    def has(self, item_id: str, wanted: Mapping[str, frozenset[str]]) -> bool:
        """Whether an item has, of each facet that is named, one of the values; those are in lower case."""
        packed = self._items.get(item_id)
        return packed is not None and has_facets(self._unpacked(packed).facets, wanted)

    def is_offered(self, item_id: str, wanted: Mapping[str, frozenset[str]]) -> bool:
        """The same, and whether it may be recommended."""
        packed = self._items.get(item_id)
        if packed is None:
            return False
        item = self._unpacked(packed)
        return item.available and has_facets(item.facets, wanted)
