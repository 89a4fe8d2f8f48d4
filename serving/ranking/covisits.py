"""Which items have interactions by the same users: sparse rows of neighbours by item, learned event by event.

On an event of co-visit weight w on item x, by a user whose ring holds the items i_p of weights w_p (p = 0 the newest),

    S[i_p][x] += w·w_p·.9^p    S[x][i_p] += w·w_p·.9^p    A[i_p][x] += w·w_p·.5^p

S (co_occurrence) is symmetric, A (transition) tells what comes next. An item may be its own neighbour: that is how
repeats are learned. A row grows to 800 neighbours and is then cut to the 400 of the largest S. Cutting one neighbour
for each new one instead would throw out the new ones for ever.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from serving.arrays import Doubles, Floats, Indices, Mask, Rows
from serving.compiled import compiled
from serving.state.user_state import RING

__all__ = ()

_CO_OCCURRENCE_DECAY = 0.9 ** np.arange(RING)
_TRANSITION_DECAY = 0.5 ** np.arange(RING)
MOST_NEIGHBOURS, _KEPT = 800, 400
_FIRST = 8  # places of a new row; they double

_Ids = npt.NDArray[np.int32]
_Array = TypeVar("_Array", _Ids, Floats)


@dataclass(frozen=True, slots=True)
class Links:
    """Rows one after the other: row i has the neighbours `items[starts[i]:starts[i + 1]]`.

    starts: `(n + 1,) int64`. items: `(m,) int32`, row numbers. co_occurrence, transition: `(m,) float32`.
    """

    starts: npt.NDArray[np.int64]
    items: _Ids
    co_occurrence: Floats
    transition: Floats


class Neighbours(NamedTuple):
    """Those of a ring's items, for reading only: rows, the last ones empty if it has few items.

    items: `(places,) int32` each, of which the first `sizes` `(RING,)` count. weights: `(2, places) float32`, S and A.
    """

    items: tuple[npt.NDArray[np.int32], ...]
    weights: tuple[Floats, ...]
    sizes: npt.NDArray[np.int64]


class CoVisitRows:
    """The rows of all items, by the catalogue's row numbers. One writer, readers in the same thread.

    >>> covisits = CoVisitRows()
    >>> covisits.add(0, 1.0, [])
    >>> covisits.add(2, 1.0, [(0, 0.5)])
    >>> links = covisits.links([0, 2])
    >>> links.items.tolist(), links.co_occurrence.tolist(), links.transition.tolist()
    ([2, 0], [0.5, 0.5], [0.5, 0.0])
    """

    def __init__(self) -> None:
        self._items: list[_Ids] = []  # by row: `(places,)`, -1 where there is none
        self._weights: list[Floats] = []  # by row: `(2, places)`, S and A
        self._sizes = np.zeros(_FIRST, np.int32)  # by row
        self._shared = bytearray()  # by row: whether a copy reads its arrays, so that they must not be written to

    def add(self, row: int, covisit: float, ring: Sequence[tuple[int, float]]) -> None:
        """Count an event of weight `covisit` on the item in `row`; `ring`: rows and co-visit weights, newest first."""
        known = [(age, other, covisit * weight) for age, (other, weight) in enumerate(ring[:RING]) if weight > 0]
        if covisit <= 0 or not known:
            return
        ages, others, both = (list(each) for each in zip(*known, strict=True))
        self._reserve(max(row, *others) + 1)
        for changed in (row, *others):
            if self._shared[changed]:
                self._own(changed)
        rows, strengths = np.array([row, *others]), np.array(both)
        done = 0
        while True:
            items, weights = _padded(self._items, rows, _NOBODY), _padded(self._weights, rows, _NOTHING)
            done = _count(rows, np.array(ages), strengths, (items, weights, self._sizes), done)
            if done == 2 * len(others):
                return
            self._make_room(row if done < len(others) else others[done - len(others)])

    def of_ring(self, rows: list[int]) -> Neighbours:
        """The neighbours of at most `RING` items, as they are kept: good until the next event."""
        self._reserve(max(rows, default=0) + 1)
        sizes = np.zeros(RING, np.int64)
        sizes[: len(rows)] = self._sizes[rows]
        return Neighbours(_padded(self._items, rows, _NOBODY), _padded(self._weights, rows, _NOTHING), sizes)

    def links(self, rows: Sequence[int]) -> Links:
        """The neighbours of some items, in this order; copies."""
        known = [row if row < len(self) else -1 for row in rows]
        sizes = [int(self._sizes[row]) if row >= 0 else 0 for row in known]
        filled = [(self._items[row], self._weights[row], size) for row, size in zip(known, sizes, strict=True) if size]
        items = np.concatenate([_NOBODY, *(items[:size] for items, _, size in filled)])
        weights = np.concatenate([_NOTHING, *(weights[:, :size] for _, weights, size in filled)], axis=1)
        return Links(np.cumsum([0, *sizes]), items, weights[0], weights[1])

    def copy(self) -> "CoVisitRows":
        """As it stands now, for another thread to read. Costs next to nothing: rows are copied when they change."""
        other = CoVisitRows()
        other._items, other._weights, other._sizes = self._items.copy(), self._weights.copy(), self._sizes.copy()
        other._shared, self._shared = (bytearray(b"\1" * len(self)) for _ in range(2))
        return other

    def restore(self, rows: Rows, links: Links) -> None:
        """Take over what `links` told of all items: its row number i is now `rows[i]`. What was here is dropped."""
        self._items, self._weights, self._shared = [], [], bytearray()
        self._sizes = np.zeros(_FIRST, np.int32)
        self._reserve(int(rows.max(initial=-1)) + 1)
        for at, row in enumerate(rows.tolist()):
            part = slice(int(links.starts[at]), int(links.starts[at + 1]))
            items = rows[links.items[part]].astype(np.int32)
            if len(items):
                self._items[row] = items
                self._weights[row] = np.stack([links.co_occurrence[part], links.transition[part]])
                self._sizes[row] = len(items)

    def filled(self) -> Mask:
        """`(len,)`: which rows have neighbours."""
        return self._sizes[: len(self)] > 0

    def __len__(self) -> int:
        """How many rows there are, among them empty ones."""
        return len(self._items)

    def _own(self, row: int) -> None:
        self._items[row], self._weights[row] = self._items[row].copy(), self._weights[row].copy()
        self._shared[row] = 0

    def _make_room(self, row: int) -> None:
        """Let a full row grow, or cut it."""
        items, weights, size = self._items[row], self._weights[row], int(self._sizes[row])
        if size >= MOST_NEIGHBOURS:
            kept = np.sort(np.argpartition(weights[0], size - _KEPT)[size - _KEPT :])
            items, weights, size = items[kept], weights[:, kept], _KEPT
        places = min(max(2 * size, _FIRST), MOST_NEIGHBOURS)
        self._items[row] = np.concatenate([items, np.full(places - size, -1, np.int32)])
        self._weights[row] = np.concatenate([weights, np.zeros((2, places - size), np.float32)], axis=1)
        self._sizes[row] = size

    def _reserve(self, n: int) -> None:
        for _ in range(n - len(self._items)):
            self._items.append(_NOBODY)
            self._weights.append(_NOTHING)
            self._shared.append(0)
        if n > len(self._sizes):
            sizes = np.zeros(max(n, 2 * len(self._sizes)), np.int32)
            sizes[: len(self._sizes)] = self._sizes
            self._sizes = sizes


def _padded(arrays: list[_Array], rows: Iterable[int], empty: _Array) -> tuple[_Array, ...]:
    """Those of some rows, and empty ones up to the same number: compiled code takes a tuple of one length."""
    some = [arrays[row] for row in rows]
    return tuple(some + [empty] * (RING + 1 - len(some)))


@compiled
def _count(
    rows: Rows,
    ages: Indices,
    strengths: Doubles,
    of: tuple[tuple[_Ids, ...], tuple[Floats, ...], _Ids],
    done: int,
) -> int:
    """Count links of the first of some rows with each of the others, in both directions: of `2·(len(rows) - 1)` steps.

    Returns how many are done: it stops where a row is full. of: items and weights of these rows, and sizes by row.
    """
    items, weights, sizes = of
    n = len(rows) - 1
    for step in range(done, 2 * n):
        other = step % n + 1
        mine, theirs = (0, other) if step < n else (other, 0)
        row, neighbour = rows[mine], rows[theirs]
        at = 0
        while at < sizes[row] and items[mine][at] != neighbour:
            at += 1
        if at == sizes[row]:
            if at == len(items[mine]):
                return step
            items[mine][at] = neighbour
            sizes[row] = at + 1
        age = ages[other - 1]
        weights[mine][0, at] += _CO_OCCURRENCE_DECAY[age] * strengths[other - 1]
        if step >= n:
            weights[mine][1, at] += _TRANSITION_DECAY[age] * strengths[other - 1]
    return 2 * n


_NOBODY: _Ids = np.empty(0, np.int32)
_NOTHING: Floats = np.empty((2, 0), np.float32)
