"""The passes over all items that every list takes."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from serving.arrays import Floats, Mask, Rows, Vector
from serving.compiled import compiled
from serving.ranking.profile import Profile

__all__ = ()

_LEAST_WORTH = 0.05  # points for a cosine, below which it cannot be told by them
_ROUNDED = 1e-5


class Likeness(NamedTuple):
    """The signal CONTENT of all items `(n,)`, and how far off it may be."""

    cosines: Floats
    error: float


def estimated(points: Floats, query: Vector, profile: Profile, content: float) -> Likeness:
    """The signal CONTENT by the points of a query `(d,)`, most of which are its: `content` by the damping for a cosine.

    What else is in the query has a length, and no item's vector, at length 1, is more like it than that.
    """
    worth = content * profile.damping
    if abs(worth) < _LEAST_WORTH:
        return Likeness(np.zeros(len(points), np.float32), 1.0)
    rest = float(np.linalg.norm(query - np.float32(worth) * profile.direction))
    return Likeness(points * np.float32(1.0 / worth), rest / abs(worth) + _ROUNDED)


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
def unsure(points: Floats, newness: Floats, error: float, k: int) -> Rows:
    """The rows that may be among the `k` best: the points of item j are off by `error` · newness_j at most."""
    worst, size = np.empty(min(k, len(points)), np.float32), 0
    for row in range(len(points)):  # a heap of the largest that points are at least, the least of them first
        least = points[row] - np.float32(error) * newness[row]
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
    rows, found = np.empty(len(points), np.int64), 0
    for row in range(len(points)):
        if points[row] > -np.inf and points[row] + np.float32(error) * newness[row] >= worst[0]:
            rows[found] = row
            found += 1
    return rows[:found]


@compiled
def settle(points: Floats, rows: Rows, cosines: tuple[Floats, Floats], newness: Floats, new_content: float) -> None:
    """Make the points of some items exact. cosines: estimated `(n,)`, which are mended, and those of `rows` `(r,)`."""
    guessed, exact = cosines
    for at in range(len(rows)):
        row = rows[at]
        points[row] += np.float32(new_content) * newness[row] * (exact[at] - guessed[row])
        guessed[row] = exact[at]
