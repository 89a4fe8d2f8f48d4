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

from serving.arrays import Floats, Rows
from serving.compiled import compiled
from serving.state.user_state import UserState

__all__ = ()

_EARLIEST = 4  # the first three slots are won by points alone
_LEAST_NEWNESS = 0.01  # below it a cold-start item is worth less than what usually stands on the tenth place
_LEAST_FIT = 0.4  # the share of those before it that a cold-start item must fit better than
_COLD_START_SLOTS = (10, 20)
COLD_START, LAST_SLOT = len(_COLD_START_SLOTS), max(_COLD_START_SLOTS)  # items that get a slot, at most
MOST_SLOT = 100  # of a longer list the rest is won by points alone
_ROTATED = 8  # times as many rare items rotate as there are slots for them


@dataclass(slots=True)
class Candidates:
    """All items for one user, by row: points `(n,)`, -inf where an item must not be listed, which are changed in place.

    best: `(b,)`, rows of the best of them in order, as many as there are slots, or more, which follow. fit: `(n,)`, the
    points by what an item is, apart from who interacted with it. totals: `(n,)`, how much interaction it had. kin:
    `(n,)` in [0, 1], what it has in common by its facets with what the user liked.
    """

    points: Floats
    best: Rows
    fit: Floats
    totals: Floats
    kin: Floats


def cold_start(candidates: Candidates, cold: Rows, newness: float, off: tuple[Floats, float]) -> Rows:
    """Of all cold-start items `cold` those that may have a slot: of these, whose fit may be among the best.

    Where new items are hardly ever taken (`newness` of `Popularity`) the slot would be wasted, and where most items are
    cold they need no boost: then there are none. off: (spread `(n,)`, b), where the fit of item j is off by b·spread_j
    at most.
    """
    if newness < _LEAST_NEWNESS or not len(cold):
        return np.empty(0, np.intp)
    return _akin(candidates.points, candidates.kin, cold, candidates.best[: _COLD_START_SLOTS[0]], candidates.fit, off)


def cold_start_boost(candidates: Candidates, cold: Rows) -> dict[int, float]:
    """Boost those of `cold` that fit best to their slots, if they stand lower. Returns the points added, by row.

    Only one that fits better than two fifths of those before it: else what stands there is the better guess.
    """
    cold = cold[best_rows(candidates.fit[cold], COLD_START)]
    return _boost(candidates, cold, _COLD_START_SLOTS[: len(cold)], _LEAST_FIT)


def exploration_boost(candidates: Candidates, share: float, seed: int) -> dict[int, float]:
    """Boost rare items that fit best, in rotation, to a `share` of the slots. Returns the points added, by row.

    Rare: of the half with less interaction. seed: of the rotation, the same for the same list. share: at most a
    quarter, so that the fourth place is the first slot.
    """
    if not share:
        return {}
    slots = range(max(round(1.0 / share), _EARLIEST), MOST_SLOT + 1, max(round(1.0 / share), _EARLIEST))
    allowed = np.isfinite(candidates.points)
    rare = allowed & (candidates.totals <= np.median(candidates.totals[allowed])) if allowed.any() else allowed
    rare[candidates.best[: slots[-1]]] = False
    rare &= candidates.kin >= np.median(candidates.kin[candidates.best[: _COLD_START_SLOTS[0]]])
    rows = np.flatnonzero(rare)
    pool = rows[best_rows(candidates.fit[rows], _ROTATED * len(slots))]
    rotated = np.random.default_rng(seed).permutation(pool)[: len(slots)]
    return _boost(candidates, rotated, tuple(slots)[: len(rotated)], 0.0)


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
    """The rows of the `k` largest that are not -inf, largest first, ties by row; fewer if there are fewer."""
    return _best(points, max(k, 0))


def _boost(candidates: Candidates, rows: Rows, slots: tuple[int, ...], fits: float) -> dict[int, float]:
    """Boost items to slots, first slots first, unless they stand higher or do not fit better than a share."""
    if not len(rows):
        return {}
    of = (candidates.points, candidates.fit, candidates.best)
    more, candidates.best = _raise(of, rows, np.array(slots), fits)
    return {row: points for row, points in zip(rows.tolist(), more.tolist(), strict=True) if points}


def best_among(points: Floats, rows: Rows, k: int) -> Rows:
    """The same of some items: `points` `(n,)`, `rows` ascending."""
    return _best_among(points, rows, k)


@compiled
def _best_among(points: Floats, rows: Rows, k: int) -> Rows:
    return rows[_best(points[rows], k)]


@compiled
def _best(points: Floats, k: int) -> Rows:
    """A heap of the best so far, its worst first: of equal ones the later rows are worse."""
    rows, values = np.empty(min(k, len(points)), np.int64), np.empty(min(k, len(points)), np.float32)
    size = 0
    for row in range(len(points)):
        value = points[row]
        if size < len(rows):
            if value == -np.inf:
                continue
            at = size
            size += 1
            while at and (values[(at - 1) // 2] > value or values[(at - 1) // 2] == value):
                rows[at], values[at] = rows[(at - 1) // 2], values[(at - 1) // 2]
                at = (at - 1) // 2
            rows[at], values[at] = row, value
        elif size and value > values[0]:
            _sift(rows, values, size, row, value)
    found = size
    while size > 1:  # the worst goes to the end, again and again
        size -= 1
        row, value = rows[0], values[0]
        last, worth = rows[size], values[size]
        _sift(rows, values, size, last, worth)
        rows[size], values[size] = row, value
    return rows[:found]


@compiled
def _sift(rows: Rows, values: Floats, size: int, row: int, value: np.float32) -> None:
    """Put an entry in the place of the heap's worst."""
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        other = child + 1
        if other < size and (
            values[other] < values[child] or (values[other] == values[child] and rows[other] > rows[child])
        ):
            child = other
        if not (values[child] < value or (values[child] == value and rows[child] > row)):
            break
        rows[at], values[at] = rows[child], values[child]
        at = child
    rows[at], values[at] = row, value


@compiled
def _akin(points: Floats, kin: Floats, cold: Rows, first: Rows, fit: Floats, off: tuple[Floats, float]) -> Rows:
    """Which cold-start items that may be listed are as akin as half of the first, and may fit best of these.

    None if most items are cold.
    """
    allowed = np.int32(0)
    for row in range(len(points)):
        allowed += np.int32(points[row] > -np.inf)
    usual = np.median(kin[first]) if len(first) else np.float32(0.0)
    spread, by = off[0], np.float32(off[1])
    listed, found, rows = 0, 0, np.empty(len(cold), np.int64)
    least = np.full(COLD_START, -np.inf, np.float32)  # what the best fit at least, the worst of them first
    for row in cold:
        if points[row] > -np.inf:
            listed += 1
            if kin[row] >= usual:
                rows[found] = row
                found += 1
                low = fit[row] - by * spread[row]
                at = 0
                while at < len(least) and low > least[at]:
                    if at:
                        least[at - 1] = least[at]
                    least[at] = low
                    at += 1
    if 2 * listed > allowed:
        return rows[:0]
    best = 0
    for at in range(found):
        row = rows[at]
        rows[best] = row
        best += fit[row] + by * spread[row] >= least[0]
    return rows[:best]


@compiled
def _raise(of: tuple[Floats, Floats, Rows], rows: Rows, slots: Rows, fits: float) -> tuple[Floats, Rows]:
    """Change the points of some items so that they get their slots.

    of: points, fit and best of `Candidates`. Returns what was added, `(r,)`, 0 if nothing, and the best thereafter.
    """
    points, fit, best = of
    more = np.zeros(len(rows), np.float32)
    for at in range(len(rows)):
        row, slot = rows[at], slots[at]
        first = best[:slot]
        if len(first) < slot or np.any(first == row):
            continue
        if fits > 0.0 and fit[row] < np.quantile(fit[first], fits):
            continue
        raised = np.float32(0.5) * (points[first[-2]] + points[first[-1]])
        more[at] = raised - points[row]
        points[row] = raised
        later = best[slot - 1 :]
        best = np.concatenate((first[:-1], rows[at : at + 1], later[later != row]))
    best = np.sort(best)
    return more, best[_best(points[best], len(best))]
