"""Exploration slots of a list, not won by points alone: for cold-start items, which have no interaction, and rare ones.

It must fit: have as much in common with what the user liked, by its facets, as half of what stands before the slot; so
a tent that was viewed brings no train. Where items have nothing in common by facets, this bars none.

An item gets its slot by a boost: as many points as put it between its neighbours there. So what comes later, rules and
variety, treats it like any other, and an explanation shows the boost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from serving.arrays import Floats, Mask, Rows
from serving.state.user_state import UserState

__all__ = ()

_EARLIEST = 4  # the first three slots are won by points alone
_LEAST_NEWNESS = 0.01  # below it a cold-start item is worth less than what usually stands on the tenth place
_LEAST_FIT = 0.4  # the share of those before it that a cold-start item must fit better than
_COLD_START_SLOTS = (10, 20)
_MOST_SLOT = 100  # of a longer list the rest is won by points alone
_ROTATED = 8  # times as many rare items rotate as there are slots for them


@dataclass(frozen=True, slots=True)
class Candidates:
    """All items for one user, by row: points `(n,)`, -inf where an item must not be listed, which are changed in place.

    fit: `(n,)`, the points by what an item is, apart from who interacted with it. totals: `(n,)`, how much interaction
    it had. kin: `(n,)` in [0, 1], what it has in common by its facets with what the user liked.
    """

    points: Floats
    fit: Floats
    totals: Floats
    kin: Floats

    @property
    def allowed(self) -> Mask:
        """`(n,)`: what may be listed."""
        return np.isfinite(self.points)

    def fitting(self, slot: int) -> Mask:
        """`(n,)`: what has as much in common with what the user liked as half of those before a slot."""
        first = best_rows(self.points, min(slot, len(self.points)))
        fitting: Mask = self.kin >= (np.median(self.kin[first]) if len(first) else 0.0)
        return fitting


def cold_start_boost(candidates: Candidates, newness: float) -> dict[int, float]:
    """Boost the cold-start items that fit best to their slots, if they stand lower. Returns the points added, by row.

    Only one that fits better than two fifths of those before it: else what stands there is the better guess. Where new
    items are hardly ever taken (`newness` of `Popularity`) the slot would be wasted, and where most items are cold
    they need no boost.
    """
    allowed = candidates.allowed
    cold = np.flatnonzero(allowed & (candidates.totals == 0))
    if newness < _LEAST_NEWNESS or not len(cold) or 2 * len(cold) > allowed.sum():
        return {}
    cold = cold[candidates.fitting(_COLD_START_SLOTS[0])[cold]]
    best = cold[best_rows(candidates.fit[cold], min(len(_COLD_START_SLOTS), len(cold)))]
    return _boost(candidates, zip(best.tolist(), _COLD_START_SLOTS, strict=False), _LEAST_FIT)


def exploration_boost(candidates: Candidates, share: float, seed: int) -> dict[int, float]:
    """Boost rare items that fit best, in rotation, to a `share` of the slots. Returns the points added, by row.

    Rare: of the half with less interaction. seed: of the rotation, the same for the same list. share: at most a
    quarter, so that the fourth place is the first slot.
    """
    if not share:
        return {}
    slots = range(max(round(1.0 / share), _EARLIEST), _MOST_SLOT + 1, max(round(1.0 / share), _EARLIEST))
    allowed = candidates.allowed
    rare = allowed & (candidates.totals <= np.median(candidates.totals[allowed])) if allowed.any() else allowed
    rare[best_rows(candidates.points, min(slots[-1], len(rare)))] = False
    rare &= candidates.fitting(_COLD_START_SLOTS[0])
    rows = np.flatnonzero(rare)
    pool = rows[best_rows(candidates.fit[rows], min(_ROTATED * len(slots), len(rows)))]
    rotated = np.random.default_rng(seed).permutation(pool)
    return _boost(candidates, zip(rotated.tolist(), slots, strict=False), 0.0)


def rotation_seed(state: UserState) -> int:
    """A number that differs from list to list and from user to user, and is the same for the same list again."""
    newest = state.ring[-1].event_id if state.ring else ""
    return int.from_bytes(blake2b(f"{state.list_version}\0{newest}".encode(), digest_size=8).digest(), "little")


def keep_off_the_first(rows: list[int], boosted: Iterable[int]) -> list[int]:
    """The order of a list without boosted items on the first three slots, as far as there are others."""
    late = set(boosted)
    if late.isdisjoint(rows[: _EARLIEST - 1]):
        return rows
    first = [row for row in rows if row not in late][: _EARLIEST - 1]
    return [*first, *(row for row in rows if row not in first)]


def best_rows(points: Floats, k: int) -> Rows:
    """The rows of the `k` largest, largest first, ties by row; `k` is at most their number."""
    if k <= 0:
        return np.empty(0, np.intp)
    rows = np.argpartition(points, len(points) - k)[-k:]
    return rows[np.lexsort((rows, -points[rows]))]


def _boost(candidates: Candidates, wanted: Iterable[tuple[int, int]], fits: float) -> dict[int, float]:
    """Boost items to slots, first slots first, unless they stand higher or do not fit better than a share."""
    points, boosted = candidates.points, dict[int, float]()
    listed = best_rows(points, min(_MOST_SLOT, len(points)))
    for row, place in wanted:
        first = listed[:place]
        full = len(first) == place and np.isfinite(points[first[-1]])
        if not full or row in first or (fits and candidates.fit[row] < np.quantile(candidates.fit[first], fits)):
            continue
        raised = 0.5 * (points[first[-2]] + points[first[-1]])
        boosted[row] = float(raised - points[row])
        points[row] = raised
        listed = np.insert(listed[listed != row], place - 1, row)
    return boosted
