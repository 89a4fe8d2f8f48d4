"""What the consumer hands out, whatever becomes of a fetch: nothing is passed over or asked for in vain."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import uvloop
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from serving.kafka.asynchronous import FetchedRecord
from stream.app import WorkerApp
from stream.kafka.consumer import WorkerConsumer, WorkerTransport
from stream.testing import TOPICS
from tests.support.open_assignment import OpenAssignment

REVIEWS = TP(TOPICS.reviews, 1)


class Client:
    """aiokafka's consumer as far as a fetch needs it: one partition, with records at some offsets of a log."""

    _subscription: Any

    def __init__(self, *offsets: int) -> None:
        self.offsets = list(offsets)
        self.at_once = 100
        self.state = SimpleNamespace(position=0, has_valid_position=True)
        self.assign()

    def assign(self) -> None:
        """As a rebalance does."""
        assignment = SimpleNamespace(tps={REVIEWS}, state_value=lambda _: self.state)
        self._subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))

    def assignment(self) -> set[TP]:
        return {REVIEWS}

    def seek(self, _: TP, offset: int) -> None:
        self.state.position = offset

    def take(self) -> dict[TP, list[Any]]:
        """Give records out, and move on; behind the last one there are markers."""
        some = [offset for offset in self.offsets if offset >= self.state.position][: self.at_once]
        self.state.position = some[-1] + 1 if some else max(self.offsets, default=-1) + 3
        record = (REVIEWS.topic, REVIEWS.partition)
        return {REVIEWS: [FetchedRecord(*record, n, 0, 0, b"u", b"{}", None, 1, 2, ()) for n in some]} if some else {}


@pytest.fixture
async def consumer() -> AsyncIterator[WorkerConsumer]:
    app = WorkerApp("test-worker", loop=asyncio.get_running_loop(), store="memory://", web_enabled=False)
    app.transport = WorkerTransport(app, OpenAssignment())
    made = cast("WorkerConsumer", app.consumer)
    yield made
    cast("Any", made._thread).thread_loop.close()


def over(consumer: WorkerConsumer, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a consumer read through a client, from offset 0 on."""
    thread = cast("Any", consumer._thread)

    async def fetched(*_: object, **__: object) -> dict[TP, list[Any]]:
        return client.take()

    async def getmany(*_: object) -> Any:
        return await thread._fetch_records(client)

    async def seek(partition: TP, offset: int) -> None:
        thread.seek(partition, offset)

    monkeypatch.setattr(AIOKafkaConsumerThread, "_fetch_records", fetched)
    monkeypatch.setattr(thread, "getmany", getmany)
    monkeypatch.setattr(thread, "_ensure_consumer", lambda: client)
    monkeypatch.setattr(consumer, "_seek", seek)  # the thread's loop does not run here
    consumer._follows[REVIEWS] = 0


async def handed_out(consumer: WorkerConsumer, fetches: int = 3) -> list[tuple[int, int | None]]:
    """What came in some fetches: offsets, and where the record before ended."""
    came = [await consumer._getmany(None, 1.0) for _ in range(fetches)]
    return [(record.offset, record.checksum) for records in came for record in records.get(REVIEWS, ())]


async def test_fetches_run_on_the_loop_that_costs_less(consumer: WorkerConsumer) -> None:
    assert isinstance(cast("Any", consumer._thread).thread_loop, uvloop.Loop)


async def test_where_reading_stands_is_known_after_each_fetch(
    consumer: WorkerConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given markers behind the last record, then the position moves on, and the last record stays."""
    over(consumer, Client(0, 1, 4, 5), monkeypatch)

    stands = []
    for _ in range(3):
        await consumer._getmany(None, 1.0)
        stands.append((consumer.reading(REVIEWS).position, consumer.reading(REVIEWS).last))

    assert stands == [(6, 5), (8, 5), (8, 5)]


async def test_records_follow_each_other(consumer: WorkerConsumer, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(0, 1, 4, 5)
    over(consumer, client, monkeypatch)

    assert await handed_out(consumer) == [(0, 0), (1, 1), (4, 2), (5, 5)]


@pytest.mark.parametrize("then", [(0, 1, 4, 5), (0, 1, 4, 5, 8)])
async def test_what_a_fetch_took_that_was_given_up_is_read_again(
    consumer: WorkerConsumer, monkeypatch: pytest.MonkeyPatch, then: tuple[int, ...]
) -> None:
    """Given a fetch that a rebalance gave up, when it ends all the same, then its records come, more of them or not."""
    client = Client(0, 1, 4, 5)
    over(consumer, client, monkeypatch)
    await cast("Any", consumer._thread)._fetch_records(client)
    client.offsets = list(then)

    assert [offset for offset, _ in await handed_out(consumer)] == list(then)


async def test_a_fetch_that_was_given_up_may_end_during_the_next(
    consumer: WorkerConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(0, 1, 4, 5, 8)
    client.at_once = 2
    over(consumer, client, monkeypatch)
    thread = cast("Any", consumer._thread)
    before = thread.getmany

    async def with_another(*_: object) -> Any:
        await thread._fetch_records(client)
        monkeypatch.setattr(thread, "getmany", before)
        return await before()

    monkeypatch.setattr(thread, "getmany", with_another)

    assert [offset for offset, _ in await handed_out(consumer, 5)] == [0, 1, 4, 5, 8]


async def test_a_partition_that_begins_where_the_group_stands_is_read_from_the_store_on(
    consumer: WorkerConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a last commit of its owner before that came late, then the client's own look at it does not count."""
    client = Client(0, 1, 4, 5)
    over(consumer, client, monkeypatch)
    client.assign()
    client.state.position = 4

    assert [offset for offset, _ in await handed_out(consumer)] == [0, 1, 4, 5]


async def test_markers_are_no_reason_to_read_again(
    consumer: WorkerConsumer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(0, 1)
    over(consumer, client, monkeypatch)
    caplog.set_level("INFO")

    assert [offset for offset, _ in await handed_out(consumer)] == [0, 1]
    client.offsets += [7, 8]
    assert await handed_out(consumer) == [(7, 2), (8, 8)]
    assert "given up" not in caplog.text
