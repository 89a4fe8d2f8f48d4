"""The Faust app around a worker: topics to agents, and the worker's life tied to Faust's own."""

import asyncio
import logging
import signal
from typing import Any, cast

import faust
from mode.supervisors import CrashingSupervisor
from mode.utils.queues import ThrowableQueue

from penchant.errors import PenchantError
from serving.api.liveness import watched_loop
from stream.kafka.agents import consume
from stream.kafka.consumer import WorkerConsumer, WorkerTransport
from stream.settings import WorkerSettings
from stream.worker import Worker

_BURST = 4  # times as many clicks as a batch has otherwise, if few users do them: one costs a twentieth of a list
_ITEMS_AT_ONCE = 32  # a review that comes in between waits for no more than these in the encoder's queue
_STOP_WITHIN_S = 8.0
_log = logging.getLogger(__name__)


class _Channel(ThrowableQueue[Any]):
    """A topic's events on their way to its agent; one that is slow delays no other topic.

    Over four fifths of its size Faust fetches its partitions no more. What was fetched before comes in all the same: a
    put that waited for room would block the one loop that delivers the events of all topics.
    """

    def full(self) -> bool:
        """Never."""
        return False


class WorkerApp(faust.App):
    """Starts the worker before any consumer, and stops it after."""

    logger = logging.getLogger("faust.app")  # Faust's own chatter stays under Faust's name
    worker: Worker

    async def on_first_start(self) -> None:
        """Make no directories: nothing of Faust's tables is used."""

    def FlowControlQueue(  # noqa: N802 - Faust's name
        self, maxsize: int | None = None, *, clear_on_resume: bool = False
    ) -> ThrowableQueue[Any]:
        """Make a channel's queue."""
        return _Channel(maxsize=maxsize or 0, flow_control=self.flow_control, clear_on_resume=clear_on_resume)

    async def on_start(self) -> None:
        """Connect the worker before partitions are assigned."""
        await self.worker.start()
        await super().on_start()

    async def on_shutdown(self) -> None:
        """Hang up once nothing is consumed any more."""
        await self.worker.stop()
        await super().on_shutdown()


def _build_app(settings: WorkerSettings, worker: Worker) -> WorkerApp:
    """An app that is not started yet. Call it inside the loop that will run it."""
    app = WorkerApp(
        f"{settings.keys}-worker",
        broker=[f"kafka://{server}" for server in settings.bootstrap.split(",")],
        loop=asyncio.get_running_loop(),
        store="memory://",
        cache="memory://",
        web_enabled=False,
        web_bind="127.0.0.1",
        topic_allow_declare=False,
        topic_disable_leader=True,
        reply_create_topic=False,
        agent_supervisor=CrashingSupervisor,
        broker_commit_interval=0.5,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 4,
        broker_request_timeout=max(30.0, settings.session_timeout_s),
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
        stream_buffer_maxsize=4 * settings.batch,
    )
    app.worker = worker
    transport = WorkerTransport(app.conf.broker_consumer, app, app.loop)
    transport.assignment = worker
    transport.fetch_wait_ms = settings.fetch_wait_ms
    app.transport = transport
    worker.resume = lambda: cast("WorkerConsumer", app.consumer).let_flow()
    worker.crash = app.crash
    worker.seek = lambda positions: cast("WorkerConsumer", app.consumer).go_to(positions)
    worker.reading = lambda partition: cast("WorkerConsumer", app.consumer).reading(partition)
    worker.commit_passed = lambda: cast("WorkerConsumer", app.consumer).commit_passed()
    wait_s = settings.batch_wait_ms / 1000
    user_topics = (worker.topics.clicks, worker.topics.reviews, worker.topics.commands, worker.topics.transfers)
    for topic in user_topics:
        burst = _BURST * settings.batch if topic == worker.topics.clicks else 0  # texts wait for the encoder
        consume(app, topic, worker.take_in, settings.batch, wait_s, burst)
    consume(app, worker.topics.items, worker.take_in_items, _ITEMS_AT_ONCE, wait_s)
    return app


async def run(settings: WorkerSettings, worker: Worker) -> int:
    """Run a worker until SIGTERM, SIGINT or a crash. Returns the exit code."""
    async with watched_loop(settings.loop_silent_s):
        return await _run(settings, worker)


async def _run(settings: WorkerSettings, worker: Worker) -> int:
    app = _build_app(settings, worker)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    starting = asyncio.create_task(app.start())
    waiting = [starting, asyncio.create_task(stop.wait()), asyncio.create_task(app.wait_until_stopped())]
    try:
        await asyncio.wait({starting, waiting[1]}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await asyncio.wait(set(waiting[1:]), return_when=asyncio.FIRST_COMPLETED)
        error = app.crash_reason
    except PenchantError as raised:
        error = raised
    try:
        await asyncio.wait_for(app.stop(), _STOP_WITHIN_S)
    except TimeoutError:
        _log.warning("Faust did not stop within %.0f s; leaving without it", _STOP_WITHIN_S)
    if error is None:
        return 0
    _log.error("%s", error, exc_info=None if isinstance(error, PenchantError) else error)
    return error.exit_code if isinstance(error, PenchantError) else 1
