"""Whether tuned settings are better than the default: by a part that was held back, in an interval over users."""

from collections.abc import Sequence

import msgspec
import numpy as np

from evaluation.prequential.steps import Doubles, gains, hits
from evaluation.tuning.play import Ranks

TOP = 10
BETTER, NO_BETTER = "better than the default", "no better than the default"
_RESAMPLED = 1000


class Measured(msgspec.Struct, frozen=True):
    """Means over the events that were looked for."""

    hr: float
    ndcg: float


class Judged(msgspec.Struct, frozen=True):
    """Default and tuned settings on the same events. differences: tuned less default, intervals of 95 %."""

    events: int
    users: int
    default: Measured
    tuned: Measured
    hr_difference: tuple[float, float]
    ndcg_difference: tuple[float, float]

    @property
    def verdict(self) -> str:
        """Better only if the whole interval of the NDCG's difference is above zero."""
        return BETTER if self.ndcg_difference[0] > 0 else NO_BETTER


def measured(ranks: Doubles) -> Measured:
    """Hit rate and NDCG at 10; zeros without any."""
    if not len(ranks):
        return Measured(0.0, 0.0)
    return Measured(float(hits(ranks, TOP).mean()), float(gains(ranks, TOP).mean()))


def judge(default: Ranks, tuned: Ranks) -> Judged:
    """Compare two plays of the same events."""
    return Judged(
        events=len(default.ranks),
        users=len(set(default.users)),
        default=measured(default.ranks),
        tuned=measured(tuned.ranks),
        hr_difference=interval(hits(tuned.ranks, TOP) - hits(default.ranks, TOP), default.users),
        ndcg_difference=interval(gains(tuned.ranks, TOP) - gains(default.ranks, TOP), default.users),
    )


def interval(values: Doubles, users: Sequence[str], seed: int = 7) -> tuple[float, float]:
    """The 95 % bootstrap interval of a mean, users drawn again with replacement: events of one user are alike."""
    if not len(values):
        return 0.0, 0.0
    _, of = np.unique(np.array(users), return_inverse=True)
    sums, counts = np.bincount(of, values), np.bincount(of)
    random = np.random.default_rng(seed)
    drawn = [random.integers(0, len(sums), len(sums)) for _ in range(_RESAMPLED)]
    low, high = np.percentile([sums[each].sum() / counts[each].sum() for each in drawn], [2.5, 97.5])
    return float(low), float(high)
