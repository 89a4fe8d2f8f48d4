"""From points to the places of a list: rules first, then variety among the best, then what is pinned.

Variety is maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998): each next item is the one with the largest
`(1 - v)·p - v·s`, p its points between the list's worst candidate (0) and best (1), s its largest cosine with an item
chosen already.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from serving.arrays import Floats, Indices, Mask, Rows
from serving.catalogue import Catalogue
from serving.ranking.exploration import best_rows, keep_off_the_first
from serving.ranking.rules import Rules

_CANDIDATES = 5  # times k: those that variety chooses among


@dataclass(frozen=True)
class Slate:
    """variety: v, from 0 (points alone) to 1 (as unlike each other as can be)."""

    catalogue: Catalogue
    rules: Rules
    variety: float = 0.0

    def apply(self, points: Floats) -> None:
        """Add what the rules say to points `(n,)`, which are -inf for what must not be listed."""
        if self.rules:
            points += self.rules.points()

    def ruled(self, rows: Rows) -> Floats:
        """`(r,)`: what the rules say to some items."""
        return self.rules.points()[rows] if self.rules else np.zeros(len(rows), np.float32)

    def placed(self, rows: Rows) -> Mask:
        """`(r,)`: which items rules boost, pin, or give a floor."""
        if not self.rules:
            return np.zeros(len(rows), np.bool_)
        placed: Mask = np.isin(rows, list(self.rules.pins())) | (self.rules.points()[rows] > 0)
        for about, _ in self.rules.floors():
            placed |= about[rows]
        return placed

    def blocked(self) -> Mask:
        """`(n,)`: what the rules keep off every list."""
        return np.isneginf(self.rules.points()) if self.rules else np.zeros(len(self.catalogue), np.bool_)

    def looked_at(self, k: int) -> int:
        """Among how many of the best items the `k` of a list are chosen."""
        return _CANDIDATES * k if self.variety > 0.0 else k

    def choose(self, points: Floats, k: int) -> Rows:
        """The rows of the `k` best and most varied, best first; fewer if there are fewer, none at -inf."""
        best = best_rows(points, self.looked_at(k))
        return best[self._varied(best, points[best], min(k, len(best)))] if self.variety > 0.0 else best

    def arrange(self, rows: Rows, points: Floats, boosted: Iterable[int], k: int) -> Rows:
        """The list, first place first, at most `k`: what was boosted is not on the first three, pins have their own.

        points: `(n,)`, -inf for what must not be listed; what is not in `rows` may be. boosted: the rows that were.
        """
        rows = self._with_floors(rows, points, k) if self.rules else rows[:k]
        pins = (
            {row: place for row, place in self.rules.pins().items() if np.isfinite(points[row])} if self.rules else {}
        )
        order = keep_off_the_first([row for row in rows.tolist() if row not in pins], boosted)
        for row, place in sorted(pins.items(), key=lambda pin: pin[1]):
            order.insert(place - 1, row)
        return np.array(order[:k], np.intp)

    def _with_floors(self, rows: Rows, points: Floats, k: int) -> Rows:
        """Give each floor its share of the places, rounded down: its best items stand in for the last of no floor."""
        floors, rows = self.rules.floors(), rows[:k].copy()
        for about, share in floors:
            others = np.flatnonzero(~np.any([each[rows] for each, _ in floors], axis=0))[::-1]
            left = np.where(about, points, np.float32(-np.inf))
            left[rows] = -np.inf
            few = min(int(share * k) - int(about[rows].sum()), len(others), int(np.isfinite(left).sum()))
            if few > 0:
                rows[others[:few][::-1]] = best_rows(left, few)
        return rows

    def _varied(self, rows: Rows, points: Floats, k: int) -> Indices:
        """The order, `(k,)` indices into `rows`, which come best first."""
        vectors = self.catalogue.centred(rows)
        spread = float(points[0] - points[-1]) if len(points) else 0.0
        relevance = (1.0 - self.variety) * (points - points[-1]) / max(spread, 1e-9) if len(points) else points
        likeness = np.full(len(rows), -1.0, np.float32)
        left = np.ones(len(rows), np.bool_)
        chosen: list[int] = []
        for _ in range(k):
            worth = np.where(left, relevance - self.variety * likeness * bool(chosen), -np.inf)
            chosen.append(int(worth.argmax()))
            left[chosen[-1]] = False
            likeness = np.maximum(likeness, vectors @ vectors[chosen[-1]])
        return np.array(chosen, np.intp)
