"""How unequally the places of lists are shared out among items, or among the values of a facet such as a brand.

A place is worth what NDCG discounts it by, 1 / log2(rank + 1): the exposure of Singh & Joachims (Fairness of Exposure
in Rankings, KDD 2018). It fades with the lists that come after, by 1 / 10,000 each, so it is that of some 10,000.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from serving.catalogue import Catalogue

__all__ = ["Exposure", "gini"]

_LISTS = 10_000
_GROWTH = 1.0 + 1.0 / _LISTS
_MOST_SCALE = 1e6  # then all are scaled down: once in 140,000 lists
_LEAST = 1e-6  # of a first place: what has faded to less is nothing

_Doubles = npt.NDArray[np.float64]


class Exposure:
    """By row of the catalogue, 8 bytes each. facet: by whose values it is told, too; "" for none."""

    def __init__(self, catalogue: Catalogue, facet: str = "") -> None:
        self.facet = facet
        self._catalogue = catalogue
        self._scale = 1.0  # what a first place weighs now: later ones grow instead of earlier ones fading
        self._of: _Doubles = np.zeros(1024)
        self._worth: _Doubles = np.zeros(0)  # by place

    def add(self, rows: Sequence[int]) -> None:
        """Take in a list, best first."""
        if len(self._of) < len(self._catalogue):
            self._of = np.concatenate([self._of, np.zeros(len(self._catalogue.available) - len(self._of))])
        if len(self._worth) < len(rows):
            self._worth = 1.0 / np.log2(np.arange(2, len(rows) + 2))
        self._of[rows] += self._scale * self._worth[: len(rows)]
        self._scale *= _GROWTH
        if self._scale > _MOST_SCALE:
            self._of /= self._scale
            self._of[self._of < _LEAST] = 0.0
            self._scale = 1.0

    def by_item(self) -> float:
        """The Gini coefficient over all items on offer."""
        rows = self._listed()
        return gini(self._of[rows], int(self._catalogue.available.sum()))

    def by_facet(self) -> float:
        """The same over the values of the facet; the places of an item with several count for each."""
        rows = self._listed()
        sums, values = self._catalogue.facet_values.sums(self.facet, rows, self._of[rows])
        return gini(sums, values)

    def _listed(self) -> npt.NDArray[np.intp]:
        """Items on offer that have any."""
        n = min(len(self._of), len(self._catalogue))
        return np.flatnonzero((self._of[:n] > 0) & self._catalogue.available[:n])


def gini(shares: npt.NDArray[np.float64] | npt.NDArray[np.int64], among: int = 0) -> float:
    """How unequal shares are, of `among` in all if the others have nothing: 0 alike, near 1 all with one.

    `sum((2 i - n - 1) x_i) / (n sum(x))` over x in rising order (Gini 1912; for lists: Fleder & Hosanagar 2009).

    >>> gini(np.array([3, 3, 3])), gini(np.array([0, 0, 0, 8])), gini(np.array([8]), 4), gini(np.zeros(4, np.int64))
    (0.0, 0.75, 0.75, 0.0)
    """
    n, total = max(among, len(shares)), float(shares.sum())
    if not total:
        return 0.0
    weights = 2.0 * np.arange(n - len(shares) + 1, n + 1) - n - 1
    return float(weights @ np.sort(shares) / (n * total))
