"""What is made of ranks: hit rates, gains, coverage, by slice, with bootstrap intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.quality.methods import Floats, Step, rank_of

Doubles = npt.NDArray[np.float64]

SLICES = ("unseen", "cold_user", "burst", "no_burst")
_RESAMPLED = 1000
_DEEPEST = 10


@dataclass(slots=True)
class Ranks:
    """Ranks from 0 of the items looked for, in order, and the rows that stood among the first ten of any list."""

    items: int
    ranks: list[float] = field(default_factory=list)
    shown: set[int] = field(default_factory=set)

    def add(self, scores: Floats, step: Step) -> None:
        """Take in the scores of a step."""
        self.ranks.append(rank_of(scores, step))
        if step.candidates is not None:
            scores = np.where(step.candidates, scores, -np.inf)
        first = np.argpartition(scores, len(scores) - _DEEPEST)[-_DEEPEST:] if len(scores) > _DEEPEST else range(0)
        self.shown.update(int(row) for row in first if np.isfinite(scores[row]))


def hits(ranks: Doubles, k: int) -> Doubles:
    """`(n,)`, 1 where the rank is below k."""
    return (ranks < k).astype(np.float64)


def gains(ranks: Doubles, k: int) -> Doubles:
    """`(n,)`, 1 / log2(rank + 2) below k, else 0."""
    return np.where(ranks < k, 1.0 / np.log2(ranks + 2.0), 0.0)


def summary(ranks: Doubles) -> dict[str, float]:
    """Means of the measures over some ranks; zeros without any."""
    if not len(ranks):
        return dict.fromkeys(("hr@5", "hr@10", "ndcg@5", "ndcg@10", "mrr@10"), 0.0)
    reciprocal = np.where(ranks < 10, 1.0 / (ranks + 1.0), 0.0)
    return {
        "hr@5": float(hits(ranks, 5).mean()),
        "hr@10": float(hits(ranks, 10).mean()),
        "ndcg@5": float(gains(ranks, 5).mean()),
        "ndcg@10": float(gains(ranks, 10).mean()),
        "mrr@10": float(reciprocal.mean()),
    }


def interval(values: Doubles, seed: int = 7) -> list[float]:
    """The 95 % bootstrap interval of a mean: events are drawn again with replacement, 1,000 times."""
    if not len(values):
        return [0.0, 0.0]
    random = np.random.default_rng(seed)
    means = [values[random.integers(0, len(values), len(values))].mean() for _ in range(_RESAMPLED)]
    return [float(edge) for edge in np.percentile(means, [2.5, 97.5])]


def report(steps: Sequence[Step], found: Mapping[str, Ranks]) -> dict[str, object]:
    """The report's `n`, `methods` and `slices`. `steps`: those that were measured, in the order of the ranks."""
    slices = {
        "unseen": np.array([step.unseen for step in steps], np.bool_),
        "cold_user": np.array([step.cold_user for step in steps], np.bool_),
        "burst": np.array([step.burst for step in steps], np.bool_),
        "no_burst": np.array([not step.burst for step in steps], np.bool_),
    }
    ranks = {name: np.array(each.ranks) for name, each in found.items()}
    return {
        "n": len(steps),
        "methods": {
            name: {
                **summary(each),
                "coverage@10": len(found[name].shown) / found[name].items,
                "hr@10_interval": interval(hits(each, 10)),
                "ndcg@10_interval": interval(gains(each, 10)),
            }
            for name, each in ranks.items()
        },
        "slices": {
            name: {"n": int(mask.sum()), "methods": {method: summary(each[mask]) for method, each in ranks.items()}}
            for name, mask in slices.items()
        },
    }
