"""How many points each signal of the score is worth: learned online from what users take next.

A user's points for item j are `Σ_f (a_f + g·b_f)·x_f(j)` over the signals x_f, plus what the user wrote or dismissed.
The freshness g = 1 / (1 + events of anybody since this user's last one) is 1 right after an event and 0 long after it:
what fits the next minute differs from what fits the next month.

One step for each positive event, after it was scored: the softmax of the item taken against items drawn at random, one
Adagrad step down its gradient (Duchi et al., "Adaptive Subgradient Methods", JMLR 2011).
"""

import binascii
from enum import IntEnum

import numpy as np

from penchant.errors import BrokenState
from serving.arrays import Doubles, Floats

__all__ = ["Blend"]


class Signal(IntEnum):
    """The signals of the score, in the order of the weights."""

    CO_OCCURRENCE = 0  # log1p(cos/.03), users of the items in the ring interact with it, too
    SLOW_CO_OCCURRENCE = 1  # the same, with a slow decay of the ring's older items
    TRANSITION = 2  # log1p(fwd/.01), it comes after the items in the ring
    SESSION_CO_OCCURRENCE = 3  # as CO_OCCURRENCE, with items of the same minute
    REPEAT = 4  # it stands in the ring
    LAST = 5  # it stands first there
    TOTAL = 6  # log1p(n_j), how much interaction it had, by everybody
    RECENT = 7  # log1p(5 d_j), the same of late
    AGE = 8  # -log1p(events of anybody since its last one; 0 if it has none), how stale it is
    CONTENT = 9  # cosine of its vector with the decayed direction of the ring
    EASE = 10  # log1p(lin/.05), what goes with the whole history (serving/ranking/ease.py)


START = (1.5, 0.0, 0.2, 0.0, -4.0, 0.7, 0.2, 0.2, 0.0, 3.0, 0.0)
_ETA = 0.5
_MOST = 1e30  # of any number there; beyond it points are none
_FIRST_SQUARE = 1e-3  # keeps the first steps finite; of no weight after a few


class Blend:
    """The weights, which one writer learns and readers in the same thread use.

    >>> blend = Blend()
    >>> blend.at(1.0).tolist() == blend.at(0.0).tolist() == np.float32(START).tolist()
    True
    """

    def __init__(self, start: tuple[float, ...] = START) -> None:
        self.steps = 0
        self._weights: Doubles = np.stack([np.array(start), np.zeros(len(Signal))])  # a and b
        self._squares: Doubles = np.full_like(self._weights, _FIRST_SQUARE)

    def at(self, freshness: float) -> Floats:
        """The weights `(f,) float32` of a moment, `freshness` in [0, 1]."""
        now: Floats = (self._weights[0] + freshness * self._weights[1]).astype(np.float32)
        return now

    def learn(self, signals: Floats, others: Floats, freshness: float, weight: float = 1.0) -> None:
        """One step, which counts `weight` beside others.

        signals: `(f, 1 + m)`, of the item taken, then of items that were not. others: `(1 + m,)`, points of theirs that
        come from elsewhere.
        """
        points = self.at(freshness) @ signals + others
        chances = np.exp(points - points.max())
        chances /= chances.sum()
        slope = weight * (signals @ chances - signals[:, 0]).astype(np.float64)
        slopes = np.stack([slope, freshness * slope])
        self._squares += slopes**2
        self._weights -= _ETA * slopes / np.sqrt(self._squares)
        self.steps += 1

    def table(self) -> Doubles:
        """A copy of all that it knows, `(4, f)`: a, b, and the sums of their squared slopes."""
        return np.concatenate([self._weights, self._squares])

    def pack(self) -> bytes:
        """All that it knows as bytes: the number of steps and the table, each float64, little endian, after a crc32."""
        body = np.append(float(self.steps), self.table()).astype("<f8").tobytes()
        return binascii.crc32(body).to_bytes(4, "little") + body

    def unpack(self, packed: bytes) -> None:
        """Take over what `pack` told. Raises BrokenState if it was altered, or is of other signals."""
        body = packed[4:]
        if len(body) != 8 * (1 + 4 * len(Signal)) or binascii.crc32(body) != int.from_bytes(packed[:4], "little"):
            raise BrokenState("the blend's weights in the store are altered, or of another version of Penchant")
        numbers = np.frombuffer(body, "<f8")
        if not (np.abs(numbers) <= _MOST).all() or numbers[0] < 0 or numbers[1 + 2 * len(Signal) :].min() <= 0:
            raise BrokenState("the blend's weights in the store are no weights")
        steps, *table = numbers.tolist()
        self._weights, self._squares = np.array(table).reshape(2, 2, len(Signal))
        self.steps = int(steps)
