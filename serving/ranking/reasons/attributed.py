"""What an attribution is made of, and what it finds: arguments and result of `attribution_pass.attribute`."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from serving.arrays import Doubles, Floats, Indices, Mask, Rows, Vector
from serving.ranking.covisits import Neighbours
from serving.vector_slots import Stored

__all__ = ()


class Items(NamedTuple):
    """The `r` items of a list, and of all items what is asked of these, by row.

    facet_of: `(n,)`, rows of their facets' texts, -1: none. newness: `(n,)`. signals: `(12, n)`, the
    `POPULARITY_SIGNALS`; weights: `(12,)`, theirs. told: `(r,)`, what is true of what everybody does (`Crowd`).
    """

    rows: Rows
    stored: Stored
    facet_of: npt.NDArray[np.int32]
    newness: Floats
    signals: Floats
    weights: Doubles
    told: npt.NDArray[np.int64]


class Interests(NamedTuple):
    """Of a `Profile`, by its names. unliked: `(s,)`, which of its sources are no reason."""

    vectors: Floats
    weights: Floats
    owner: Indices
    n_items: int
    long: Vector
    unliked: Mask
    damping: float
    damped_by: int


class Liked(NamedTuple):
    """interests, liking: `(q,)`, of a `Profile`. shares: `(r, q)`, of the likeness of facets. weights: `(3,)`."""

    interests: Indices
    liking: Floats
    shares: Floats
    weights: Doubles


class Written(NamedTuple):
    """standard: `(a, m)`. owner, weights: `(a,)`, of a `Profile`'s queries for facets."""

    standard: Floats
    owner: Indices
    weights: Floats


class Linked(NamedTuple):
    """ring, linking: `(t,)`, of a `Profile`. rows, signals, factors, places: of its `ItemNeighbours`.

    weights: `(9,)`, of the `NEIGHBOUR_SIGNALS`, after damping.
    """

    ring: Rows
    linking: Indices
    rows: Rows
    signals: Floats
    factors: Floats
    places: npt.NDArray[np.int32]
    weights: Doubles


class Past(NamedTuple):
    """rows, strengths: `(h,)`, of a history. weights, places: of a `Fitted`. covisits: `(t,)`, of the ring.

    weight: of EASE, after damping.
    """

    rows: Rows
    strengths: Floats
    weights: Floats
    places: npt.NDArray[np.int32]
    covisits: Floats
    weight: float


class User(NamedTuple):
    """Whose items they are."""

    interests: Interests
    liked: Liked
    written: Written
    linked: Linked
    links: Neighbours
    past: Past


class Extra(NamedTuple):
    """Points `(e, r)` that are given: of which terms, and which sources' they are, `(e,)` each."""

    terms: Indices
    owners: Indices
    points: Doubles


class Found(NamedTuple):
    """tables: `(r, terms, s + 1)` if they are kept, else one of them. chosen: `(r, 3)`, the parts that are reasons.

    Parts are the `s` sources, what was liked before them, what is bought again about now, and what everybody does; -1:
    none. shares: `(r, 3)`, theirs of all points that speak for the item. sides: `(r,)`, 0 if most are by likeness, 1 by
    co-visits, 2 by popularity.
    """

    tables: Doubles
    chosen: Indices
    shares: Doubles
    sides: Indices
