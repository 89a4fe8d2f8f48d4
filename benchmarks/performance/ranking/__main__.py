"""`python -m benchmarks.performance.ranking ITEMS USERS EVENTS SECONDS K`: one size, printed as a line of JSON.

Times are of the CPU (all threads of the process), so that what else the machine does counts little; each is the median
of many rounds.
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil

from benchmarks.performance.load.workload import item_id
from benchmarks.performance.ranking.warm_ranker import WarmRanker, warm_ranker
from serving.ranking.ranker import TOP
from serving.state.user_state import UserState, decode, encode

_BATCH = 64
_ASKED = 200  # users whose lists are compared with an exact pass
_TIE = 1e-4  # points that differ by less are a tie


def measure(items: int, users: int, events: int, seconds: float, k: int) -> dict[str, Any]:
    """The figures of one size."""
    warm_ranker(200, 50, 400).ranker.rank_many([UserState()], k)  # what is compiled and loaded is no item's
    gc.collect()
    process = psutil.Process()
    before = process.memory_info().rss
    began = time.perf_counter()
    warm = warm_ranker(items, users, events)
    gc.collect()
    bytes_per_item = (process.memory_info().rss - before - _bytes_of_users(warm)) / items
    built_s = time.perf_counter() - began
    random = np.random.default_rng(5)
    came = tuple(warm.users)  # whoever has many events comes often

    def some(count: int) -> list[UserState]:
        return [warm.states[came[n]] for n in random.integers(len(came), size=count)]

    def update(user: str) -> None:
        state = decode(encode(warm.states[user], warm.catalogue.fingerprint), warm.catalogue.fingerprint)
        warm.fold(state, user, item_id(int(random.integers(items))))

    batch_us = median_us(lambda: some(_BATCH), lambda batch: warm.ranker.rank_many(batch, k), seconds)
    return {
        "update_us": median_us(lambda: came[int(random.integers(len(came)))], update, seconds / 4),
        "rank_us": batch_us / _BATCH,
        "rank_alone_us": median_us(lambda: some(1), lambda batch: warm.ranker.rank_many(batch, k), seconds),
        "recall10_vs_exact": recall(warm, some(_ASKED), k),
        "bytes_per_item": bytes_per_item,
        "statistics_us": warm.statistics_s / max(events, 1) * 1e6,
        "built_s": built_s,
    }


def recall(warm: WarmRanker, states: list[UserState], k: int) -> float:
    """Of the ten items with the most points, by a pass over all of them, how many are a list's first ten. Mean."""
    shares = []
    for state, ranking in zip(states, warm.ranker.rank_many(states, k), strict=True):
        points = warm.ranker.points(state)
        tenth = np.partition(points, -TOP)[-TOP] - _TIE
        rows = [warm.catalogue.row(item.item_id) for item in ranking.items[:TOP]]
        shares.append(float((points[rows] >= tenth).sum()) / TOP)
    return float(np.mean(shares))


def median_us(given: Callable[[], Any], run: Callable[[Any], object], seconds: float) -> float:
    """Of one call, in microseconds of CPU; what it is given is made beforehand."""
    for _ in range(3):
        run(given())
    took: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(took) < 5:
        argument = given()
        began = time.process_time_ns()
        run(argument)
        took.append((time.process_time_ns() - began) / 1000)
    return float(np.median(took))


def _bytes_of_users(warm: WarmRanker) -> int:
    """About what their states take: as their records in Redis."""
    return sum(len(encode(state, warm.catalogue.fingerprint)) for state in warm.states.values())


if __name__ == "__main__":
    items, users, events, seconds, k = sys.argv[1:]
    print(json.dumps(measure(int(items), int(users), int(events), float(seconds), int(k))))
