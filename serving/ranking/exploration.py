"""Places of a list that are not won by points alone: for items that nobody touched yet, and for rarely touched ones.

An item gets its place by points: as many as put it between its neighbours there. So what comes later, rules and
variety, treats it like any other, and an explanation shows what it was helped by.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from serving.state.user_state import UserState

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

EARLIEST = 4  # the first three places are won by points alone
_LEAST_NEWNESS = 0.01  # below it an untouched item is worth less than what usually stands on the tenth place
_FITS = 0.4  # the share of those before it that an untouched item must fit better than
_FOR_NEW = (10, 20)  # places that untouched items stand on
_EXPLORED = 100  # of a longer list the rest is won by points alone
_ROTATED = 8  # times as many rare items take turns as there are places for them


@dataclass(frozen=True, slots=True)
class Field:
    """All items for one user, by row: points `(n,)`, -inf where an item must not be listed, which are changed in place.

    fit: `(n,)`, the points by what an item is, apart from who touched it. totals: `(n,)`, how much it was touched.
    """

    points: Floats
    fit: Floats
    totals: Floats

    @property
    def allowed(self) -> Mask:
        """`(n,)`: what may be listed."""
        return np.isfinite(self.points)


def lift_new(field: Field, newness: float) -> dict[int, float]:
    """Put the untouched items that fit best on their places, if they stand lower. Returns the points added, by row.

    Only one that fits better than two fifths of those before it: else what stands there is the better guess. Where
    new items are hardly ever taken (`newness` of `Popularity`) the place would be wasted, and where most items are
    untouched there is nothing to make up for.
    """
    allowed = field.allowed
    untouched = np.flatnonzero(allowed & (field.totals == 0))
    if newness < _LEAST_NEWNESS or not len(untouched) or 2 * len(untouched) > allowed.sum():
        return {}
    best = untouched[best_rows(field.fit[untouched], min(len(_FOR_NEW), len(untouched)))]
    return _lift(field, zip(best.tolist(), _FOR_NEW, strict=False), _FITS)


def lift_rare(field: Field, share: float, seed: int) -> dict[int, float]:
    """Give a `share` of the places to items of the less touched half that fit best, in turns. Returns as `lift_new`.

    seed: whose turn it is: the same for the same list. share: at most a quarter, so that the fourth place is the first.
    """
    if not share:
        return {}
    places = range(max(round(1.0 / share), EARLIEST), _EXPLORED + 1, max(round(1.0 / share), EARLIEST))
    allowed = field.allowed
    rare = allowed & (field.totals <= np.median(field.totals[allowed])) if allowed.any() else allowed
    rare[best_rows(field.points, min(places[-1], len(rare)))] = False
    rows = np.flatnonzero(rare)
    pool = rows[best_rows(field.fit[rows], min(_ROTATED * len(places), len(rows)))]
    turns = np.random.default_rng(seed).permutation(pool)
    return _lift(field, zip(turns.tolist(), places, strict=False), 0.0)


def turn_of(state: UserState) -> int:
    """A number that differs from list to list and from user to user, and is the same for the same list again."""
    newest = state.ring[-1].event_id if state.ring else ""
    return int.from_bytes(blake2b(f"{state.list_version}\0{newest}".encode(), digest_size=8).digest(), "little")


def hold_back(rows: list[int], lifted: Iterable[int]) -> list[int]:
    """The order of a list without helped items on the first three places, as far as there are others."""
    late = set(lifted)
    if late.isdisjoint(rows[: EARLIEST - 1]):
        return rows
    first = [row for row in rows if row not in late][: EARLIEST - 1]
    return [*first, *(row for row in rows if row not in first)]


def best_rows(points: Floats, k: int) -> Rows:
    """The rows of the `k` largest, largest first, ties by row; `k` is at most their number."""
    if k <= 0:
        return np.empty(0, np.intp)
    rows = np.argpartition(points, len(points) - k)[-k:]
    return rows[np.lexsort((rows, -points[rows]))]


def _lift(field: Field, wanted: Iterable[tuple[int, int]], fits: float) -> dict[int, float]:
    """Raise items to places, first places first, unless they stand higher or do not fit better than a share."""
    points, lifted = field.points, dict[int, float]()
    listed = best_rows(points, min(_EXPLORED, len(points)))
    for row, place in wanted:
        first = listed[:place]
        full = len(first) == place and np.isfinite(points[first[-1]])
        if not full or row in first or (fits and field.fit[row] < np.quantile(field.fit[first], fits)):
            continue
        raised = 0.5 * (points[first[-2]] + points[first[-1]])
        lifted[row] = float(raised - points[row])
        points[row] = raised
        listed = np.insert(listed[listed != row], place - 1, row)
    return lifted
