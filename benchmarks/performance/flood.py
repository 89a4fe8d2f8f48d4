"""Everything at once: how fast a heap of events is worked off, and what an event costs then."""

from dataclasses import dataclass

import msgspec
import numpy as np

from benchmarks.performance.load.plan import Plan
from benchmarks.performance.options import Bar
from benchmarks.performance.run_figures import cpu_us
from benchmarks.performance.systems.local_system import MeasuredSystem
from benchmarks.performance.watched import watched

_PATIENCE_S, _QUIET_S = 120.0, 3.0  # a list names 256 events at most: the rest of a user's are in none
_LINGER_MS = 50  # the embedded broker slows down with every batch that lies on a partition, so few large ones
_AT_ONCE = 50_000.0  # events a second: as fast as they can be sent


@dataclass(frozen=True)
class Flood:
    """Events a second between the first tenth and the last, and microseconds of CPU an event by role."""

    events_per_s: float
    cpu_us: dict[str, float]


def flood(system: MeasuredSystem, plan: Plan, events: int, bar: Bar = lambda *_: None) -> Flood:
    """Send so many events at once, and wait until all were answered."""
    heap = msgspec.structs.replace(
        plan,
        rate=_AT_ONCE,
        seconds=events / _AT_ONCE,
        warm_up_s=0.0,
        fixed=True,
        patience_s=_PATIENCE_S,
        quiet_s=_QUIET_S,
        linger_ms=_LINGER_MS,
    )
    run = watched(system, heap, bar)
    seen_s = np.sort(run.seen_s[~np.isnan(run.seen_s)])
    some = seen_s[len(seen_s) // 10 : len(seen_s) - len(seen_s) // 10]
    took_s = float(some[-1] - some[0]) if len(some) > 1 else 0.0
    return Flood(len(some) / took_s if took_s else 0.0, cpu_us(run))
