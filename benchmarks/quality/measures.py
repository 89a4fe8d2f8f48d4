"""What is made of ranks: hit rates and gains, by slice, with bootstrap intervals."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.quality.lists import Lists
from evaluation.prequential.steps import Doubles, Step, gains, hits

SLICES = ("unseen", "cold_user", "burst", "no_burst")
WINDOWS = 20
_RESAMPLED = 1000


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


def report(
    steps: Sequence[Step], found: Mapping[str, Lists], us: Mapping[str, Mapping[str, float]]
) -> dict[str, object]:
    """The report's `n`, `methods`, `slices` and `windows`.

    steps: those that were measured, in the order of the ranks. us: by method, `us_per_event` and `us_per_list`.
    """
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
                **found[name].measures(),
                **us[name],
                "hr@10_interval": interval(hits(each, 10)),
                "ndcg@10_interval": interval(gains(each, 10)),
            }
            for name, each in ranks.items()
        },
        "slices": {
            name: {"n": int(mask.sum()), "methods": {method: summary(each[mask]) for method, each in ranks.items()}}
            for name, mask in slices.items()
        },
        "windows": {name: over_time(hits(each, 10)) for name, each in ranks.items()},
    }


def over_time(values: Doubles) -> list[float]:
    """Means of up to 20 parts of the same length, in order.

    >>> over_time(np.repeat([0.0, 1.0], 20))[8:12], over_time(np.array([1.0, 0.0]))
    ([0.0, 0.0, 1.0, 1.0], [1.0, 0.0])
    """
    return [float(part.mean()) for part in np.array_split(values, min(WINDOWS, len(values)) or 1) if len(part)]
