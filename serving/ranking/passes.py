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
_BLOCK = 256  # items that are looked at together: where none of them may be among the best, none is alone


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
    off, low = np.empty(len(points), np.float32), np.empty(_BLOCK, np.float32)
    heap, size = np.empty(min(k, len(points)), np.float32), 0
    for start in range(0, len(points), _BLOCK):
        of_block = points[start : start + _BLOCK]
        _take_off(of_block, newness[start:], spread[start:], by, off[start:], low)
        size = _keep_largest(heap, size, low[: len(of_block)])
    least = heap[0] if size else np.float32(-np.inf)
    rows, found = np.empty(len(points), np.int32), 0
    for start in range(0, len(points), _BLOCK):
        of_block, off_by = points[start : start + _BLOCK], off[start : start + _BLOCK]
        if _any_reaches(of_block, off_by, least):
            for at in range(len(of_block)):
                if of_block[at] > -np.inf and of_block[at] + off_by[at] >= least:
                    rows[found] = start + at
                    found += 1
    return rows[:found].astype(np.int64)


@compiled
def _take_off(
    points: Floats, newness: Floats, spread: Floats, by: tuple[float, float, float], off: Floats, low: Floats
) -> None:
    """Of a block: by how much points are off, and what they are at least."""
    a, b, c = np.float32(by[0]), np.float32(by[1]), np.float32(by[2])
    for at in range(len(points)):
        off[at] = a * spread[at] + newness[at] * (b + c * spread[at])
        low[at] = points[at] - off[at]


@compiled
def _any_reaches(points: Floats, off: Floats, least: np.float32) -> bool:
    """Without a branch: a block takes a sixth of the time."""
    above = np.int32(0)
    for at in range(len(points)):
        above += np.int32(points[at] + off[at] >= least)
    return bool(above > 0)


@compiled
def _any_above(values: Floats, least: np.float32) -> bool:
    above = np.int32(0)
    for at in range(len(values)):
        above += np.int32(values[at] > least)
    return bool(above > 0)


@compiled
def _keep_largest(heap: Floats, size: int, values: Floats) -> int:
    """Take a block's values into a heap of the largest so far, the least of them first. Returns how many it has."""
    if not len(heap) or (size == len(heap) and not _any_above(values, heap[0])):
        return size
    for value in values:
        if size < len(heap):
            at = size
            size += 1
            while at and heap[(at - 1) // 2] > value:
                heap[at] = heap[(at - 1) // 2]
                at = (at - 1) // 2
            heap[at] = value
        elif value > heap[0]:
            at, child = 0, 1
            while child < size:
                if child + 1 < size and heap[child + 1] < heap[child]:
                    child += 1
                if heap[child] >= value:
                    break
                heap[at] = heap[child]
                at, child = child, 2 * child + 1
            heap[at] = value
    return size


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
