"""The passes over all items that every list takes."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from serving.arrays import Floats, Mask, Rows, Vector
from serving.compiled import compiled
from serving.facet_values import Kin
from serving.vector_slots import Stored

__all__ = ()

_LEAST_WORTH = 0.05  # points for a cosine, below which it cannot be told by them
_ROUNDED = 1e-5
_BLOCK = 256  # items that are looked at together: where none of them may be among the best, none is alone


class Likeness(NamedTuple):
    """What is known of the likeness of all items to what a user likes.

    query: `(d,)`. product: `(n,)`, of the query and the items. direction: `(d,)`, of what was liked. cosines: `(n,)`,
    with it, times `per`. spread: `(n,)`, how far the product is off at most, for a query of length 1. off: by how much
    cosines are off, that of item j by off[0] + off[1]·spread_j at most; length: the query's.
    """

    query: Vector
    product: Floats
    direction: Vector
    cosines: Floats
    per: float
    spread: Floats
    off: tuple[float, float]
    length: float


class Everybody(NamedTuple):
    """What items are worth for any user of a kind, `(n,)` each.

    crowd: points by what everybody does. newness: by which new content and new shared facets count. offered: what may
    be listed.
    """

    crowd: Floats
    newness: Floats
    offered: Mask


def exactly(query: Vector, product: Floats, direction: Vector, cosines: Floats) -> Likeness:
    """With both known."""
    return Likeness(query, product, direction, cosines, 1.0, np.zeros(0, np.float32), (0.0, 0.0), 0.0)


def estimated(query: Vector, product: Floats, direction: Vector, spread: Floats, per_cosine: float) -> Likeness:
    """With cosines by the product, as most of a query is `per_cosine` times the direction of what was liked.

    What else is in it has a length, and no item's vector, at length 1, is more like it than that.
    """
    length, rest = _lengths(query, direction, per_cosine)
    if abs(per_cosine) < _LEAST_WORTH:
        return Likeness(query, product, direction, product, 0.0, spread, (1.0, 0.0), length)
    off = rest / abs(per_cosine) + _ROUNDED, length / abs(per_cosine)
    return Likeness(query, product, direction, product, 1.0 / per_cosine, spread, off, length)


@compiled
def _lengths(query: Vector, direction: Vector, per_cosine: float) -> tuple[float, float]:
    """Of a query, and of what it has beside the direction."""
    squares, of_rest, by = np.float32(0.0), np.float32(0.0), np.float32(per_cosine)
    for each in range(len(query)):
        left = query[each] - by * direction[each]
        squares += query[each] * query[each]
        of_rest += left * left
    return float(np.sqrt(squares)), float(np.sqrt(of_rest))


@compiled
def likeness(kin: Kin, n: int) -> Floats:
    """`(n,)` in [0, 1], the signal SHARED_FACETS."""
    found = np.empty(n, np.float32)
    for start in range(0, n, _BLOCK):
        _by_values(kin, start, found[start : start + _BLOCK])
    return found


@compiled
def _by_values(kin: Kin, start: int, found: Floats) -> None:
    """Of a block of items. Column by column, which takes several at once."""
    found[:] = np.float32(0.0)
    for column in range(len(kin.values)):
        values = kin.values[column, start : start + len(found)]
        for at in range(len(found)):
            found[at] += kin.by[values[at]]
    scale = kin.scale[start:]
    for at in range(len(found)):
        found[at] *= scale[at]


@compiled
def add_up(
    alone: Floats, cosines: Floats, kin: Kin, everybody: Everybody, weights: tuple[float, float, float]
) -> tuple[Floats, Floats]:
    """The points `(n,)` by what each item is, alone and to everybody, and the signal SHARED_FACETS `(n,)`.

    alone: `(n,)`, points by what items are. cosines: `(n,)`. weights: of NEW_CONTENT for those, SHARED_FACETS and
    NEW_SHARED_FACETS. -inf stands for what must not be listed.
    """
    points, facets = np.empty(len(alone), np.float32), np.empty(len(alone), np.float32)
    for start in range(0, len(alone), _BLOCK):
        _by_values(kin, start, facets[start : start + _BLOCK])
        of_block = points[start : start + _BLOCK]
        crowd, newness, offered = everybody.crowd[start:], everybody.newness[start:], everybody.offered[start:]
        _add_up((alone[start:], cosines[start:], facets[start:]), (crowd, newness, offered), weights, of_block)
    return points, facets


@compiled
def _add_up(
    of: tuple[Floats, Floats, Floats], by: tuple[Floats, Floats, Mask], weights: tuple[float, float, float], to: Floats
) -> None:
    """Of a block of items: a slice is taken in strides, where an index that has a beginning added is not."""
    (alone, cosines, facets), (crowd, newness, offered) = of, by
    new_content, shared, new_shared = np.float32(weights[0]), np.float32(weights[1]), np.float32(weights[2])
    for at in range(len(to)):
        new = new_content * cosines[at] + new_shared * facets[at]
        to[at] = alone[at] + crowd[at] + shared * facets[at] + newness[at] * new
    for at in range(len(to)):
        if not offered[at]:
            to[at] = -np.inf


@compiled
def leave_out(points: Floats, out: Rows) -> None:
    """Make points `(n,)` -inf where an item is among those that are out."""
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
    points: tuple[Floats, Floats], rows: Rows, done: Rows, towards: Likeness, stored: Stored, new: tuple[Floats, float]
) -> None:
    """Make the points of some items exact, all that they have and those by what they are, `(n,)` each.

    rows: those. done: ascending, which were settled before. new: `(n,)`, newness, and points of NEW_CONTENT by it for
    a cosine. The product of `towards` is made exact, too.
    """
    query, direction, mean = towards.query, towards.direction, stored.mean
    for row in rows:
        place = np.searchsorted(done, row)
        if place < len(done) and done[place] == row:
            continue
        vector, product, cosine = stored.vectors[stored.slot_of[row]], np.float32(0.0), np.float32(0.0)
        for each in range(len(mean)):
            component = vector[each] - mean[each]
            product += component * query[each]
            cosine += component * direction[each]
        product *= stored.scale[row]
        cosine *= stored.scale[row]
        more, known = product - towards.product[row], np.float32(towards.per) * towards.cosines[row]
        points[0][row] += more + np.float32(new[1]) * new[0][row] * (cosine - known)
        points[1][row] += more
        towards.product[row] = product  # last: points by what items are may be this very array
