"""What an experiment has shown so far: hit rates by variant, their intervals, and whether they differ.

Users are dealt to variants, so it is users that are independent, not their events. The variance of a hit rate over
users with n_u trials and h_u hits is Σ(h_u - p·n_u)² / N² (Cochran, "Sampling Techniques", 1977, on ratios); by how
much that is more than p(1-p)/N, by so much fewer trials the interval counts. The interval is Wilson's (1927), that of a
difference Newcombe's, of two Wilson intervals ("Interval estimation for the difference between independent
proportions", 1998).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from serving.experiment import Experiment

__all__ = ["VariantResult", "added", "variant_results"]

_LEVEL = 0.95
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Tally:
    """Trials and hits; and, summed over users, their squares and their product."""

    trials: float = 0.0
    hits: float = 0.0
    trials_squared: float = 0.0
    hits_squared: float = 0.0
    both: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.trials + other.trials,
            self.hits + other.hits,
            self.trials_squared + other.trials_squared,
            self.hits_squared + other.hits_squared,
            self.both + other.both,
        )

    @property
    def rate(self) -> float:
        """The hit rate, 0 without trials."""
        return self.hits / self.trials if self.trials else 0.0

    @property
    def effective(self) -> float:
        """How many independent trials these are worth; never more than they are."""
        p = self.rate
        if not 0.0 < p < 1.0:
            return self.trials
        over_users = self.hits_squared - 2 * p * self.both + p * p * self.trials_squared
        return self.trials / max(over_users / (p * (1 - p) * self.trials), 1.0)

    def interval(self, z: float) -> Interval:
        """Wilson's, for `z` standard deviations: where the hit rate lies."""
        return wilson(self.rate, self.effective, z)


@dataclass(frozen=True, slots=True)
class VariantResult:
    """Of one variant. difference: of its hit rate to the first variant's; None for the first one."""

    variant: str
    share: float
    settings: Mapping[str, float]
    tally: Tally
    interval: Interval
    difference: Interval | None

    @property
    def verdict(self) -> str:
        """In one word, against the first variant."""
        if self.difference is None:
            return ""
        low, high = self.difference
        return "better" if low > 0 else "worse" if high < 0 else "no difference shown"


def variant_results(experiment: Experiment, tallies: Mapping[str, Tally]) -> list[VariantResult]:
    """Of every variant, in the file's order. With several to compare each comparison is the stricter (Bonferroni)."""
    z = deviations(_LEVEL)
    strict = deviations(1 - (1 - _LEVEL) / max(len(experiment.variant) - 1, 1))
    first = tallies.get(experiment.variant[0].name, Tally())
    found = []
    for index, variant in enumerate(experiment.variant):
        tally = tallies.get(variant.name, Tally())
        apart = difference(first, tally, strict) if index else None
        found.append(VariantResult(variant.name, variant.share, variant.settings, tally, tally.interval(z), apart))
    return found


def deviations(level: float) -> float:
    """How many standard deviations either side hold this much of a normal distribution.

    >>> round(deviations(0.95), 2)
    1.96
    """
    return NormalDist().inv_cdf(0.5 + level / 2)


def wilson(p: float, n: float, z: float) -> Interval:
    """Where a proportion lies that was p of n trials; anywhere without trials.

    >>> [round(edge, 3) for edge in wilson(0.1, 100, 1.96)]
    [0.055, 0.174]
    """
    if n <= 0:
        return 0.0, 1.0
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def difference(first: Tally, other: Tally, z: float) -> Interval:
    """Where `other`'s hit rate less `first`'s lies."""
    (low, high), (other_low, other_high) = first.interval(z), other.interval(z)
    apart = other.rate - first.rate
    below = math.hypot(other.rate - other_low, high - first.rate)
    above = math.hypot(other_high - other.rate, first.rate - low)
    return apart - below, apart + above


def added(tallies: Sequence[Mapping[str, Tally]]) -> dict[str, Tally]:
    """What several workers counted, together."""
    names = dict.fromkeys(name for each in tallies for name in each)
    return {name: sum((each.get(name, Tally()) for each in tallies), Tally()) for name in names}
