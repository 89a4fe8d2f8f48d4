"""Item vectors on their way from their topic into the catalogue, and who waits for them."""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from penchant.messages import ItemVector
from serving.catalogue import Catalogue
from serving.terminal.printable import shown
from stream.store.pending_index import PendingIndex

_log = logging.getLogger(__name__)


class CatalogueFeed:
    """Applies records of `item-vectors.v1`. came: set when an item has come that somebody waits for.

    on_embedded: told how many items have a vector, for the metrics.
    """

    def __init__(self, catalogue: Catalogue, waiting: PendingIndex, on_embedded: Callable[[int], None]) -> None:
        self.came = asyncio.Event()
        self._catalogue = catalogue
        self._waiting = waiting
        self._on_embedded = on_embedded

    def apply(self, key: bytes | None, value: bytes | None) -> None:
        """Take over one record."""
        if value is None:
            if key is not None:
                self._catalogue.remove(key.decode())
            return
        item = msgspec.json.decode(value, type=ItemVector)
        if item.fingerprint != self._catalogue.fingerprint:
            return  # of another model folder: never compared with ours
        if self._catalogue.put(item):
            self._tell_same_hash(item.item_id)
        self._on_embedded(self._catalogue.embedded)
        if self._waiting.came(item.item_id):
            self.came.set()

    def _tell_same_hash(self, item_id: str) -> None:
        """An id may have been chosen so: whoever has seen the one item is not shown the other."""
        for other in self._catalogue.of_same_hash(item_id):
            words = "item %s has the hash of %s: who has seen one is shown neither; give the newer one another id"
            _log.warning(words, shown(item_id), shown(other), extra={"action": "item_hash_shared"})
