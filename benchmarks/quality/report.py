"""A run's report: hit rate, NDCG and MRR by method and slice, with bootstrap intervals."""

from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.quality.list_measures import ListMeasures
from evaluation.measures import bootstrap_interval, gains, hits, summary
from evaluation.prequential.steps import Step
from serving.arrays import Doubles

SLICES = ("unseen", "cold_user", "burst", "no_burst")
_WINDOWS = 20


def report(
    steps: Sequence[Step], found: Mapping[str, ListMeasures], us: Mapping[str, Mapping[str, float]]
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
                "hr@10_interval": list(bootstrap_interval(hits(each))),
                "ndcg@10_interval": list(bootstrap_interval(gains(each))),
            }
            for name, each in ranks.items()
        },
        "slices": {
            name: {"n": int(mask.sum()), "methods": {method: summary(each[mask]) for method, each in ranks.items()}}
            for name, mask in slices.items()
        },
        "windows": {name: over_time(hits(each)) for name, each in ranks.items()},
    }


def over_time(values: Doubles) -> list[float]:
    """Means of up to 20 parts of the same length, in order.

    >>> over_time(np.repeat([0.0, 1.0], 20))[8:12], over_time(np.array([1.0, 0.0]))
    ([0.0, 0.0, 1.0, 1.0], [1.0, 0.0])
    """
    return [float(part.mean()) for part in np.array_split(values, min(_WINDOWS, len(values)) or 1) if len(part)]
