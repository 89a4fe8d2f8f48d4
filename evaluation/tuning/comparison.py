"""Whether tuned settings are better than the default: on a held-out part, in an interval over users."""

import msgspec

from evaluation.measures import bootstrap_interval, gains, hits
from evaluation.tuning.play import Ranks
from serving.arrays import Doubles

__all__ = ["BETTER"]

BETTER, NO_BETTER = "better than the default", "no better than the default"


class Accuracy(msgspec.Struct, frozen=True):
    """Means over the events that were looked for."""

    hr: float
    ndcg: float


class Comparison(msgspec.Struct, frozen=True):
    """Default and tuned settings on the same events. differences: tuned less default, intervals of 95 %."""

    events: int
    users: int
    default: Accuracy
    tuned: Accuracy
    hr_difference: tuple[float, float]
    ndcg_difference: tuple[float, float]

    @property
    def verdict(self) -> str:
        """Better only if the whole interval of the NDCG's difference is above zero."""
        return BETTER if self.ndcg_difference[0] > 0 else NO_BETTER


def accuracy(ranks: Doubles) -> Accuracy:
    """Hit rate and NDCG at 10; zeros without any."""
    if not len(ranks):
        return Accuracy(0.0, 0.0)
    return Accuracy(float(hits(ranks).mean()), float(gains(ranks).mean()))


def compare(default: Ranks, tuned: Ranks) -> Comparison:
    """Compare two plays of the same events."""
    return Comparison(
        events=len(default.ranks),
        users=len(set(default.users)),
        default=accuracy(default.ranks),
        tuned=accuracy(tuned.ranks),
        hr_difference=bootstrap_interval(hits(tuned.ranks) - hits(default.ranks), default.users),
        ndcg_difference=bootstrap_interval(gains(tuned.ranks) - gains(default.ranks), default.users),
    )
