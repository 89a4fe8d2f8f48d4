"""What is known of items from everybody's events, by the catalogue's row numbers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serving.arrays import Doubles, Rows

__all__ = ["Popularity"]

_FIRST_NEWNESS, _NEWNESS_STEP = 0.02, 1e-3
_RESCALE_ABOVE = 1e200  # float64 ends near 1e308: far enough away for any single co-visit weight


@dataclass(frozen=True, slots=True)
class Sums:
    """What `Popularity` holds at one moment: `totals`, `scaled`, `last`, `(n,) float64` by row, copies of its own.

    weight: what an event counted that came then, as `scaled` has it. events: how many came in all.
    """

    totals: Doubles
    scaled: Doubles
    last: Doubles
    weight: float
    events: int


class Popularity:
    """How much interaction each item has: in all, and of late. One writer, readers in the same thread.

    `totals` is n_i, the sum of the co-visit weights of the events on item i. `decayed` is the same sum with each
    event's weight multiplied by `decay` for every event, of anybody, that came later. Instead of changing every item on
    every event, an event is added with a weight that grows by 1/decay each time, and readers divide by the present one
    (forward decay: Cormode et al., "Forward Decay: A Practical Time Decay Model for Streaming Systems", ICDE 2009).

    `ages` is how many events, of anybody, came since an item's last one.

    `newness` is the share of late events that are the first on their item, over about the last 1,000, from a start
    on.

    >>> popularity = Popularity(decay=0.5)
    >>> for row in (0, 1, 1):
    ...     popularity.add(row, 1.0)
    >>> popularity.totals(3).tolist(), popularity.decayed(3).tolist()
    ([1.0, 2.0, 0.0], [0.25, 1.5, 0.0])
    >>> popularity.ages(3).tolist()
    [2.0, 0.0, 0.0]
    """

    def __init__(self, decay: float = 0.999, capacity: int = 1024) -> None:
        if not 0.0 < decay <= 1.0:
            raise ValueError(f"decay is {decay}: it must lie above 0 and be at most 1 (1: nothing is forgotten)")
        self.events = 0
        self.newness = _FIRST_NEWNESS
        self._growth = 1.0 / decay
        self._weight = 1.0  # what an event counts that comes now
        self._totals: Doubles = np.zeros(capacity)
        self._scaled: Doubles = np.zeros(capacity)
        self._last: Doubles = np.zeros(capacity)  # the number of the last event, from 1; 0: none

    def add(self, row: int, covisit: float) -> None:
        """Count one event of co-visit weight `covisit` ≥ 0 on the item in `row`."""
        if row >= len(self._totals):
            self._reserve(row + 1)
        self.events += 1
        self.newness += _NEWNESS_STEP * (float(self._totals[row] == 0) - self.newness)
        self._weight *= self._growth
        self._totals[row] += covisit
        self._scaled[row] += covisit * self._weight
        self._last[row] = self.events
        if self._weight > _RESCALE_ABOVE:
            self._scaled /= self._weight
            self._weight = 1.0

    def totals(self, n: int) -> npt.NDArray[np.float32]:
        """n_i of the first `n` rows, `(n,) float32`, ≥ 0."""
        self._reserve(n)
        return self._totals[:n].astype(np.float32)

    def decayed(self, n: int) -> npt.NDArray[np.float32]:
        """The decayed sums of the first `n` rows, `(n,) float32`, ≥ 0; the newest event counts its whole weight."""
        self._reserve(n)
        return (self._scaled[:n] / self._weight).astype(np.float32)

    def ages(self, n: int) -> npt.NDArray[np.float32]:
        """Events since the last one on each of the first `n` rows, `(n,) float32`; 0 where there was none yet."""
        self._reserve(n)
        last = self._last[:n]
        return np.where(last > 0, self.events - last, 0.0).astype(np.float32)

    def sums(self, n: int) -> Sums:
        """A copy of the first `n` rows, bit by bit."""
        self._reserve(n)
        totals, scaled, last = (kept[:n].copy() for kept in (self._totals, self._scaled, self._last))
        return Sums(totals, scaled, last, self._weight, self.events)

    def restore(self, rows: Rows, sums: Sums) -> None:
        """Take over what `sums` told, its i-th row in the place of `rows[i]`; all that was counted before is dropped.

        >>> before = Popularity(decay=0.5)
        >>> before.add(0, 1.0), before.add(1, 1.0)
        (None, None)
        >>> after = Popularity(decay=0.5)
        >>> after.restore(np.array([2, 0]), before.sums(2))
        >>> after.decayed(3).tolist()
        [1.0, 0.0, 0.5]
        """
        self._totals, self._scaled, self._last = np.zeros((3, len(self._totals)))
        self._reserve(int(rows.max(initial=-1)) + 1)
        self._totals[rows], self._scaled[rows], self._last[rows] = sums.totals, sums.scaled, sums.last
        self._weight, self.events = sums.weight, sums.events

    def _reserve(self, n: int) -> None:
        """Make room for `n` rows, doubling, so that growing costs little in all."""
        have = len(self._totals)
        if n > have:
            more = np.zeros(max(n, 2 * have) - have)
            self._totals = np.concatenate([self._totals, more])
            self._scaled = np.concatenate([self._scaled, more])
            self._last = np.concatenate([self._last, more])
