"""Minutes of a steady load on a system that nobody breaks: is the memory of worker and Redis flat, and the lag?"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

import numpy as np
import psutil
import redis
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.faults.load import steady_load
from tests.faults.load_sender import PLAIN
from tests.faults.scenario import Environment, Scenario, open_scenario
from tests.support.system import WorkerProcess
from tests.support.waiting import until

EVERY_S = 10.0
USERS = 200  # each has a full ring, 64 dedup ids and 8 texts after about three minutes
MIB = 2**20
FLAT_WORKER, FLAT_STORE = 1.0, 0.2  # MiB a minute: more is taken for growth


@dataclass(frozen=True)
class Sample:
    """One look. `lag`: events that were sent and are not in a list yet."""

    minute: float
    worker_mib: float
    store_mib: float
    lag: int


@dataclass(frozen=True)
class Steady:
    """What was seen. Slopes in MiB a minute, over the last 70 % of the time, when the users' states are full."""

    rate: float
    minutes: float
    samples: Sequence[Sample]
    lost: int

    @property
    def settled(self) -> list[Sample]:
        """The last 70 % of the looks."""
        return list(self.samples[len(self.samples) * 3 // 10 :])

    @property
    def worker_slope(self) -> float:
        """Of the worker's resident memory."""
        return _slope([(each.minute, each.worker_mib) for each in self.settled])

    @property
    def store_slope(self) -> float:
        """Of Redis' `used_memory`."""
        return _slope([(each.minute, each.store_mib) for each in self.settled])

    @property
    def lag_slope(self) -> float:
        """Of the lag, events a minute."""
        return _slope([(each.minute, float(each.lag)) for each in self.settled])

    @property
    def flat(self) -> bool:
        """Nothing grows: memory by the bounds above, the lag by no more than a second's events in the whole time."""
        grown = self.lag_slope * self.minutes
        return self.worker_slope <= FLAT_WORKER and self.store_slope <= FLAT_STORE and grown <= self.rate

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        slopes = {"worker_mib_per_min": self.worker_slope, "store_mib_per_min": self.store_slope}
        return asdict(self) | slopes | {"lag_per_min": self.lag_slope, "flat": self.flat}

    def last_line(self) -> str:
        """What it comes to."""
        words = f"steady: {self.minutes:g} min at {self.rate:g} events/s, {self.lost} lost; over the last 70 % of it"
        words += f" the worker's memory {self.worker_slope:+.2f} MiB/min, Redis {self.store_slope:+.3f} MiB/min,"
        return f"{words} lag {self.lag_slope:+.1f} events/min: {'flat' if self.flat else 'NOT FLAT'}"


def steady(environment: Environment, prefix: str, rate: float, minutes: float) -> Steady:
    """Run it."""
    load = steady_load(1, round(rate * minutes * 60), USERS)
    folder = environment.folder / prefix
    folder.mkdir()
    samples: list[Sample] = []
    with open_scenario(environment, prefix, folder, load, Random(1)) as scenario:
        (worker,) = scenario.start_workers()
        scenario.mix = PLAIN  # so that the lag is the worker's
        scenario.start_load(rate=rate)
        began = time.monotonic()
        looks = int(minutes * 60 / EVERY_S)
        console = Console(stderr=True)
        for number in track(range(looks), "steady load", console=console, disable=not console.is_terminal):
            until(lambda at=began + (number + 1) * EVERY_S: _look(scenario, at), EVERY_S + 5)  # type: ignore[misc]
            samples.append(_sample(scenario, worker, (time.monotonic() - began) / 60))
        scenario.finish_load()
        until(scenario.all_named, 30)
        lost = len(load.names() - scenario.watcher.named)
    return Steady(rate, minutes, samples, lost)


def print_steady(seen: Steady) -> None:
    """A line a minute."""
    table = Table()
    for name in ("minute", "worker, MiB", "Redis, MiB", "lag, events"):
        table.add_column(name, justify="right")
    for each in seen.samples[int(60 / EVERY_S) - 1 :: int(60 / EVERY_S)]:
        table.add_row(f"{each.minute:.0f}", f"{each.worker_mib:.1f}", f"{each.store_mib:.2f}", str(each.lag))
    Console().print(table)


def _look(scenario: Scenario, until_s: float) -> bool:
    """Read on, as a consumer of the lists does, until it is time."""
    scenario.watcher.look()
    return time.monotonic() >= until_s


def _sample(scenario: Scenario, worker: WorkerProcess, minute: float) -> Sample:
    with redis.Redis.from_url(scenario.system.redis_url) as client:
        used: int = client.info("memory")["used_memory"]
    resident = psutil.Process(worker.child.pid).memory_info().rss
    lag = scenario.senders[-1].sent - len(scenario.watcher.look().named)
    return Sample(round(minute, 2), round(resident / MIB, 2), round(used / MIB, 3), lag)


def _slope(points: list[tuple[float, float]]) -> float:
    if len(points) < 2:
        return 0.0
    minutes, values = zip(*points, strict=True)
    return round(float(np.polyfit(minutes, values, 1)[0]), 4)
