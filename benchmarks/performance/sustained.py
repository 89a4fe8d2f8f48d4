"""The search for the highest rate that is sustained, each rate on a fresh system."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from benchmarks.performance.flood import Flood, flood
from benchmarks.performance.load.runs import Run
from benchmarks.performance.options import Bar
from benchmarks.performance.run_figures import cpu_us
from benchmarks.performance.saturation import Tried, best, falls_behind, search
from benchmarks.performance.systems.exposition import per_event_us
from benchmarks.performance.systems.local_system import MeasuredSystem
from benchmarks.performance.watched import plan_of, watched

_HEAP = 3000  # events at once, by which the first rate is guessed
_LESS = 0.7  # times what a heap is worked off with, in larger batches than a stream gives
_WITHIN, _MOST_TRIED = 1.1, 5
_PATIENCE_S = 4.0  # after the last event: what is not answered then was not kept up with


def take_in_history(system: MeasuredSystem, wanted: dict[str, Any], bar: Bar) -> None:
    """Give users and items a past, in few large batches."""
    if wanted["history"]:
        flood(system, plan_of(system, wanted), wanted["history"], bar)


def work_off(system: MeasuredSystem, wanted: dict[str, Any], bar: Bar) -> Flood:
    """The history, then a heap of events at once, which the first rate is guessed by."""
    plan = plan_of(system, wanted)
    take_in_history(system, wanted, bar)
    return flood(system, plan, _HEAP, bar)


def find_sustained(
    fresh: Callable[[], AbstractContextManager[MeasuredSystem]], heap: Flood, wanted: dict[str, Any], bar: Bar
) -> dict[str, Any]:
    """The highest rate that is sustained, each tried on a fresh system that has taken in the history."""
    runs: dict[float, Run] = {}

    def try_rate(rate: float) -> Tried:
        rate = float(f"{rate:.3g}")
        with fresh() as system:
            plan = plan_of(system, wanted)
            take_in_history(system, wanted, bar)
            runs[rate] = watched(system, msgspec.structs.replace(plan, rate=rate, patience_s=_PATIENCE_S), bar)
        return Tried(rate, falls_behind(runs[rate]))

    tried = search(try_rate, _LESS * heap.events_per_s, within=_WITHIN, most=_MOST_TRIED)
    found = best(tried)
    stages = {} if found is None else per_event_us(runs[found].before, runs[found].after)
    return {
        "events_per_s": found,
        "us_per_event": {name: round(us, 1) for name, us in stages.items()},
        "cpu_us_per_event": {} if found is None else cpu_us(runs[found]),
        "heap": {"events_per_s": round(heap.events_per_s, 1), "cpu_us_per_event": heap.cpu_us},
        "tried": _told(tried),
    }


def _told(tried: Iterable[Tried]) -> list[dict[str, Any]]:
    """What was tried, for programs."""
    return [{"rate": each.rate, "behind": round(each.behind, 4), "sustained": each.sustained} for each in tried]
