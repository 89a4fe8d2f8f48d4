"""`python -m tests.support.speed_ratio REDIS PREFIX`: CPU of an event in the pipeline and in the naive agent, in turns.

A process of its own, as OpenBLAS reads how many threads it may have when it is loaded: with one, as a worker sets it.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import redis.asyncio as redis

from benchmarks.performance.load.workload import Workload, messages
from benchmarks.performance.ranking.warm_ranker import WarmRanker, warm_ranker
from benchmarks.performance.systems.naive_agent import NaiveInterests
from penchant.messages import CoVisits
from serving.state.user_state import Vector
from stream.events.outgoing import Outgoing
from stream.events.records import Record
from stream.processing.lists import Lists
from stream.store.base import Retention
from stream.store.redis import Store
from stream.testing import TOPICS, MemoryLog, MemoryStore, memory_pipeline
from tests.support.pipeline import with_parts

ROUND, WARM_ROUNDS, ROUNDS = 64, 6, 15
ITEMS = 10_000

Turn = Callable[[Sequence[bytes]], Awaitable[None]]


@dataclass
class StatisticsLog:
    """A log that hands co-visits to the item statistics, as a worker's follower does."""

    warm: WarmRanker

    async def send(self, records: Sequence[Outgoing]) -> None:
        for record in records:
            if record.topic == TOPICS.covisits and record.value is not None:
                self.warm.statistics.apply(msgspec.json.decode(record.value, type=CoVisits))


async def pipeline_turn(warm: WarmRanker, url: str, prefix: str) -> Turn:
    """Decode, load, fold, save, rank and make the lists of a batch of clicks."""
    now_ms = time.time_ns() // 1_000_000
    store = Store(url, prefix, warm.catalogue.fingerprint, {TOPICS.clicks: "one"}, Retention(86_400))
    await store.acquire(0)
    pipeline = with_parts(
        memory_pipeline(MemoryStore(), MemoryLog(), {}, clock=lambda: now_ms),
        store=store,
        log=StatisticsLog(warm),
        ranker=lambda _, states: warm.ranker.rank_many(states, 20),
        lists=Lists(TOPICS, warm.catalogue.fingerprint, 86_400_000),
        items=warm.catalogue.vector,
        fingerprint=warm.catalogue.fingerprint,
    )
    offsets: Iterator[int] = iter(range(10**9))

    async def turn(events: Sequence[bytes]) -> None:
        records = [
            Record(TOPICS.clicks, 0, next(offsets), now_ms, msgspec.json.decode(event)["user_id"].encode(), event)
            for event in events
        ]
        done, refused = await pipeline.process(records)
        assert (len(done), refused) == (len(events), [])

    return turn


def naive_turn(warm: WarmRanker, store: object) -> Turn:
    def no_texts(_: str) -> Vector:
        raise TypeError("only clicks are sent")

    interests = NaiveInterests(store, warm.catalogue.vectors, 20, no_texts)

    async def turn(events: Sequence[bytes]) -> None:
        for event in events:
            await interests.answer(event)

    return turn


async def cpu_us(turn: Turn, events: Sequence[bytes]) -> float:
    began = time.process_time_ns()
    await turn(events)
    return (time.process_time_ns() - began) / 1000 / len(events)


async def measure(url: str, prefix: str) -> dict[str, float]:
    """Medians of rounds, in microseconds an event."""
    warm = warm_ranker(ITEMS, users=2000, events=2000)
    events = [each.value for each in messages(Workload(items=ITEMS), "r", (WARM_ROUNDS + ROUNDS) * ROUND)]
    took = []
    async with redis.Redis.from_url(url) as client:
        turns = (naive_turn(warm, client), await pipeline_turn(warm, url, prefix))
        for start in range(0, len(events), ROUND):
            some = events[start : start + ROUND]
            took.append([await cpu_us(turn, some) for turn in turns])
    naive, pipeline = np.median(took[WARM_ROUNDS:], axis=0).tolist()
    return {"naive": naive, "pipeline": pipeline}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(*sys.argv[1:]))))
