"""Whether learned weights are still better than those they started from, on what users take next."""

from enum import Enum, auto

from serving.arrays import Doubles

__all__ = ()

_MEMORY = 0.99  # of a whole step: some 100 steps are looked at
_SEEN = 50.0  # whole steps until anything is decided
_WORSE = 0.1  # nats in the mean from which it is not chance
_KEEP_EVERY = 200.0  # whole steps


class Verdict(Enum):
    """What is to be done."""

    GO_ON = auto()
    KEEP = auto()
    GO_BACK = auto()


class Watch:
    """The mean of how much worse the weights predicted than their start did, in nats. kept: what to go back to.

    >>> watch = Watch()
    >>> [watch.see(-1.0, 1.0) for _ in range(200)][-1], {watch.see(1.0, 1.0) for _ in range(60)} >= {Verdict.GO_BACK}
    (<Verdict.KEEP: 2>, False)
    """

    def __init__(self) -> None:
        self.kept: Doubles | None = None
        self._clear()

    def _clear(self) -> None:
        self._worse, self._weights, self._since_kept = 0.0, 0.0, 0.0

    def see(self, worse: float, weight: float) -> Verdict:
        """Take in how a step was predicted. weight: how much of a whole step it is."""
        fade = _MEMORY ** min(weight, 1.0)
        self._worse = fade * self._worse + weight * max(min(worse, 4.0), -4.0)
        self._weights = fade * self._weights + weight
        self._since_kept += weight
        if self._weights < _SEEN:
            return Verdict.GO_ON
        mean = self._worse / self._weights
        if mean > _WORSE:
            self._clear()
            return Verdict.GO_BACK
        if mean < 0 and self._since_kept >= _KEEP_EVERY:
            self._since_kept = 0.0
            return Verdict.KEEP
        return Verdict.GO_ON
