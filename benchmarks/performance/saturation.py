"""What is sustained: the highest rate at which lists do not fall behind events more and more."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.performance.load.runs import Run

LATER = 0.03  # seconds that lists may fall behind in a second, for the noise of a short run
_SETTLED = 0.25  # of a run is left out: its beginning


class Tried(NamedTuple):
    """A rate, and how many seconds lists fell behind in each second of it."""

    rate: float
    behind: float

    @property
    def sustained(self) -> bool:
        """Whether it could go on for ever."""
        return self.behind <= LATER


def falls_behind(run: Run) -> float:
    """The slope of latency over time, by least squares over all but the first quarter: 0 where events are kept up with.

    At an overload of a tenth lists fall a second further behind in eleven. What was never seen counts 10 s late.
    """
    began, ended = run.due_s[0], run.due_s[-1]
    settled = run.due_s >= began + _SETTLED * (ended - began)
    due_s = run.due_s[settled]
    if len(due_s) < 2:
        return 0.0
    slope = float(np.polyfit(due_s - due_s[0], run.latencies_ms[settled] / 1000, 1)[0])
    return slope if run.received == len(run.due_s) else max(slope, 1.0)


def search(try_rate: Callable[[float], Tried], guess: float, *, within: float = 1.06, most: int = 7) -> list[Tried]:
    """Rates tried, around a guess: up or down by a quarter until one holds and one does not, then between the two.

    Ends when the two are `within` of each other, or after `most`.
    """
    tried: list[Tried] = []
    low, high, rate = 0.0, np.inf, guess
    while len(tried) < most and high > within * low:
        tried.append(try_rate(rate))
        if tried[-1].sustained:
            low = rate
        else:
            high = rate
        rate = low * 1.25 if high == np.inf else high * 0.8 if low == 0.0 else float(np.sqrt(low * high))
    return tried


def best(tried: list[Tried]) -> float | None:
    """The highest rate that held, None if none did."""
    return max((each.rate for each in tried if each.sustained), default=None)
