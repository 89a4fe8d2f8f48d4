"""Which items may not be shown any more: removed, or not on offer."""

import msgspec

__all__ = ()

_MOST_REMOVED = 100_000  # of those that were removed; lists that hold an older one have long expired


class _Offer(msgspec.Struct):
    available: bool | None = True


class GoneItems:
    """Follows items.v1. One writer; readers may be in other threads.

    ids: those that are gone.

    >>> items = GoneItems()
    >>> for key, value in ((b"i1", b'{"available": false}'), (b"i2", None), (b"i1", b"{}")):
    ...     items.take(key, value)
    >>> items.ids
    {'i2'}
    """

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self._removed: dict[str, None] = {}
        self._decode = msgspec.json.Decoder(_Offer).decode

    def take(self, key: bytes | None, value: bytes | None) -> None:
        """Take in a record. One in another tool's envelope is left out: the item counts as it did before."""
        try:
            item_id = (key or b"").decode()
            gone = value is None or self._decode(value).available is False
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        self._removed.pop(item_id, None)
        if not gone:
            self.ids.discard(item_id)
            return
        self.ids.add(item_id)
        if value is None:
            self._removed[item_id] = None
            if len(self._removed) > _MOST_REMOVED:
                oldest = next(iter(self._removed))
                del self._removed[oldest]
                self.ids.discard(oldest)
