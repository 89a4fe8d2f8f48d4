"""The API process: `python -m serving.api.app`. It answers liveness, readiness and metrics over HTTP."""

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field

import redis.asyncio as redis
from aiohttp import web
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from prometheus_client import generate_latest
from pydantic import Field

from penchant.errors import Misconfigured, PenchantError, Refused, Unavailable
from serving.api.health import Check, health_app, serve
from serving.api.liveness import watched_loop
from serving.configuration.setting_errors import origin, unknown_variables
from serving.connections import Connections
from serving.redis.answers import asked, client_of
from serving.terminal.printable import lines_shown, tolerant_streams

_PROBE_EVERY_S = 1.0
_PROBE_TIMEOUT_S = 3.0
_DEAF_AFTER_S = 10.0  # a probe that is this late means that the event loop is stuck


class ApiSettings(Connections):
    """Where the API listens, beside where everything else is."""

    api_host: str = Field(default="127.0.0.1", description="The address to listen on; 0.0.0.0 within a container.")
    api_port: int = Field(default=8080, ge=0, le=65535, description="The port to listen on; 0: one that is free.")


@dataclass(slots=True)
class _Dependencies:
    """Whether store and broker answered when they were probed last: every second, not by each health check."""

    store: redis.Redis
    broker: AIOKafkaClient
    problems: dict[str, str] = field(default_factory=dict)
    probed_at: float = 0.0

    async def probe(self) -> None:
        """Probe both, and note what is wrong with each."""
        answers = await asyncio.gather(
            asyncio.wait_for(asked(self.store.ping), _PROBE_TIMEOUT_S),
            asyncio.wait_for(self.broker.force_metadata_update(), _PROBE_TIMEOUT_S),
            return_exceptions=True,
        )
        self.problems = {
            name: words for name, answer in zip(("redis", "broker"), answers, strict=True) if (words := _words(answer))
        }
        self.probed_at = time.monotonic()

    async def keep_probing(self) -> None:
        """Probe for ever."""
        while True:
            await self.probe()
            await asyncio.sleep(_PROBE_EVERY_S)

    def live(self) -> Check:
        """Say whether this process still does its rounds."""
        silent_s = time.monotonic() - self.probed_at
        if silent_s > _DEAF_AFTER_S:
            return Check(ok=False, why=f"nothing was asked for {silent_s:.0f} s: the process is stuck, restart it")
        return Check(ok=True, why="running")

    def ready(self) -> Check:
        """Say whether requests can be answered."""
        facts = {name: self.problems.get(name, "ok") for name in ("redis", "broker")}
        if self.problems:
            return Check(ok=False, why=", ".join(f"{name} {what}" for name, what in self.problems.items()), facts=facts)
        return Check(ok=True, why="redis and broker answer", facts=facts)


def _words(answer: object) -> str:
    """What is wrong with an answer; nothing if it is the right one."""
    if answer is True:
        return ""
    if isinstance(answer, PenchantError):
        return str(answer).removeprefix("Redis ")
    if isinstance(answer, BaseException):
        return f"does not answer ({str(answer) or type(answer).__name__})"
    return "does not answer (its metadata could not be had)"


async def _run(settings: ApiSettings) -> None:
    """Serve until SIGTERM or SIGINT. Raises `Misconfigured` if store or broker is missing, or the port is taken."""
    store = client_of(redis.Redis, settings.redis, _PROBE_TIMEOUT_S)
    broker = AIOKafkaClient(bootstrap_servers=settings.bootstrap, request_timeout_ms=int(_PROBE_TIMEOUT_S * 1000))
    try:
        await _connect(settings, store, broker)
        dependencies = _Dependencies(store, broker)
        await dependencies.probe()
        async with watched_loop(settings.loop_silent_s):
            await _serve_until_stopped(settings, dependencies)
    finally:
        await store.aclose()
        await broker.close()


async def _connect(settings: ApiSettings, store: redis.Redis, broker: AIOKafkaClient) -> None:
    try:
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


async def _serve_until_stopped(settings: ApiSettings, dependencies: _Dependencies) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        runner = await serve(_app(dependencies), settings.api_host, settings.api_port)
    except OSError as error:
        raise Misconfigured(f"cannot listen ({error.strerror}): set PENCHANT_API_HOST, PENCHANT_API_PORT") from error
    rounds = asyncio.create_task(dependencies.keep_probing())
    try:
        await stopped.wait()
    finally:
        rounds.cancel()
        with suppress(asyncio.CancelledError):
            await rounds
        await runner.cleanup()


def _app(dependencies: _Dependencies) -> web.Application:
    return health_app(dependencies.live, dependencies.ready, generate_latest)


def main() -> int:
    """Run the API with settings from the environment; return the exit code."""
    tolerant_streams()
    try:
        settings = ApiSettings()
        for warning in unknown_variables(os.environ):
            print(f"penchant api: {warning}", file=sys.stderr)
        asyncio.run(_run(settings))
    except PenchantError as error:
        print(f"penchant api: {lines_shown(str(error))}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
