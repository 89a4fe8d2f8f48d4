"""Rows of the catalogue by the 32-bit hashes under which items stand in seen sets.

A table with open addressing: whole seen sets are looked up by compiled code. Hashes are as good as random already, so
their last bits say where to look first; what collides stands behind, in the order in which it came.
"""

import numpy as np
import numpy.typing as npt

from serving.arrays import Rows
from serving.compiled import compiled

__all__ = ()

Hashes = npt.NDArray[np.uint32]
_FREE = -1


class RowsByHash:
    """Hashes may be put more than once; none ever goes.

    >>> rows = RowsByHash()
    >>> rows.put(7, 0), rows.put(9, 1), rows.put(7, 2)
    (False, False, True)
    >>> hashes = np.array([9, 8, 7], np.uint32)
    >>> rows.first(hashes).tolist(), rows.all(hashes).tolist()
    ([1, -1, 0], [1, 0, 2])
    """

    def __init__(self, capacity: int = 1024) -> None:
        self._count = 0
        self._hashes: Hashes = np.zeros(capacity, np.uint32)  # a power of two, and never more than half full
        self._rows: npt.NDArray[np.int32] = np.full(capacity, _FREE, np.int32)

    def put(self, hashed: int, row: int) -> bool:
        """Take in the row of an item. True if another one stands under the hash already."""
        if 2 * self._count >= len(self._rows):
            hashes, rows = self._hashes, self._rows
            order = np.argsort(rows)[len(rows) - self._count :]
            self._hashes, self._rows = np.zeros(2 * len(rows), np.uint32), np.full(2 * len(rows), _FREE, np.int32)
            _put(self._hashes, self._rows, hashes[order], rows[order])
        self._count += 1
        return bool(_put(self._hashes, self._rows, np.array([hashed], np.uint32), np.array([row], np.int32)))

    def first(self, hashes: Hashes) -> Rows:
        """`(n,)`, the row behind each hash, -1 where there is none; of a collision the first."""
        return _first(self._hashes, self._rows, np.array(hashes))  # what cannot be written to is of another type

    def all(self, hashes: Hashes) -> Rows:
        """All rows behind some hashes: a collision (one pair in 2**32) stands for one item more."""
        return _all(self._hashes, self._rows, np.array(hashes))

    def behind(self, hashed: int) -> list[int]:
        """All rows behind one hash."""
        found: list[int] = self.all(np.array([hashed], np.uint32)).tolist()
        return found


@compiled
def _put(table: Hashes, rows: npt.NDArray[np.int32], hashes: Hashes, put: npt.NDArray[np.int32]) -> int:
    """Returns how often a hash was there already."""
    met = 0
    for each in range(len(hashes)):
        at = hashes[each] & (len(table) - 1)
        while rows[at] != _FREE:
            met += table[at] == hashes[each]
            at = (at + 1) & (len(table) - 1)
        table[at], rows[at] = hashes[each], put[each]
    return met


@compiled
def _first(table: Hashes, rows: npt.NDArray[np.int32], hashes: Hashes) -> Rows:
    found = np.full(len(hashes), -1, np.int64)
    for each in range(len(hashes)):
        at = hashes[each] & (len(table) - 1)
        while rows[at] != _FREE:
            if table[at] == hashes[each]:
                found[each] = rows[at]
                break
            at = (at + 1) & (len(table) - 1)
    return found


@compiled
def _all(table: Hashes, rows: npt.NDArray[np.int32], hashes: Hashes) -> Rows:
    found = np.empty(2 * len(hashes) + 64, np.int64)
    size = 0
    for each in range(len(hashes)):
        at = hashes[each] & (len(table) - 1)
        while rows[at] != _FREE:
            if table[at] == hashes[each] and size < len(found):
                found[size] = rows[at]
                size += 1
            at = (at + 1) & (len(table) - 1)
    return found[:size].copy()
