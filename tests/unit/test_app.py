"""Channels between the consumer and the agents."""

import asyncio

from faust.types import TP
from mode.utils.queues import FlowControlEvent

from stream.app import WorkerApp
from stream.testing import TOPICS


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
