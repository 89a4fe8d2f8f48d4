"""What Faust is made to do: channels between the consumer and the agents, and the consumer itself."""

import asyncio

import pytest
from faust.exceptions import ConsumerNotStarted
from faust.types import TP
from mode.utils.queues import FlowControlEvent

from stream.app import WorkerApp
from stream.kafka.consumer import WorkerConsumer, WorkerTransport
from stream.testing import TOPICS
from tests.support.open_assignment import OpenAssignment


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
    app.transport = WorkerTransport(app, OpenAssignment())
    consumer = app.consumer
    assert isinstance(consumer, WorkerConsumer)

    consumer.let_flow()

    with pytest.raises(ConsumerNotStarted):
        consumer.assignment()
    consumer._thread.thread_loop.close()  # made with the thread, and closed by it, had it run
