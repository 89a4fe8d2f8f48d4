"""Measures of lists: hit rate, NDCG and MRR of ranks from 0, and bootstrap intervals of their means."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.arrays import Doubles
from serving.ranking.ranker import TOP

_RESAMPLES = 1000


def hits(ranks: Doubles, k: int = TOP) -> Doubles:
    """`(n,)`, 1 where the rank is below k; their mean is the hit rate."""
    return (ranks < k).astype(np.float64)


def gains(ranks: Doubles, k: int = TOP) -> Doubles:
    """`(n,)`, 1 / log2(rank + 2) below k, else 0; with one relevant item a list their mean is the NDCG."""
    return np.where(ranks < k, 1.0 / np.log2(ranks + 2.0), 0.0)


def _reciprocals(ranks: Doubles, k: int = TOP) -> Doubles:
    """`(n,)`, 1 / (rank + 1) below k, else 0; their mean is the MRR."""
    return np.where(ranks < k, 1.0 / (ranks + 1.0), 0.0)


def summary(ranks: Doubles) -> dict[str, float]:
    """Means of the measures over some ranks; zeros without any."""
    if not len(ranks):
        return dict.fromkeys(("hr@5", "hr@10", "ndcg@5", "ndcg@10", "mrr@10"), 0.0)
    return {
        "hr@5": float(hits(ranks, 5).mean()),
        "hr@10": float(hits(ranks, 10).mean()),
        "ndcg@5": float(gains(ranks, 5).mean()),
        "ndcg@10": float(gains(ranks, 10).mean()),
        "mrr@10": float(_reciprocals(ranks, 10).mean()),
    }


def chance_of_hit(scores: npt.NDArray[np.number[Any]], row: int, k: int = TOP) -> float:
    """The chance that `row` is among the k highest scores if ties are broken at random.

    >>> chance_of_hit(np.array([3, 1, 1, 0]), 1, k=2)
    0.5
    """
    above = int((scores > scores[row]).sum())
    tied = int((scores == scores[row]).sum())
    return min(max(k - above, 0) / tied, 1.0)


def bootstrap_interval(values: Doubles, groups: Sequence[str] | None = None, seed: int = 7) -> tuple[float, float]:
    """The 95 % bootstrap interval of a mean, of 1,000 draws with replacement; zeros without values.

    groups: whose each value is. Whole groups are drawn then, since values of one user are alike; else single values.
    """
    if not len(values):
        return 0.0, 0.0
    of = np.arange(len(values)) if groups is None else np.unique(np.array(groups), return_inverse=True)[1]
    sums, counts = np.bincount(of, values), np.bincount(of)
    random = np.random.default_rng(seed)
    drawn = (random.integers(0, len(sums), len(sums)) for _ in range(_RESAMPLES))
    low, high = np.percentile([sums[each].sum() / counts[each].sum() for each in drawn], [2.5, 97.5])
    return float(low), float(high)
