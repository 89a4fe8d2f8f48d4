"""The Faust app beside a worker: topics to agents; started after the worker, stopped before it."""

import asyncio
import logging
import signal
from typing import Any

import faust
from faust.auth import OAuthCredentials, SASLCredentials, SSLCredentials
from faust.tables.manager import TableManager
from faust.types.auth import CredentialsT
from mode.supervisors import CrashingSupervisor
from mode.utils.queues import ThrowableQueue

from penchant.errors import PenchantError
from serving.api.liveness import watched_loop
from serving.kafka.admin import TopicLayout
from serving.kafka.brokers import Brokers
from serving.model.encoder import Encoder
from stream.kafka.agents import consume
from stream.kafka.consumer import AppConsumer, WorkerTransport
from stream.settings import WorkerSettings
from stream.wiring import build_worker
from stream.worker import Worker

_BURST = 4  # times as many clicks as a batch has otherwise, if few users do them: one costs a twentieth of a list
_LANES = 2  # more would wait for one interpreter, and each batch takes some milliseconds whatever it holds
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


class _NoTables(TableManager):
    """Faust's tables, of which there are none: it waits a second for them to be declared."""

    async def sleep(self, n: Any) -> None:
        """Go on."""


class WorkerApp(faust.App):
    """Faust without what it does beside reading: no directories, no tables."""

    logger = logging.getLogger("faust.app")  # Faust's own chatter stays under Faust's name

    async def on_first_start(self) -> None:
        """Make no directories: nothing of Faust's tables is used."""

    def FlowControlQueue(  # noqa: N802 - Faust's name
        self, maxsize: int | None = None, *, clear_on_resume: bool = False
    ) -> ThrowableQueue[Any]:
        """Make a channel's queue."""
        return _Channel(maxsize=maxsize or 0, flow_control=self.flow_control, clear_on_resume=clear_on_resume)


def _build_app(settings: WorkerSettings) -> WorkerApp:
    """An app that reads nothing yet. Call it inside the loop that will run it."""
    return WorkerApp(
        f"{settings.keys}-worker",
        broker=[f"kafka://{server}" for server in settings.bootstrap.split(",")],
        broker_credentials=_credentials(settings.brokers),
        loop=asyncio.get_running_loop(),
        store="memory://",
        cache="memory://",
        web_enabled=False,
        web_bind="127.0.0.1",
        topic_allow_declare=False,
        topic_disable_leader=True,
        reply_create_topic=False,
        agent_supervisor=CrashingSupervisor,
        TableManager=_NoTables,
        broker_commit_interval=0.5,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 4,
        broker_request_timeout=max(30.0, settings.session_timeout_s),
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
        stream_buffer_maxsize=4 * settings.batch,
    )


def _credentials(brokers: Brokers) -> CredentialsT | None:
    """What aiokafka is told of the brokers, as Faust hands it on."""
    told = brokers.of_aiokafka()
    context = told.get("ssl_context")
    if brokers.security.has_sasl and "sasl_oauth_token_provider" in told:
        return OAuthCredentials(oauth_cb=told["sasl_oauth_token_provider"], ssl_context=context)
    if brokers.security.has_sasl:
        return SASLCredentials(
            username=told["sasl_plain_username"],
            password=told["sasl_plain_password"],
            ssl_context=context,
            mechanism=told["sasl_mechanism"],
        )
    return SSLCredentials(context) if brokers.security.has_tls else None


def _connect(app: WorkerApp, worker: Worker, settings: WorkerSettings) -> None:
    """Have the app read a worker's topics, and ask the worker where."""
    apart_s = settings.batch_wait_ms / 1000  # of batches, and so of fetches: what came sooner would only wait here
    app.transport = WorkerTransport(app, worker.assignment, settings.fetch_wait_ms, apart_s)
    topics, handlers = settings.topics, worker.handlers
    for topic in (topics.clicks, topics.reviews, topics.commands, topics.transfers):
        burst = _BURST * settings.batch if topic == topics.clicks else 0  # texts wait for the encoder
        consume(app, topic, handlers.take_in, settings.batch, apart_s, burst, _LANES)
    consume(app, topics.items, handlers.take_in_items, _ITEMS_AT_ONCE, apart_s)


async def run(settings: WorkerSettings, encoder: Encoder, layout: TopicLayout) -> int:
    """Run a worker until SIGTERM, SIGINT or a crash. Returns the exit code."""
    async with watched_loop(settings.loop_silent_s):
        return await _run(settings, encoder, layout)


async def _run(settings: WorkerSettings, encoder: Encoder, layout: TopicLayout) -> int:
    app = _build_app(settings)
    worker = build_worker(settings, encoder, layout, AppConsumer(app), app.crash)
    _connect(app, worker, settings)

    async def start() -> None:
        await worker.start()
        await app.start()

    async def end() -> None:
        await app.stop()
        await worker.stop()

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    starting = asyncio.create_task(start())
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
        await asyncio.wait_for(end(), _STOP_WITHIN_S)
    except TimeoutError:
        _log.warning("Faust did not stop within %.0f s; leaving without it", _STOP_WITHIN_S)
    if error is None:
        return 0
    _log.error("%s", error, exc_info=None if isinstance(error, PenchantError) else error)
    return error.exit_code if isinstance(error, PenchantError) else 1
