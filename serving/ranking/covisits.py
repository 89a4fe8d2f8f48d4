"""Which items have interactions by the same users: sparse rows of neighbours by item, learned event by event.

On an event of co-visit weight w on item x, by a user whose ring holds the items i_p of weights w_p (p = 0 the newest),

    S[i_p][x] += w·w_p·.9^p    S[x][i_p] += w·w_p·.9^p    A[i_p][x] += w·w_p·.5^p

S (co_occurrence) is symmetric, A (transition) tells what comes next. An item may be its own neighbour: that is how
repeats are learned. A row grows to 800 neighbours and is then cut to the 400 of the largest S. Cutting one neighbour
for each new one instead would throw out the new ones for ever.

What one user did with two items, others could read off their lists. So rows count users, too, without knowing any:
only a user's first event on x makes one more user of the links (i_p, x), and that user's first one on i_p came before
it. What links of fewer than `least` users weigh is kept apart, where no list looks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import carray

from serving.arrays import Doubles, Floats, Indices, Mask, Rows
from serving.arrays_by_address import pointer_to_bytes, pointer_to_floats, pointer_to_numbers
from serving.compiled import compiled
from serving.state.user_state import RING

__all__ = ()

_CO_OCCURRENCE_DECAY = 0.9 ** np.arange(RING)
_TRANSITION_DECAY = 0.5 ** np.arange(RING)
MOST_NEIGHBOURS, _KEPT = 800, 400
_FIRST = 8  # places of a new row; they double

_Ids = npt.NDArray[np.int32]
_Users = npt.NDArray[np.uint8]
_MOST_USERS = 255  # that are told apart


@dataclass(frozen=True, slots=True)
class Links:
    """Rows one after the other: row i has the neighbours `items[starts[i]:starts[i + 1]]`.

    starts: `(n + 1,) int64`. items: `(m,) int32`, row numbers. co_occurrence, transition: `(m,) float32`.
    users: `(m,) uint8`, of how many users each is, 255 for more.
    """

    starts: npt.NDArray[np.int64]
    items: _Ids
    co_occurrence: Floats
    transition: Floats
    users: _Users


class Neighbours(NamedTuple):
    """Those of all items as they are kept, for compiled code to read: good until the next event.

    addresses: `(n, 3) int64`, of each row's neighbours `(places,) int32`, their weights `(2, places) float32`, S and A,
    0 where there are too few users, and their users `(places,) uint8`. sizes: `(n,) int32`, how many of the places
    count; places: `(n,) int32`.
    """

    addresses: npt.NDArray[np.int64]
    sizes: _Ids
    places: _Ids


class CoVisitRows:
    """The rows of all items, by the catalogue's row numbers. One writer, readers in the same thread.

    least: how many users a link of two items needs before a list may go by it. That of an item with itself tells of
    nobody's other items, and needs none.

    >>> covisits = CoVisitRows()
    >>> covisits.add(0, 1.0, [])
    >>> covisits.add(2, 1.0, [(0, 0.5)])
    >>> links = covisits.links([0, 2])
    >>> links.items.tolist(), links.co_occurrence.tolist(), links.transition.tolist()
    ([2, 0], [0.5, 0.5], [0.5, 0.0])
    """

    def __init__(self, least: int = 1) -> None:
        self._least = least
        self._nothing: Floats = np.empty((2 if least == 1 else 4, 0), np.float32)
        self._items: list[_Ids] = []  # by row: `(places,)`, -1 where there is none
        self._weights: list[Floats] = []  # by row: `(2, places)`, S and A; `(4, places)`, these, and those kept apart
        self._users: list[_Users] = []  # by row: `(places,)`
        self._shared = bytearray()  # by row: whether a copy reads its arrays, so that they must not be written to
        # Compiled code is given addresses: to take some twenty pairs of arrays apart would take longer than its work.
        self._at = Neighbours(np.zeros((_FIRST, 3), np.int64), np.zeros(_FIRST, np.int32), np.zeros(_FIRST, np.int32))

    def add(self, row: int, covisit: float, ring: Sequence[tuple[int, float]], *, first: bool = True) -> None:
        """Count an event of weight `covisit` on the item in `row`; `ring`: rows and co-visit weights, newest first.

        first: whether it is its user's first event on that item.
        """
        known = [(age, other, covisit * weight) for age, (other, weight) in enumerate(ring[:RING]) if weight > 0]
        if covisit <= 0 or not known:
            return
        ages, others, both = (list(each) for each in zip(*known, strict=True))
        self.reserve(max(row, *others) + 1)
        for changed in (row, *others):
            if self._shared[changed]:
                self._own(changed)
        rows, strengths = np.array([row, *others]), np.array(both)
        done = 0
        while True:
            done = _count(rows, np.array(ages), (strengths, first, self._least), self._at, done)
            if done == 2 * len(others):
                return
            self._make_room(row if done < len(others) else others[done - len(others)])

    def neighbours(self, n: int) -> Neighbours:
        """Those of at least the first `n` items, as they are kept: good until the next event."""
        self.reserve(n)
        return self._at

    def links(self, rows: Sequence[int]) -> Links:
        """The neighbours of some items, in this order; copies."""
        known = [row if row < len(self) else -1 for row in rows]
        sizes = [int(self._at.sizes[row]) if row >= 0 else 0 for row in known]
        filled = [(row, size) for row, size in zip(known, sizes, strict=True) if size]
        items = np.concatenate([_NOBODY, *(self._items[row][:size] for row, size in filled)])
        weights = np.concatenate([self._nothing, *(self._weights[row][:, :size] for row, size in filled)], axis=1)
        users = np.concatenate([_NO_USERS, *(self._users[row][:size] for row, size in filled)])
        return Links(np.cumsum([0, *sizes]), items, weights[::2].sum(axis=0), weights[1::2].sum(axis=0), users)

    def copy(self) -> "CoVisitRows":
        """As it stands now, for another thread to read. Costs next to nothing: rows are copied when they change."""
        other = CoVisitRows(self._least)
        other._items, other._weights, other._users = self._items.copy(), self._weights.copy(), self._users.copy()
        other._at = Neighbours(self._at.addresses.copy(), self._at.sizes.copy(), self._at.places.copy())
        other._shared, self._shared = (bytearray(b"\1" * len(self)) for _ in range(2))
        return other

    def __deepcopy__(self, _: object) -> "CoVisitRows":
        """A copy: what one attribute after the other makes would have the addresses of these arrays."""
        return self.copy()

    def restore(self, rows: Rows, links: Links) -> None:
        """Take over what `links` told of all items: its row number i is now `rows[i]`. What was here is dropped."""
        self._items, self._weights, self._users, self._shared = [], [], [], bytearray()
        self.reserve(int(rows.max(initial=-1)) + 1)
        for at, row in enumerate(rows.tolist()):
            part = slice(int(links.starts[at]), int(links.starts[at + 1]))
            items = rows[links.items[part]].astype(np.int32)
            if len(items):
                weights = np.stack([links.co_occurrence[part], links.transition[part]])
                if self._least > 1:
                    told = (links.users[part] >= self._least) | (items == row)
                    weights = np.concatenate([np.where(told, weights, 0.0), np.where(told, 0.0, weights)])
                self._put(row, items, weights.astype(np.float32), links.users[part].copy(), len(items))

    def filled(self) -> Mask:
        """`(len,)`: which rows have neighbours."""
        there: Mask = self._at.sizes[: len(self)] > 0
        return there

    def __len__(self) -> int:
        """How many rows there are, among them empty ones."""
        return len(self._items)

    def reserve(self, n: int) -> None:
        """Have so many rows."""
        more = n - len(self._items)
        if more <= 0:
            return
        if n > len(self._at.sizes):
            room = max(n, 2 * len(self._at.sizes)) - len(self._at.sizes)
            addresses = np.concatenate([self._at.addresses, np.zeros((room, 3), np.int64)])
            sizes, places = (np.concatenate([each, np.zeros(room, np.int32)]) for each in self._at[1:])
            self._at = Neighbours(addresses, sizes, places)
        self._at.sizes[len(self) : n] = 0
        self._items += [_NOBODY] * more
        self._weights += [self._nothing] * more
        self._users += [_NO_USERS] * more
        self._shared += bytes(more)

    def _own(self, row: int) -> None:
        copies = self._items[row].copy(), self._weights[row].copy(), self._users[row].copy()
        self._put(row, *copies, int(self._at.sizes[row]))
        self._shared[row] = 0

    def _make_room(self, row: int) -> None:
        """Let a full row grow, or cut it."""
        items, weights, users = self._items[row], self._weights[row], self._users[row]
        size = int(self._at.sizes[row])
        if size >= MOST_NEIGHBOURS:
            kept = np.sort(np.argpartition(weights[::2].sum(axis=0), size - _KEPT)[size - _KEPT :])
            items, weights, users, size = items[kept], weights[:, kept], users[kept], _KEPT
        places = min(max(2 * size, _FIRST), MOST_NEIGHBOURS)
        items = np.concatenate([items, np.full(places - size, -1, np.int32)])
        weights = np.concatenate([weights, np.zeros((len(weights), places - size), np.float32)], axis=1)
        self._put(row, items, weights, np.concatenate([users, np.zeros(places - size, np.uint8)]), size)

    def _put(self, row: int, items: _Ids, weights: Floats, users: _Users, size: int) -> None:
        """Have these arrays for a row; lists hold what addresses tell of."""
        items, weights, users = np.ascontiguousarray(items), np.ascontiguousarray(weights), np.ascontiguousarray(users)
        self._items[row], self._weights[row], self._users[row] = items, weights, users
        self._at.addresses[row] = items.ctypes.data, weights.ctypes.data, users.ctypes.data
        self._at.sizes[row], self._at.places[row] = size, len(items)


@compiled
def _count(rows: Rows, ages: Indices, event: tuple[Doubles, bool, int], of: Neighbours, done: int) -> int:
    """Count links of the first of some rows with each of the others, in both directions: of `2·(len(rows) - 1)` steps.

    Returns how many are done: it stops where a row is full. event: weights by which it links with each of the others,
    whether it makes one more user of them, and how many a link needs.
    """
    (strengths, first, least), n = event, len(rows) - 1
    parts = 2 if least == 1 else 4
    for step in range(done, 2 * n):
        other = step % n + 1
        row, neighbour = (rows[0], rows[other]) if step < n else (rows[other], rows[0])
        size, places = of.sizes[row], of.places[row]
        items = carray(pointer_to_numbers(of.addresses[row, 0]), (places,))
        weights = carray(pointer_to_floats(of.addresses[row, 1]), (parts, places))
        users = carray(pointer_to_bytes(of.addresses[row, 2]), (places,))
        at = 0
        while at < size and items[at] != neighbour:
            at += 1
        if at == size:
            if at == places:
                return step
            items[at] = neighbour
            of.sizes[row] = at + 1
        if first and users[at] < _MOST_USERS:
            users[at] += 1
        into = 0 if users[at] >= least or neighbour == row or parts == 2 else 2
        if parts == 4 and into == 0:
            for part in range(2):
                weights[part, at] += weights[2 + part, at]
                weights[2 + part, at] = 0.0
        age = ages[other - 1]
        weights[into, at] += _CO_OCCURRENCE_DECAY[age] * strengths[other - 1]
        if step >= n:
            weights[into + 1, at] += _TRANSITION_DECAY[age] * strengths[other - 1]
    return 2 * n


_NOBODY: _Ids = np.empty(0, np.int32)
_NO_USERS: _Users = np.empty(0, np.uint8)
