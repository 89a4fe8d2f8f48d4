"""Prequential hit rate: every positive event is looked for in the list before it, then learned.

Beside it, on the same events in the same order, the plain baseline: the most popular items without those that the user
has rated already.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from evaluation.measures import chance_of_hit
from serving.ranking.ranker import TOP

__all__ = ()


@dataclass(slots=True)
class HitRates:
    """Hits at 10 of the live lists and of most popular; items are told by their row in the catalogue."""

    items: int
    positives: int = 0
    live: float = 0.0
    popular: float = 0.0
    _counts: npt.NDArray[np.int64] = field(init=False)
    _seen: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._counts = np.zeros(self.items, np.int64)

    def score(self, user: str, row: int, listed: Sequence[int]) -> bool:
        """Score a positive event on the item in `row`; `listed`: the user's list before it, best first.

        Returns whether it was a hit.
        """
        hit = row in listed[:TOP]
        self.positives += 1
        self.live += hit
        self.popular += self._chance(user, row)
        return hit

    def learn(self, user: str, row: int) -> None:
        """Take an event in, positive or not."""
        self._counts[row] += 1
        self._seen.setdefault(user, []).append(row)

    def rates(self) -> tuple[float, float]:
        """Hit rate at 10 of the live lists and of most popular; zeros before the first positive event."""
        n = max(self.positives, 1)
        return self.live / n, self.popular / n

    def _chance(self, user: str, row: int) -> float:
        """The chance that `row` is among the ten most popular unseen items if ties are broken at random."""
        counts = self._counts.copy()
        counts[self._seen.get(user, [])] = -1
        if counts[row] < 0:
            return 0.0
        return chance_of_hit(counts, row)
