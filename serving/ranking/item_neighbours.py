"""What stands near a user's ring in the rows of co-visits: the sparse signals of the score.

For the ring items i_p of co-visit weights w_p and ages p, 0 the newest's, g_p seconds before the newest, and each item
j in their rows,

    cos(j) = Σ_p w_p·.8^p·S[i_p][j] / sqrt((n_ip + 2)(n_j + 2))    fwd(j) = Σ_p w_p·.5^p·A[i_p][j] / (n_ip + 1)

and cos once more with .95^p, and once with 2^(-g_p / 40 s) instead; with S and A of `serving.ranking.covisits` and n
the totals of `serving.ranking.popularity`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import carray

from serving.arrays import Floats, Indices, Rows
from serving.arrays_by_address import pointer_to_floats, pointer_to_numbers
from serving.compiled import compiled
from serving.ranking.covisits import CoVisitRows, Neighbours
from serving.state.user_state import RING

__all__ = ()

_CO_OCCURRENCE_DECAY = np.power(0.8, np.arange(RING, dtype=np.float64))
_SLOW_DECAY = np.power(0.95, np.arange(RING, dtype=np.float64))
_TRANSITION_DECAY = np.power(0.5, np.arange(RING, dtype=np.float64))
_SESSION_HALF_LIFE_S = 40.0  # who looks through a page of things clicks on several within a minute
_UNITS = np.array([0.03, 0.03, 0.01, 0.03], np.float32)  # where the logarithms bend: a fifth of a usual value
_SUMS = len(_UNITS)
_SIGNALS = _SUMS + 5

_Places = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class ItemNeighbours:
    """The neighbours of a ring of `t` items, whose rows are `ring`, newest first.

    rows: `(u,)`, each once, the ring's own among them. signals: `(9, u)`, the `NEIGHBOUR_SIGNALS`: four by the rows of
    co-visits, and five by the ring alone: REPEAT, LAST, RECENCY, FREQUENCY and OWN_ORDER. links: of all items.
    factors: `(4, t)`, what each of them makes of its links. places: room to look rows up in, -1 between two uses.
    """

    ring: Rows
    rows: Rows
    signals: Floats
    links: Neighbours
    factors: Floats
    places: _Places

    def of(self, rows: Rows) -> Floats:
        """The signals of some items, `(9, r)`; zeros for those that are no neighbours."""
        found = np.zeros((_SIGNALS, len(rows)), np.float32)
        _look_up(self.rows, self.signals, rows, self.places, found)
        return found

    def add_to(self, points: Floats, weights: Floats) -> None:
        """Add each signal's points to those of all items `(n,)`; `weights` `(9,)`."""
        _add(points, self.rows, weights @ self.signals)

    def forget_repeats(self, rows: Iterable[int]) -> None:
        """Let it say nothing of some items that they stand in the ring: when they come again is known better."""
        if known := set(rows):
            self.signals[_SUMS:, np.isin(self.rows, list(known))] = 0.0


class NeighbourSearch:
    """Finds the neighbours of rings in rows of co-visits. Keeps room for it: one search at a time."""

    def __init__(self, covisits: CoVisitRows) -> None:
        self._covisits = covisits
        self._sums = np.zeros((0, _SUMS), np.float32)  # by row, zeros between two searches
        self._places = np.zeros(0, np.int32)

    def find(self, ring: Rows, ages: Indices, gaps_s: Floats, weights: Floats, totals: Floats) -> ItemNeighbours:
        """The neighbours of a ring. `ring`, `ages`, `gaps_s`, `weights`: `(t,)`, newest first, ages below `RING`.

        `totals`: n_j of all.
        """
        if len(totals) > len(self._places):
            self._sums = np.zeros((2 * len(totals), _SUMS), np.float32)
            self._places = np.full(2 * len(totals), -1, np.int32)
        links = self._covisits.neighbours(len(totals))
        of = _Ring(ring, ages, gaps_s, weights)
        rows, signals, factors = _found(of, links, totals, self._sums, self._places)
        np.log(signals[:_SUMS], out=signals[:_SUMS])  # several times as fast as the compiled one
        return ItemNeighbours(ring, rows, signals, links, factors, self._places)


class _Ring(NamedTuple):
    """As `NeighbourSearch.find` has it."""

    rows: Rows
    ages: Indices
    gaps_s: Floats
    weights: Floats


@compiled
def _found(of: _Ring, links: Neighbours, totals: Floats, room: Floats, places: _Places) -> tuple[Rows, Floats, Floats]:
    """The neighbours' rows `(u,)`, their signals `(9, u)`, of the sums without a logarithm, and the ring's factors.

    `room` is zeros before and after.
    """
    ring, factors = of.rows, _factors(of, totals)
    u = len(ring)
    for p in range(len(ring)):
        u += links.sizes[ring[p]]
    rows, u = np.empty(u, np.int64), 0
    for p in range(len(ring)):
        items = carray(pointer_to_numbers(links.addresses[ring[p], 0]), (links.places[ring[p]],))
        weights = carray(pointer_to_floats(links.addresses[ring[p], 1]), (2, links.places[ring[p]]))
        a, b, c, d = factors[0, p], factors[1, p], factors[2, p], factors[3, p]
        for at in range(links.sizes[ring[p]]):
            j, s = items[at], weights[0, at]
            if a * s <= 0.0:
                continue
            rows[u] = j  # without a branch, which no processor could foresee
            u += room[j, 0] == 0.0
            room[j, 0] += a * s
            room[j, 1] += b * s
            room[j, 2] += c * weights[1, at]
            room[j, 3] += d * s
    for p in range(len(ring)):
        if room[ring[p], 0] == 0.0 and _first_at(ring, p):
            rows[u] = ring[p]
            u += 1
    signals, one, popular = np.zeros((9, u), np.float32), np.float32(1.0), np.empty(u, np.float32)
    for at in range(u):
        j = rows[at]
        popular[at] = totals[j]
        for number in range(_SUMS):
            signals[number, at] = room[j, number]
            room[j, number] = 0.0
    for at in range(u):
        damped = one / np.sqrt(popular[at] + np.float32(2.0))
        signals[0, at] = one + signals[0, at] * damped / _UNITS[0]
        signals[1, at] = one + signals[1, at] * damped / _UNITS[1]
        signals[2, at] = one + signals[2, at] / _UNITS[2]
        signals[3, at] = one + signals[3, at] * damped / _UNITS[3]
    _by_ring(ring, of.ages, rows[:u], places, signals)
    return rows[:u], signals, factors


@compiled
def _factors(of: _Ring, totals: Floats) -> Floats:
    """`(4, t)`."""
    factors = np.empty((4, len(of.rows)), np.float32)
    for p in range(len(of.rows)):
        weight, age, popular = of.weights[p], of.ages[p], totals[of.rows[p]]
        alike = weight / np.sqrt(popular + np.float32(2.0))
        factors[0, p], factors[1, p] = alike * _CO_OCCURRENCE_DECAY[age], alike * _SLOW_DECAY[age]
        factors[2, p] = weight * _TRANSITION_DECAY[age] / (popular + np.float32(1.0))
        factors[3, p] = alike * 2.0 ** (-of.gaps_s[p] / _SESSION_HALF_LIFE_S)
    return factors


@compiled
def _first_at(ring: Rows, p: int) -> bool:
    """Whether an item stands there for the first time."""
    found = True
    for before in range(p):
        found = found and ring[before] != ring[p]
    return found


@compiled
def _by_ring(ring: Rows, ages: Indices, rows: Rows, places: _Places, signals: Floats) -> None:
    """Write REPEAT, LAST, RECENCY, FREQUENCY and OWN_ORDER behind the four sums."""
    _place(rows, places)
    for p in range(len(ring)):
        at = places[ring[p]]
        signals[4, at] = 1.0
        signals[6, at] = max(signals[6, at], _CO_OCCURRENCE_DECAY[ages[p]])
        signals[7, at] += 1.0
        if p == 0:
            signals[5, at] = 1.0
        elif ring[p] == ring[0]:
            signals[8, places[ring[p - 1]]] += _CO_OCCURRENCE_DECAY[ages[p]]
    for p in range(len(ring)):
        if _first_at(ring, p):
            at = places[ring[p]]
            signals[7, at] = np.log(signals[7, at])
    _clear(rows, places)


@compiled
def _look_up(mine: Rows, signals: Floats, rows: Rows, places: _Places, found: Floats) -> None:
    _place(mine, places)
    for at in range(len(rows)):
        place = places[rows[at]]
        if place >= 0:
            found[:, at] = signals[:, place]
    _clear(mine, places)


@compiled
def _add(points: Floats, rows: Rows, more: Floats) -> None:
    for at in range(len(rows)):
        points[rows[at]] += more[at]


@compiled
def _place(rows: Rows, places: _Places) -> None:
    """Have each row found by its place among some."""
    for at in range(len(rows)):
        places[rows[at]] = at


@compiled
def _clear(rows: Rows, places: _Places) -> None:
    for at in range(len(rows)):
        places[rows[at]] = -1
