"""What is true of what everybody does: whether an item is popular, or new, beside half of what is on offer.

Popular is what has more interaction than half of what is on offer, whatever the mean says; hardly known what has less.
Lately seen is what was interacted with later than half of what ever was, and new what was later interacted with for the
first time.
"""

import numpy as np
import numpy.typing as npt

from serving.arrays import Doubles, Floats, Mask, Rows
from serving.compiled import compiled

__all__ = ()

# Of serving.ranking.reasons.phrases.CROWD, in the order of the `POPULARITY_SIGNALS`.
_NAMES = ("total", *["recent"] * 5, "week", "month", *["age"] * 2, *["first"] * 2)
_TOLD = ["", *(f"{name}_high" for name in _NAMES), *(f"{name}_low" for name in reversed(_NAMES))]  # from the end: low
_OF_KNOWN = np.array([name in {"age", "first"} for name in _NAMES])


class Crowd:
    """The `POPULARITY_SIGNALS` of all items as they stand.

    signals: `(12, n)`, each without its mean. newness: `(n,)`, 1 / (1 + n_j). offered: `(n,)`, what is on offer.
    cold: the rows of what is on offer and has no interaction.
    """

    def __init__(self, signals: Floats, newness: Floats, offered: Mask) -> None:
        self.signals = signals
        self.newness = newness
        self._offered = offered
        self.cold: Rows = np.flatnonzero(offered & (newness == 1.0))
        self._known: Mask = offered & (newness < 1.0)
        # A median takes a while, to see on which side of it a number lies less; and what lies beyond a number that was
        # looked at lies there, too. So of each signal: the least number known to be above, the largest known below, and
        # the median where it had to be found.
        self._seen: Doubles = np.tile([np.inf, -np.inf, np.nan], (len(_NAMES), 1))

    def true_of(self, rows: Rows, weights: Doubles) -> npt.NDArray[np.int64]:
        """`(r,)`: of each item what gives it most points and is true, 0 if nothing is. weights: `(12,)`, of these."""
        return _largest_true(self.signals, self._offered, self._known, rows, weights, self._seen)


def crowd_key(told: int) -> str:
    """The key in `reasons.phrases.CROWD` of what is true, "" of 0."""
    return _TOLD[told]


@compiled
def _largest_true(
    signals: Floats, offered: Mask, known: Mask, rows: Rows, weights: Doubles, seen: Doubles
) -> npt.NDArray[np.int64]:
    """`(r,)`: number of the signal, from 1, below 0 if the item lies on its lower side; 0 if nothing is true."""
    told = np.zeros(len(rows), np.int64)
    for at in range(len(rows)):
        row = rows[at]
        worth = weights * signals[:, row]
        while True:
            signal = worth.argmax()
            if worth[signal] <= 0.0:
                break
            worth[signal] = 0.0
            among = known if _OF_KNOWN[signal] else offered
            value = signals[signal, row]
            side = _side(value, signals[signal], among, seen[signal]) if among[row] else 0
            if side and side * value > 0.0:
                told[at] = side * (signal + 1)
                break
    return told


@compiled
def _side(value: np.float32, values: Floats, among: Mask, seen: Doubles) -> int:
    """1 if a value lies above the median of those among, -1 if below, 0 if it is it."""
    if value >= seen[0]:
        return 1
    if value <= seen[1]:
        return -1
    if not np.isnan(seen[2]):
        return int(value > seen[2]) - int(value < seen[2])
    n = above = below = 0
    for row in range(len(values)):
        n += among[row]
        below += among[row] and values[row] < value
        above += among[row] and values[row] > value
    side = 0
    if 2 * below > n:
        side = 1
    elif 2 * above > n:
        side = -1
    else:
        seen[2] = np.median(values[among])
        side = int(value > seen[2]) - int(value < seen[2])
    if side > 0:
        seen[0] = value
    elif side < 0:
        seen[1] = value
    return side
