"""The life of the API process; `python -m deploy.api` puts it together."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import redis.asyncio as redis
from aiohttp import web
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from penchant.errors import Misconfigured, PenchantError, Refused, Unavailable
from penchant.kafka.reachable import check_reachable
from serving.api.access import check_reachable_by_others
from serving.api.application import Admission, add_page, application
from serving.api.dependencies import PROBE_TIMEOUT_S, Dependencies
from serving.api.followed.views import Views
from serving.api.health import serve
from serving.api.keys import KeyFile
from serving.api.liveness import watched_loop
from serving.api.ondemand.on_first_use import OnFirstUse
from serving.api.ondemand.port import OnDemand
from serving.api.ondemand.warming import Warming
from serving.api.operator.dead_letters import DeadLetterBox
from serving.api.outbox import Outbox
from serving.api.requests import NoHttp
from serving.api.routes.histories import HistoryRoutes
from serving.api.routes.interests import InterestRoutes
from serving.api.routes.items_shown import ShownItemRoutes
from serving.api.routes.operator import OperatorRoutes
from serving.api.routes.page import PageRoutes
from serving.api.routes.streams import StreamRoutes
from serving.api.settings import ApiSettings
from serving.api.shown.item_map import ItemMap
from serving.api.shown.past_events import Shown
from serving.api.stored_users import StoredUsers
from serving.configuration.setting_errors import origin, unknown_variables
from serving.connections import Connections
from serving.redis.answers import asked
from serving.redis.clients import client_of
from serving.terminal.printable import lines_shown, tolerant_streams


@dataclass(frozen=True, slots=True)
class Parts:
    """What others do for the API.

    make_on_demand: for the first request that needs it, told after how much silence lists are stale. box_of: of dead
    letters.
    """

    make_on_demand: Callable[[float], OnDemand]
    box_of: Callable[[Connections], DeadLetterBox]


async def _run(settings: ApiSettings, on_demand: OnDemand, box: DeadLetterBox) -> None:
    """Serve until SIGTERM or SIGINT. Raises `Misconfigured` if store or broker is missing, or the port is taken."""
    keys = KeyFile(settings.api_keys) if settings.api_keys is not None else None
    check_reachable_by_others(settings.api_host, keys)
    store = client_of(settings.redis, PROBE_TIMEOUT_S)
    broker = AIOKafkaClient(**settings.brokers.of_aiokafka(), request_timeout_ms=int(PROBE_TIMEOUT_S * 1000))
    try:
        await _connect(settings, store, broker)
        views = Views(
            settings.brokers,
            settings.topics,
            most=settings.api_max_users,
            silent_s=settings.api_silent_s,
            fetch_wait_ms=settings.api_fetch_wait_ms,
        )
        outbox = Outbox(settings, settings.api_buffer_bytes)
        async with views, outbox, watched_loop(settings.loop_silent_s):
            dependencies = Dependencies(store, broker, views, outbox, StoredUsers(store, settings), on_demand)
            await dependencies.probe()
            await _serve_until_stopped(settings, dependencies, keys, box)
    finally:
        await on_demand.close()
        await store.aclose()
        await broker.close()


async def _connect(settings: ApiSettings, store: redis.Redis, broker: AIOKafkaClient) -> None:
    try:
        await asyncio.to_thread(check_reachable, str(settings.brokers), PROBE_TIMEOUT_S, settings.brokers.options)
        await broker.bootstrap()
    except (KafkaError, OSError) as error:
        raise Misconfigured(
            f"no broker at {settings.bootstrap}{origin('bootstrap', settings.bootstrap)} ({error}): "
            "start it, or set PENCHANT_BOOTSTRAP"
        ) from error
    try:
        await asked(store.ping)
    except Refused as error:  # it is there, and comes round: until then we are not ready
        print(f"penchant api: {lines_shown(str(error))}", file=sys.stderr)
    except Unavailable as error:
        raise Misconfigured(
            f"{error}{origin('redis', settings.redis)}: start it, or say where it is with --redis or PENCHANT_REDIS"
        ) from error


async def _serve_until_stopped(
    settings: ApiSettings, dependencies: Dependencies, keys: KeyFile | None, box: DeadLetterBox
) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        streams = StreamRoutes(dependencies.views, settings.api_heartbeat_s, settings.api_most_streams)
        interests = InterestRoutes(dependencies.views, dependencies.users, settings.half_life_days)
        admission = Admission(
            most_bytes=settings.api_most_body_bytes, keys=keys, per_s=settings.api_rate, origins=settings.origins
        )
        app = application(dependencies, streams, interests, admission)
        warming = Warming(dependencies.on_demand, lambda: len(dependencies.views.items.vectors) > 0)
        warm = warming.begin if settings.api_on_demand != "off" else _do_nothing
        _add_page(app, settings, dependencies, box, warm)
        runner = await serve(app, settings.api_host, settings.api_port)
    except OSError as error:
        raise Misconfigured(f"cannot listen ({error.strerror}): set PENCHANT_API_HOST, PENCHANT_API_PORT") from error
    rounds = asyncio.create_task(dependencies.keep_probing())
    if settings.api_on_demand == "start":
        warming.begin()
    try:
        await stopped.wait()
    finally:
        await warming.close()
        rounds.cancel()
        with suppress(asyncio.CancelledError):
            await rounds
        await runner.cleanup()


def _add_page(
    app: web.Application,
    settings: ApiSettings,
    dependencies: Dependencies,
    box: DeadLetterBox,
    opened: Callable[[], None],
) -> None:
    views = dependencies.views
    item_map = ItemMap(views.items)
    history = HistoryRoutes(views, dependencies.users, Shown(views.items.title, item_map, settings.half_life_days))
    page = PageRoutes(opened)
    add_page(app, page, ShownItemRoutes(views, item_map), history, OperatorRoutes(views, settings.workers, box))


def _made_by(parts: Parts, settings: ApiSettings) -> Callable[[], OnDemand]:
    def make() -> OnDemand:
        if settings.api_on_demand == "off":
            raise Misconfigured("lists on demand are off here: PENCHANT_API_ON_DEMAND=first, or start, turns them on")
        return parts.make_on_demand(settings.api_silent_s)

    return make


def _do_nothing() -> None:
    """For a page that nothing is made ready for."""


def main(parts: Parts) -> int:
    """Run the API with settings from the environment; return the exit code."""
    tolerant_streams()
    logging.getLogger("aiohttp.server").addFilter(NoHttp())
    logging.getLogger("kafka").setLevel(logging.ERROR)  # its warnings are of its own loop; what fails we say
    try:
        settings = ApiSettings()
        for warning in unknown_variables(os.environ):
            print(f"penchant api: {warning}", file=sys.stderr)
        asyncio.run(_run(settings, OnFirstUse(_made_by(parts, settings)), parts.box_of(settings)))
    except PenchantError as error:
        print(f"penchant api: {lines_shown(str(error))}", file=sys.stderr)
        return error.exit_code
    return 0
