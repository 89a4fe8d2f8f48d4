"""What everybody interacts with, where too little is known of a user."""

import numpy as np

from serving.arrays import Floats, Mask, Rows
from serving.catalogue import Catalogue
from serving.ranking.learning.signals import BY_POPULARITY
from serving.ranking.scorer import Scored

__all__ = ()

_NAMED = 1.5  # standard deviations from which a text is about a facet: of 15 facets' texts, about one


def most_popular(points: Floats, allowed: Mask, k: int, first: Mask | None = None) -> Rows:
    """The rows of the `k` best of those `allowed` `(n,)` by `points` `(n,)`; those in `first` `(n,)` before the others.

    Ties, but for what is rounded, by row, so that a new catalogue has a list, too.
    """
    rows, points = np.flatnonzero(allowed), points.round(4)
    behind = np.zeros(len(allowed), np.bool_) if first is None else ~first
    return rows[np.lexsort((rows, -points[rows], behind[rows]))[:k]]


def asked_for(scored: Scored, catalogue: Catalogue) -> Mask:
    """`(n,)`: the items with facets that the user wrote about, and did not ask to be spared, nor dismissed."""
    named = np.zeros(len(catalogue.facets) + 1, np.bool_)  # the last is for items without facets
    if len(scored.standard):
        about = scored.standard >= _NAMED
        wanted = scored.profile.facet_weights > 0
        named[:-1] = about[wanted].any(axis=0) & ~about[~wanted].any(axis=0)
    return named[catalogue.facet_of[: len(catalogue)]]


def own_points(scored: Scored, ruled: Floats) -> Floats:
    """`(n,)`: what is left of an item's points without what everybody does and what rules say. `ruled`: `(n,)`."""
    others = scored.weights[BY_POPULARITY] @ scored.crowd.signals
    points: Floats = scored.points - others - np.where(np.isfinite(ruled), ruled, np.float32(0.0))
    return points
