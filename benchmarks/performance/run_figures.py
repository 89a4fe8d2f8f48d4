"""Figures of a run: percentiles, what moved, what each event cost and where."""

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.performance.load.runs import Run
from benchmarks.performance.systems.exposition import per_event_us, processed

CPU = "cpu_s:"  # what names of roles begin with in what was seen


def percentiles(ms: npt.NDArray[np.float64]) -> dict[str, float] | None:
    """p50, p90, p99 and max, None of nothing; each is the time of an event, never one between two.

    >>> percentiles(np.arange(1.0, 101.0))
    {'p50': 50.0, 'p90': 90.0, 'p99': 99.0, 'max': 100.0}
    """
    if not len(ms):
        return None
    told = np.percentile(ms, (50, 90, 99, 100), method="inverted_cdf")
    return {name: round(float(value), 3) for name, value in zip(("p50", "p90", "p99", "max"), told, strict=True)}


def of_run(run: Run) -> dict[str, Any]:
    """The figures of one run."""
    ms = run.latencies_ms
    late = percentiles((run.sent_s - run.due_s) * 1000)
    return {
        "event_to_list_ms": percentiles(ms),
        "review_to_list_ms": percentiles(ms[run.review]),
        "sent": len(ms),
        "received": run.received,
        "moved": round(run.moved / max(run.lists, 1), 4),
        "send_delay_ms": late,
        "cpu_us_per_event": {**cpu_us(run), "generator": round(run.generator_us, 1)},
        "stage_us_per_event": {name: round(us, 1) for name, us in per_event_us(run.before, run.after).items()},
    }


def cpu_us(run: Run) -> dict[str, float]:
    """Microseconds of CPU an event by role, as far as it was looked at; by what the worker says it has taken in."""
    events = processed(run.before, run.after) or max(len(run.due_s), 1)
    return {
        series.removeprefix(CPU): round((value - run.before[series]) / events * 1e6, 1)
        for series, value in run.after.items()
        if series.startswith(CPU)
    }
