"""Which items have interactions by the same users: sparse rows of neighbours by item, learned event by event.

On an event of co-visit weight w on item x, by a user whose ring holds the items i_p of weights w_p (p = 0 the newest),

    S[i_p][x] += w·w_p·.9^p    S[x][i_p] += w·w_p·.9^p    A[i_p][x] += w·w_p·.5^p

S (co_occurrence) is symmetric, A (transition) tells what comes next. An item may be its own neighbour: that is how
repeats are learned. A row grows to 800 neighbours and is then cut to the 400 of the largest S. Cutting one neighbour
for each new one instead would throw out the new ones for ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from serving.arrays import Doubles, Floats, Mask, Rows
from serving.state.user_state import RING

__all__ = ()

_CO_OCCURRENCE_DECAY = 0.9 ** np.arange(RING)
_TRANSITION_DECAY = 0.5 ** np.arange(RING)
MOST_NEIGHBOURS, _KEPT = 800, 400
_FIRST = 8  # places of a new row; they double

_Ids = npt.NDArray[np.int32]


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
    """Those of a ring's items, for reading only: `RING` rows, the last ones empty if it has fewer items.

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
        self._sizes: list[int] = []
        self._shared = bytearray()  # by row: whether a copy reads its arrays, so that they must not be written to

    def add(self, row: int, covisit: float, ring: Sequence[tuple[int, float]]) -> None:
        """Count an event of weight `covisit` on the item in `row`; `ring`: rows and co-visit weights, newest first."""
        known = [(age, other, covisit * weight) for age, (other, weight) in enumerate(ring[:RING]) if weight > 0]
        if covisit <= 0 or not known:
            return
        ages, others, both = zip(*known, strict=True)
        co_occurrence, transition = _CO_OCCURRENCE_DECAY[list(ages)] * both, _TRANSITION_DECAY[list(ages)] * both
        self._reserve(max(row, *others) + 1)
        for changed in (row, *others):
            if self._shared[changed]:
                self._own(changed)
        self._count(row, np.array(others, np.int32), co_occurrence)
        for other, m, o in zip(others, co_occurrence.tolist(), transition.tolist(), strict=True):
            at = self._at(other, row)
            weights = self._weights[other]
            weights[0, at] += m
            weights[1, at] += o

    def of_ring(self, rows: list[int]) -> Neighbours:
        """The neighbours of at most `RING` items, as they are kept: good until the next event."""
        if rows and max(rows) >= len(self._sizes):
            self._reserve(max(rows) + 1)
        none = RING - len(rows)
        items, weights, sizes = self._items, self._weights, self._sizes
        return Neighbours(
            tuple([items[row] for row in rows] + [_NOBODY] * none),
            tuple([weights[row] for row in rows] + [_NOTHING] * none),
            np.array([sizes[row] for row in rows] + [0] * none, np.int64),
        )

    def links(self, rows: Sequence[int]) -> Links:
        """The neighbours of some items, in this order; copies."""
        known = [row if row < len(self._sizes) else -1 for row in rows]
        sizes = [self._sizes[row] if row >= 0 else 0 for row in known]
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
        self._items, self._weights, self._sizes, self._shared = [], [], [], bytearray()
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
        return np.array(self._sizes, np.intp) > 0

    def __len__(self) -> int:
        """How many rows there are, among them empty ones."""
        return len(self._sizes)

    def _count(self, row: int, neighbours: _Ids, co_occurrence: Doubles) -> None:
        """Add to S of several neighbours of one row, some of which may be the same."""
        items = self._items[row]
        at = (items[:, None] == neighbours).argmax(axis=0) if len(items) else np.zeros(len(neighbours), np.intp)
        known = items[at] == neighbours if len(items) else np.zeros(len(neighbours), np.bool_)
        np.add.at(self._weights[row][0], at[known], co_occurrence[known])
        for new in np.flatnonzero(~known).tolist():
            place = self._at(row, int(neighbours[new]))
            self._weights[row][0, place] += co_occurrence[new]

    def _own(self, row: int) -> None:
        self._items[row], self._weights[row] = self._items[row].copy(), self._weights[row].copy()
        self._shared[row] = 0

    def _at(self, row: int, neighbour: int) -> int:
        """Where a neighbour stands in a row; it is given a place if it has none."""
        items = self._items[row]
        if len(items):
            at = int((items == neighbour).argmax())
            if items[at] == neighbour:
                return at
        return self._place(row, neighbour)

    def _place(self, row: int, neighbour: int) -> int:
        """A new place in a row, which is cut or grown if it is full."""
        at = self._sizes[row]
        if at == len(self._items[row]):
            at = self._make_room(row)
        self._items[row][at] = neighbour
        self._sizes[row] = at + 1
        return at

    def _make_room(self, row: int) -> int:
        items, weights, size = self._items[row], self._weights[row], self._sizes[row]
        if size >= MOST_NEIGHBOURS:
            kept = np.sort(np.argpartition(weights[0], size - _KEPT)[size - _KEPT :])
            items, weights, size = items[kept], weights[:, kept], _KEPT
        places = min(max(2 * size, _FIRST), MOST_NEIGHBOURS)
        self._items[row] = np.concatenate([items, np.full(places - size, -1, np.int32)])
        self._weights[row] = np.concatenate([weights, np.zeros((2, places - size), np.float32)], axis=1)
        return size

    def _reserve(self, n: int) -> None:
        for _ in range(n - len(self._sizes)):
            self._items.append(_NOBODY)
            self._weights.append(_NOTHING)
            self._sizes.append(0)
            self._shared.append(0)


_NOBODY: _Ids = np.empty(0, np.int32)
_NOTHING: Floats = np.empty((2, 0), np.float32)
