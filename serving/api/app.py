"""The life of the API process; `python -m deploy.api` puts it together."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import redis.asyncio as redis
from aiohttp import web
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from pydantic import Field

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
from serving.api.shown.item_map import ItemMap
from serving.api.shown.past_events import Shown
from serving.api.stored_users import StoredUsers
from serving.configuration.setting_errors import origin, unknown_variables
from serving.connections import Connections
from serving.redis.answers import asked
from serving.redis.clients import client_of
from serving.terminal.printable import lines_shown, tolerant_streams


class ApiSettings(Connections):
    """Where the API listens, beside where everything else is."""

    api_host: str = Field(default="127.0.0.1", description="The address to listen on; 0.0.0.0 within a container.")
    api_port: int = Field(default=8080, ge=0, le=65535, description="The port to listen on; 0: one that is free.")
    api_keys: Path | None = Field(
        default=None,
        description="A file of keys and their roles (docs/http.md); needed where others reach the address.",
    )
    api_max_users: int | None = Field(
        default=None,
        ge=1,
        description="Lists that the API keeps in memory, those used last; others it reads again. Without it: all.",
    )
    api_fetch_wait_ms: int = Field(
        default=500,
        ge=1,
        description="How long the broker may keep a question for new lists; the embedded one answers late, so less.",
    )
    api_silent_s: float = Field(
        default=30.0, gt=0, description="Lists are told as `stale` once the broker has not been heard for so long."
    )
    api_heartbeat_s: float = Field(
        default=15.0,
        ge=0.05,
        description="A stream of events says so often that it is alive; proxies close what is silent for a minute.",
    )
    api_most_streams: int = Field(
        default=1000, ge=0, description="Streams of events at once; what is beyond is told to come again."
    )
    api_most_body_bytes: int = Field(
        default=1024 * 1024, ge=1024, description="The largest body that is taken; a larger one is answered with 413."
    )
    api_rate: float = Field(
        default=5000.0,
        ge=0.0,
        description="What a client (by its key, else its address) may ask for in a second: a list costs 1, what takes "
        "milliseconds 20 (docs/http.md); beyond it: 429. 0: no limit.",
    )
    api_origins: str | None = Field(
        default=None,
        description="Sites whose pages may read answers (CORS): https://shop.example, several with commas, or *.",
    )
    api_buffer_bytes: int = Field(
        default=32 * 1024 * 1024,
        ge=1024,
        description="Events that the broker has not confirmed yet; what is beyond is told to come again.",
    )
    api_on_demand: Literal["off", "first", "start"] = Field(
        default="first",
        description="When what lists on demand (queries, conversations, ranks, explanations) need is read, which takes "
        "seconds and as much memory as a worker has for it: with the first of them, or as the page is opened; at the "
        "start, beside all else, once there are items; or never, and they are refused.",
    )
    api_workers: str | None = Field(
        default=None,
        description="Addresses of the workers' health ports, http://host:port, several with commas, whose counts the "
        "page shows operators.",
    )

    @property
    def origins(self) -> tuple[str, ...]:
        """Those sites, one by one."""
        return tuple(each.strip() for each in (self.api_origins or "").split(",") if each.strip())

    @property
    def workers(self) -> list[str]:
        """Those addresses, one by one."""
        return [each.strip().rstrip("/") for each in (self.api_workers or "").split(",") if each.strip()]


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
