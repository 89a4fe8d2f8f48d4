"""What an agent takes along with a micro-batch: what waits in its channel already."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from faust.events import Event
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from penchant.errors import Unavailable
from stream.app import WorkerApp
from stream.kafka.agents import batch, consume
from stream.kafka.consumer import WorkerTransport
from stream.testing import TOPICS
from tests.support.open_assignment import OpenAssignment
from tests.support.waiting import slowness

CLICKS = TP(TOPICS.clicks, 0)


@pytest.fixture
async def app() -> AsyncIterator[WorkerApp]:
    """An app that is not started, whose consumer was made."""
    made = WorkerApp("test-worker", loop=asyncio.get_running_loop(), store="memory://", web_enabled=False)
    made.transport = WorkerTransport(made, OpenAssignment())
    made.topics.acking_topics.add(TOPICS.clicks)
    made.flow_control.resume()
    yield made
    consumer: Any = made.consumer
    consumer._thread.thread_loop.close()  # made with the thread, and closed by it, had it run


def now(app: WorkerApp) -> int:
    """The generation of events that came since the last rebalance."""
    return int(app.consumer_generation_id)


def came(app: WorkerApp, offset: int, generation: int = 0, tp: TP = CLICKS) -> Event:
    """A click of an offset."""
    message: Any = ConsumerMessage(
        tp.topic,
        tp.partition,
        offset,
        timestamp=0.0,
        timestamp_type=0,
        headers=[],
        key=b"u1",
        value=b"{}",
        checksum=None,
        tp=tp,
        generation_id=generation,
    )
    return Event(app, b"u1", b"{}", {}, message)


def clicks(app: WorkerApp) -> Any:
    """A stream of clicks whose channel is empty. Any: StreamT does not know of its channel's queue."""
    return app.stream(app.topic(TOPICS.clicks, key_type=bytes, value_type=bytes))


def offsets(events: list[Any]) -> list[int]:
    return [event.message.offset for event in events]


async def test_what_waits_in_the_channel_is_taken_in_order_and_is_to_be_acknowledged(app: WorkerApp) -> None:
    """Given events in a channel, some of before a rebalance, then the others come in order, noted as unacknowledged."""
    stream = clicks(app)
    for offset in range(5):
        stream.channel.queue.put_nowait(came(app, offset, generation=-7 if offset in {0, 2} else now(app)))

    taken = await batch(app, stream.channel.queue, 10)

    assert offsets(taken) == [1, 3, 4]
    assert sorted(message.offset for message in app.consumer.unacked) == [1, 3, 4]
    assert stream.channel.queue.empty()


async def test_no_more_is_taken_than_asked_for(app: WorkerApp) -> None:
    stream = clicks(app)
    for offset in range(5):
        stream.channel.queue.put_nowait(came(app, offset, now(app)))

    assert offsets(await batch(app, stream.channel.queue, 2)) == [0, 1]
    assert stream.channel.queue.qsize() == 3


async def test_a_burst_of_few_users_is_taken_further(app: WorkerApp) -> None:
    """Given events of one user, then four times as many come at once as of many."""
    stream = clicks(app)
    for offset in range(10):
        stream.channel.queue.put_nowait(came(app, offset, now(app)))

    assert offsets(await batch(app, stream.channel.queue, 2, burst=8)) == list(range(8))


async def test_nothing_but_the_past_makes_an_empty_batch(app: WorkerApp) -> None:
    stream = clicks(app)
    stream.channel.queue.put_nowait(came(app, 0, generation=-7))

    assert await batch(app, stream.channel.queue, 10) == []


async def test_a_first_event_is_handled_at_once_and_later_ones_together(app: WorkerApp) -> None:
    """Given batches that begin far apart, then the first event waits for nothing, and what follows comes together."""
    handled: list[list[int]] = []
    done = asyncio.Semaphore(0)

    async def handle(records: Any) -> None:
        handled.append([record.offset for record in records])
        done.release()

    apart_s = 0.5 * slowness()
    consume(app, TOPICS.clicks, handle, most=10, apart_s=apart_s)
    agent: Any = app.agents[TOPICS.clicks]
    stream = agent.stream()
    running = asyncio.create_task(agent.fun(stream))
    try:
        began_s = time.monotonic()
        stream.channel.queue.put_nowait(came(app, 0, now(app)))
        await done.acquire()
        first_s = time.monotonic() - began_s
        for offset in (1, 2):
            stream.channel.queue.put_nowait(came(app, offset, now(app)))
        await done.acquire()
        second_s = time.monotonic() - began_s
    finally:
        running.cancel()

    assert handled == [[0], [1, 2]]
    assert first_s < apart_s <= second_s


async def test_partitions_of_another_lane_do_not_wait_and_an_error_comes_out_as_it_is(app: WorkerApp) -> None:
    """Given a batch that waits, then another lane's events are handled meanwhile; what one raises ends both."""
    handled = asyncio.Queue[int]()
    goes_on, ended = asyncio.Event(), list[str]()

    async def handle(records: Any) -> None:
        number = records[0].partition
        handled.put_nowait(number)
        if number == 1:
            raise Unavailable("the store has gone")
        try:
            await goes_on.wait()
        except asyncio.CancelledError:
            ended.append("waiting")
            raise

    consume(app, TOPICS.clicks, handle, most=10, apart_s=0.0, lanes=2)
    agent: Any = app.agents[TOPICS.clicks]
    stream = agent.stream()
    running = asyncio.create_task(agent.fun(stream))
    for partition in (0, 2):  # the second waits behind the first
        stream.channel.queue.put_nowait(came(app, 0, now(app), TP(TOPICS.clicks, partition)))
    assert await handled.get() == 0
    stream.channel.queue.put_nowait(came(app, 0, now(app), TP(TOPICS.clicks, 1)))

    with pytest.raises(Unavailable):
        await running
    assert (handled.get_nowait(), handled.empty(), ended) == (1, True, ["waiting"])


async def test_a_record_is_delivered_at_once_while_the_flow_is_on(app: WorkerApp) -> None:
    """Given a loop that is busy, then a delivery that nothing holds up waits for none of its turns."""
    consumer: Any = app.consumer
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def deliver() -> None:
        delivered.append(turns)

    delivered: list[int] = []
    busy = asyncio.create_task(others())
    await asyncio.sleep(0)
    before = turns
    for _ in range(10):
        await consumer.wait_first(deliver(), consumer.suspend_flow.wait())
    assert delivered == [before] * 10
    busy.cancel()


async def test_a_delivery_is_given_up_when_the_flow_is_suspended(app: WorkerApp) -> None:
    """Faust suspends the flow for a rebalance: what is being delivered must not hold it up."""
    consumer: Any = app.consumer
    never = asyncio.Event()
    consumer.suspend_flow.set()

    async def deliver() -> None:
        await never.wait()

    await asyncio.wait_for(consumer.wait_first(deliver(), consumer.suspend_flow.wait()), 60)
