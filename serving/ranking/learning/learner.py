"""Experts of the blend: one learns how much every signal is worth, one how far to trust each signal alone.

A learner takes a step of Newton's method for each item taken, down the slope of the softmax loss: the weights move by
the slope over the curvature of all steps so far, which fades, with that of a prior that holds them where they began:

    A ← m·A + (1 - m)·A_0 + X·(diag(p) - p·pᵀ)·Xᵀ        w ← w - A⁻¹·X·(p - taken)

So signals that say nearly the same share what they are worth, a few steps move little, and what was learned is
forgotten with memory m.
"""

from dataclasses import dataclass

import numpy as np

from serving.arrays import Doubles
from serving.ranking.learning.signals import POPULARITY_SIGNALS, Signal

__all__ = ()

_F = len(Signal)
# How much curvature the start is worth: of some ten steps, and more of signals that are many and say nearly the same.
_PRIOR: Doubles = np.tile([60.0 if signal in POPULARITY_SIGNALS else 10.0 for signal in Signal], 2)
_SINGLE_PRIOR, _SINGLE_MEMORY = 1.0, 0.99
_LEAST_CHANCE = 1e-9
_REACH = 3.0  # how far a weight may be learned from its start: further than on any set (docs/quality.md)


@dataclass(frozen=True, slots=True)
class Draw:
    """An item that was taken, and others that were not.

    signals: `(f, 1 + m)`, of the item taken, then of the others. points: `(1 + m,)`, theirs that come from elsewhere,
    with the logarithm of how many items each of them stands for. freshness: in [0, 1]. weight: how much it counts.
    """

    signals: Doubles
    points: Doubles
    freshness: float
    weight: float


class Learner:
    """Weights `(f,)` for all signals, those that always hold and those that hold when an event was just before."""

    NUMBERS = 2 * _F + 4 * _F * _F

    def __init__(self, start: Doubles, memory: float, *, bounded: bool = True) -> None:
        self._memory = memory
        middle, reach = np.concatenate([start, np.zeros(_F)]), _REACH if bounded else np.inf
        self._bounds = middle - reach, middle + reach
        self._weights: Doubles = np.concatenate([start, np.zeros(_F)])
        self._curvature: Doubles = np.diag(_PRIOR)

    def at(self, freshness: float) -> Doubles:
        """The weights of a moment."""
        now: Doubles = self._weights[:_F] + freshness * self._weights[_F:]
        return now

    def loss(self, draw: Draw) -> float:
        """-log of the chance that the item taken had."""
        return loss(self.at(draw.freshness), draw)

    def learn(self, draw: Draw) -> None:
        """One step, to within the bounds."""
        chances = _softmax((self.at(draw.freshness) @ draw.signals + draw.points)[None])[0][0]
        mean = draw.signals @ chances
        slope = _both(mean - draw.signals[:, 0], draw.freshness)
        spread = (draw.signals * chances) @ draw.signals.T - np.outer(mean, mean)
        g = draw.freshness
        kept = faded(self._memory, draw.weight)
        self._curvature *= kept
        self._curvature[np.diag_indices(2 * _F)] += (1.0 - kept) * _PRIOR
        for at, first in enumerate((1.0, g)):
            for to, second in enumerate((1.0, g)):
                part = self._curvature[at * _F : (at + 1) * _F, to * _F : (to + 1) * _F]
                part += (draw.weight * first * second) * spread
        self._weights = (self._weights - np.linalg.solve(self._curvature, draw.weight * slope)).clip(*self._bounds)

    def numbers(self) -> Doubles:
        """All that it knows, `(NUMBERS,)`."""
        return np.concatenate([self._weights, self._curvature.ravel()])

    def take_over(self, numbers: Doubles) -> None:
        """What `numbers` told. Raises ValueError if it cannot be."""
        curvature = numbers[2 * _F :].reshape(2 * _F, 2 * _F)
        if np.diag(curvature).min() <= 0 or not np.allclose(curvature, curvature.T):
            raise ValueError("a curvature")
        self._weights, self._curvature = numbers[: 2 * _F].copy(), curvature.copy()


class SingleSignals:
    """For each signal alone the factor ≥ 0 that makes points of it, `factors` `(f,)`."""

    def __init__(self) -> None:
        self.factors: Doubles = np.ones(_F)
        self._curvature: Doubles = np.full(_F, _SINGLE_PRIOR)

    def learn(self, draw: Draw) -> Doubles:
        """One step of each. Returns their losses before it, `(f,)`."""
        chances, losses = _softmax(self.factors[:, None] * draw.signals + draw.points)
        mean = (chances * draw.signals).sum(axis=1)
        spread = (chances * draw.signals**2).sum(axis=1) - mean**2
        kept = faded(_SINGLE_MEMORY, draw.weight)
        self._curvature = kept * self._curvature + (1.0 - kept) * _SINGLE_PRIOR + draw.weight * spread
        slope = draw.weight * (mean - draw.signals[:, 0])
        self.factors = np.maximum(self.factors - slope / self._curvature, 0.0)
        return losses

    def numbers(self) -> Doubles:
        """All that it knows, `(2 f,)`."""
        return np.concatenate([self.factors, self._curvature])

    def take_over(self, numbers: Doubles) -> None:
        """What `numbers` told. Raises ValueError if it cannot be."""
        if numbers.shape != (2 * _F,) or numbers[_F:].min() <= 0 or numbers[:_F].min() < 0:
            raise ValueError("factors of signals")
        self.factors, self._curvature = numbers[:_F].copy(), numbers[_F:].copy()


def faded(memory: float, weight: float) -> float:
    """What a step leaves of those before it: a part of a step a part of what a whole one takes.

    Else those who teach next to nothing, but often, would have everything forgotten that others taught.
    """
    return float(memory ** min(weight, 1.0))


def loss(weights: Doubles, draw: Draw) -> float:
    """-log of the chance that the item taken had by some weights `(f,)`."""
    return float(_softmax((weights @ draw.signals + draw.points)[None])[1][0])


def _both(slope: Doubles, freshness: float) -> Doubles:
    """Of the weights that always hold, then of the others."""
    return np.concatenate([slope, freshness * slope])


def _softmax(points: Doubles) -> tuple[Doubles, Doubles]:
    """Chances by points, row by row, and each row's loss, -log of the first one's chance."""
    chances = np.exp(points - points.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    return chances, -np.log(np.maximum(chances[:, 0], _LEAST_CHANCE))
