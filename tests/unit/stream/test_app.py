"""What Faust is made to do: channels between the consumer and the agents, and the consumer itself."""

import asyncio
from typing import cast

import pytest
from faust.exceptions import ConsumerNotStarted
from faust.types import TP
from mode.utils.queues import FlowControlEvent

from stream.app import WorkerApp
from stream.kafka.assignment import Consumer, Partitions
from stream.kafka.consumer import WorkerConsumer, WorkerTransport
from stream.store.pending_index import PendingIndex
from stream.store.redis import Store
from stream.testing import TOPICS, MemoryStore


async def test_a_channel_over_its_size_stops_its_partition_and_not_the_others() -> None:
    """Faust waits for room in a channel that is full, in the one loop that serves all topics."""
    app = WorkerApp("test-worker", loop=asyncio.get_running_loop(), store="memory://", web_enabled=False)
    app.flow_control = FlowControlEvent()
    app.flow_control.resume()
    channel = app.FlowControlQueue(maxsize=10, clear_on_resume=True)
    paused: list[TP] = []
    resumed: list[TP] = []
    items = TP(TOPICS.items, 0)

    def pause() -> None:
        paused.append(items)

    def resume() -> None:
        resumed.append(items)

    for number in range(30):
        assert not channel.full()
        channel.put_nowait_enhanced(number, on_pressure_high=pause, on_pressure_drop=resume)
    assert (paused, resumed) == ([items], [])
    assert [await channel.get() for _ in range(30)] == list(range(30))
    assert resumed == [items]


async def test_user_topics_may_be_let_flow_before_the_consumer_has_started() -> None:
    """Items may be known sooner than the consumer's thread runs; it holds nothing back then."""
    app = WorkerApp("test-worker", loop=asyncio.get_running_loop(), store="memory://", web_enabled=False)
    transport = WorkerTransport(app.conf.broker_consumer, app, app.loop)
    transport.assignment = _Open()
    app.transport = transport
    consumer = app.consumer
    assert isinstance(consumer, WorkerConsumer)

    consumer.let_flow()

    with pytest.raises(ConsumerNotStarted):
        consumer.assignment()
    consumer._thread.thread_loop.close()  # made with the thread, and closed by it, had it run


class _Open:
    """An assignment whose topics may flow."""

    open = True
    partitions = Partitions(
        TOPICS, cast("Store", MemoryStore()), PendingIndex(), cast("Consumer", None), session_timeout_s=10.0
    )

    async def give_back(self) -> None:
        """Nothing is owned."""

    async def begin(self, assigned: set[TP]) -> dict[TP, int | None]:
        return {}
