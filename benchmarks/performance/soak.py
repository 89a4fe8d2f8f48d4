"""A long run at 70 % of saturation: whether latency and memory stay what they are in the first minute."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np

from benchmarks.performance.load.runs import Run
from benchmarks.performance.options import Bar
from benchmarks.performance.run_figures import of_run, percentiles
from benchmarks.performance.sustained import find_sustained, take_in_history, work_off
from benchmarks.performance.systems.local_system import MeasuredSystem, SystemOptions, running_system
from benchmarks.performance.watched import plan_of, watched
from penchant.errors import Unavailable

SHARE = 0.7
_MINUTE_S = 60.0
_SEARCH = {"seconds": 6.0, "warm_up": 2.0}


def soak(options: SystemOptions, wanted: dict[str, Any], bar: Bar) -> dict[str, Any]:
    """Search for saturation, then run at a share of it. Latency by minute, resident memory before and after."""

    @contextmanager
    def fresh() -> Iterator[MeasuredSystem]:
        with running_system(options) as system:
            system.fill(lambda share: bar("items", share))
            yield system

    searched = wanted | _SEARCH
    with fresh() as system:
        heap = work_off(system, searched, bar)
    saturation = find_sustained(fresh, heap, searched, bar)["events_per_s"]
    if saturation is None:
        raise Unavailable("no rate was found that is sustained: name one with --rate, without --soak")
    with fresh() as system:
        take_in_history(system, wanted, bar)
        plan = msgspec.structs.replace(plan_of(system, wanted), rate=SHARE * saturation)
        before = system.memory_mib()
        run = watched(system, plan, bar)
        after = system.memory_mib()
    return {
        "saturation_events_per_s": saturation,
        "rate": round(plan.rate, 1),
        **of_run(run),
        "minutes": by_minute(run),
        "memory_mib": {role: [round(before[role]), round(after[role])] for role in before},
    }


def by_minute(run: Run) -> list[dict[str, Any]]:
    """Percentiles of the events that were due in each minute; less than half a minute at the end is in none."""
    minute = ((run.due_s - run.due_s[0]) // _MINUTE_S).astype(int)
    whole = max(round(float(run.due_s[-1] - run.due_s[0]) / _MINUTE_S), 1)
    latencies = run.latencies_ms
    found = (percentiles(latencies[minute == number]) for number in np.unique(minute[minute < whole]))
    return [each for each in found if each is not None]
