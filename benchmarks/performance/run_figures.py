"""Figures of a run: percentiles, what moved, what each event cost and where."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.performance.exposition import per_event_us, processed
from benchmarks.performance.runs import Run

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
        "cpu_us_per_event": {**_cpu_us(run.before, run.after), "generator": round(run.generator_us, 1)},
        "stage_us_per_event": {name: round(us, 1) for name, us in per_event_us(run.before, run.after).items()},
    }


def _cpu_us(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    events = max(processed(before, after), 1.0)
    return {
        series.removeprefix(CPU): round((value - before[series]) / events * 1e6, 1)
        for series, value in after.items()
        if series.startswith(CPU)
    }
