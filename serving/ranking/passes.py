"""The passes over all items that every list takes."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from serving.arrays import Floats, Mask, Rows, Vector
from serving.compiled import compiled

__all__ = ()

_LEAST_WORTH = 0.05  # points for a cosine, below which it cannot be told by them
_ROUNDED = 1e-5


class Likeness(NamedTuple):
    """What is known of the likeness of all items to what a user likes.

    query: `(d,)`. product: `(n,)`, of the query and the items. cosines: `(n,)`, the signal CONTENT. spread: `(n,)`, how
    far the product is off at most, for a query of length 1; length: the query's. per_cosine: points of the query for a
    cosine. rest: how far off cosines are besides, at most.
    """

    query: Vector
    product: Floats
    cosines: Floats
    spread: Floats
    length: float
    per_cosine: float
    rest: float


def exactly(query: Vector, product: Floats, cosines: Floats) -> Likeness:
    """With both known."""
    return Likeness(query, product, cosines, np.zeros(0, np.float32), 0.0, 1.0, 0.0)


def estimated(query: Vector, product: Floats, spread: Floats, direction: Vector, per_cosine: float) -> Likeness:
    """With cosines by the product, as most of a query is `per_cosine` times the direction `(d,)` of what was liked.

    What else is in it has a length, and no item's vector, at length 1, is more like it than that.
    """
    length = math.sqrt(float(query @ query))
    if abs(per_cosine) < _LEAST_WORTH:
        return Likeness(query, product, np.zeros(len(product), np.float32), spread, length, math.inf, 1.0)
    left = query - np.float32(per_cosine) * direction
    rest = math.sqrt(float(left @ left)) / abs(per_cosine) + _ROUNDED
    return Likeness(query, product, product * np.float32(1.0 / per_cosine), spread, length, abs(per_cosine), rest)


@compiled
def add_everything(
    points: Floats, crowd: Floats, likeness: tuple[Floats, Floats], newness: Floats, weights: tuple[float, float, float]
) -> None:
    """Add to points `(n,)` those by what everybody does, and those by likeness to what was liked.

    crowd: `(n,)`. likeness: `(n,)` each, by content and by shared facets. newness: `(n,)`, by which new content and
    new shared facets count. weights: of NEW_CONTENT, SHARED_FACETS and NEW_SHARED_FACETS.
    """
    content, facets = likeness
    new_content, shared, new_shared = np.float32(weights[0]), np.float32(weights[1]), np.float32(weights[2])
    for row in range(len(points)):
        new = new_content * content[row] + new_shared * facets[row]
        points[row] += crowd[row] + shared * facets[row] + newness[row] * new


@compiled
def leave_out(points: Floats, offered: Mask, out: Rows) -> None:
    """Make points `(n,)` -inf where an item is not on offer `(n,)`, or among those that are out."""
    for row in range(len(points)):
        if not offered[row]:
            points[row] = -np.inf
    for at in range(len(out)):
        points[out[at]] = -np.inf


@compiled
def add_by_facet(points: Floats, by_facet: Floats, facet_of: npt.NDArray[np.int32]) -> None:
    """Add to points `(n,)` those `(m,)` of the items' facets' texts."""
    for row in range(len(points)):
        if facet_of[row] >= 0:
            points[row] += by_facet[facet_of[row]]


@compiled
def unsure(points: Floats, newness: Floats, spread: Floats, by: tuple[float, float, float], k: int) -> Rows:
    """The rows that may be among the `k` best, ascending.

    by: (a, b, c), where the points of item j are off by a·spread_j + newness_j·(b + c·spread_j) at most.
    """
    off = np.empty(len(points), np.float32)
    for row in range(len(points)):
        new = np.float32(by[1]) + np.float32(by[2]) * spread[row]
        off[row] = np.float32(by[0]) * spread[row] + newness[row] * new
    least = _kth_largest(points - off, k)
    rows, found = np.empty(len(points), np.int64), 0
    for row in range(len(points)):
        if points[row] > -np.inf and points[row] + off[row] >= least:
            rows[found] = row
            found += 1
    return rows[:found]


@compiled
def _kth_largest(values: Floats, k: int) -> float:
    """The smallest if there are not so many."""
    worst, size = np.empty(min(k, len(values)), np.float32), 0
    for row in range(len(values)):  # a heap of the largest so far, the least of them first
        least = values[row]
        if size < len(worst):
            at = size
            size += 1
            while at and worst[(at - 1) // 2] > least:
                worst[at] = worst[(at - 1) // 2]
                at = (at - 1) // 2
            worst[at] = least
        elif size and least > worst[0]:
            at, child = 0, 1
            while child < size:
                if child + 1 < size and worst[child + 1] < worst[child]:
                    child += 1
                if worst[child] >= least:
                    break
                worst[at] = worst[child]
                at, child = child, 2 * child + 1
            worst[at] = least
    return float(worst[0]) if size else -np.inf


@compiled
def settle(
    points: tuple[Floats, Floats], rows: Rows, known: tuple[Floats, Floats], exact: tuple[Floats, Floats], new: Floats
) -> None:
    """Make the points of some items exact, all that they have and those of what they are alone, `(n,)` each.

    known: product and cosines of `Likeness`, which are mended; exact: those of `rows` `(r,)`. new: `(r,)`, points of
    NEW_CONTENT for a cosine.
    """
    product, cosines = known
    for at in range(len(rows)):
        row = rows[at]
        more = exact[0][at] - product[row]
        points[0][row] += more + new[at] * (exact[1][at] - cosines[row])
        points[1][row] += more
        product[row], cosines[row] = exact[0][at], exact[1][at]
