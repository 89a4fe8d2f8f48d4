"""Partitions are taken in beside each other, and each by one at a time."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest

from penchant.errors import Unavailable
from penchant.partitioner import partition_of
from stream.events.outgoing import Outgoing
from stream.events.records import Record
from stream.handlers import process_beside
from stream.pipeline import Pipeline
from stream.processing.effects import LiveEffects
from stream.processing.partition_locks import PartitionLocks
from stream.testing import TOPICS
from tests.support.pipeline import FakeWorker, click, named

HERE, THERE = (next(f"u{n}" for n in range(99) if partition_of(f"u{n}", 2) == number) for number in range(2))


class _HeldLog:
    """The worker's log; lists of partition 0 are acknowledged once they may be. raises: instead of that."""

    def __init__(self, worker: FakeWorker, raises: Exception | None = None) -> None:
        self._log = worker.log
        self._raises = raises
        self.may = asyncio.Event()
        self.sent = asyncio.Event()

    async def send(self, records: Sequence[Outgoing]) -> None:
        if any(each.topic == TOPICS.recommendations and each.partition == 0 for each in records):
            if self._raises is not None:
                raise self._raises
            await self.may.wait()
        await self._log.send(records)
        if any(each.topic == TOPICS.recommendations for each in records):
            self.sent.set()


async def _on_two_partitions(raises: Exception | None = None) -> tuple[FakeWorker, Pipeline, _HeldLog]:
    worker = FakeWorker(partitions=2)
    await worker.acquires(0, 1)
    log = _HeldLog(worker, raises)
    effects = replace(cast("LiveEffects", worker.pipeline.effects), log=log)
    return worker, replace(worker.pipeline, effects=effects), log


def _came(pipeline: Pipeline, records: Sequence[Record]) -> "asyncio.Task[object]":
    return asyncio.create_task(process_beside(pipeline, records, pipeline.leases(records)))


def _click(offset: int, user: str) -> Record:
    return replace(click(offset, user=user), partition=partition_of(user, 2))


MANY = [_click(n, user) for n in range(40) for user in (HERE, THERE)]


async def test_a_partition_whose_lists_are_not_acknowledged_holds_no_other() -> None:
    worker, pipeline, log = await _on_two_partitions()
    first = _came(pipeline, MANY)
    await log.sent.wait()
    assert [each.user_id for each in worker.log.lists()] == [THERE]
    assert not first.done()
    log.may.set()
    assert await first == []
    assert [each.user_id for each in worker.log.lists()] == [THERE, HERE]


async def test_the_same_partition_waits_for_its_turn() -> None:
    worker, pipeline, log = await _on_two_partitions()
    came = [_came(pipeline, [_click(n, HERE)]) for n in range(2)]
    await process_beside(pipeline, [_click(0, THERE)], pipeline.leases([_click(0, THERE)]))
    assert worker.store.lease(0).offsets == {TOPICS.clicks: 1}  # the second waits until the first one's list is out
    log.may.set()
    await asyncio.gather(*came)
    assert [named(each) for each in worker.log.lists() if each.user_id == HERE] == [["c-0"], ["c-1"]]


async def test_what_stops_a_worker_is_told_as_it_is() -> None:
    _, pipeline, _ = await _on_two_partitions(raises=Unavailable("the broker is away"))
    with pytest.raises(Unavailable, match="the broker is away"):
        await _came(pipeline, MANY)


async def test_locks_are_taken_in_the_same_order_by_all() -> None:
    locks, held = PartitionLocks(), list[set[int]]()

    async def hold(numbers: set[int]) -> None:
        async with locks.hold(numbers):
            assert all(numbers.isdisjoint(others) for others in held)
            held.append(numbers)
            await asyncio.sleep(0)
            held.remove(numbers)

    await asyncio.gather(*[hold({n % 3, (n * 2 + 1) % 3}) for n in range(30)])
    assert held == []
