"""Liveness, readiness and metrics over HTTP, for every process that a supervisor watches."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import msgspec
from aiohttp import web

_LAST_ANSWERS_S = 3.0  # for what is being answered as the process is told to stop
METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' text format


@dataclass(frozen=True, slots=True)
class Check:
    """What a probe found: whether all is well, why or why not in one sentence, and the facts behind it.

    `facts` are JSON values and hold no user or item id.
    """

    ok: bool
    why: str
    facts: Mapping[str, object] = field(default_factory=dict)


def health_app(live: Callable[[], Check], ready: Callable[[], Check], metrics: Callable[[], bytes]) -> web.Application:
    """Build an application that answers `/health/live`, `/health/ready` and `/metrics`, and nothing else."""
    app = web.Application()
    add_health(app, live, ready, metrics)
    return app


def add_health(
    app: web.Application, live: Callable[[], Check], ready: Callable[[], Check], metrics: Callable[[], bytes]
) -> None:
    """Have an application answer `/health/live`, `/health/ready` and `/metrics`.

    The callables answer at once from what the process knows already: a probe must not wait for a sick broker.
    A check that is not ok is answered with 503, and the body says why.
    """

    def probe(check: Callable[[], Check]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(_: web.Request) -> web.Response:
            found = check()
            body = msgspec.json.encode({"ok": found.ok, "why": found.why, **found.facts})
            return web.Response(
                body=body, status=200 if found.ok else 503, headers={"Content-Type": "application/json"}
            )

        return answer

    async def scrape(_: web.Request) -> web.Response:
        return web.Response(body=metrics(), headers={"Content-Type": METRICS_CONTENT_TYPE})

    app.router.add_get("/health/live", probe(live))
    app.router.add_get("/health/ready", probe(ready))
    app.router.add_get("/metrics", scrape)


async def serve(app: web.Application, host: str, port: int) -> web.AppRunner:
    """Listen on `host:port`; the caller awaits `.cleanup()` on the result. OSError if the port is taken."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_LAST_ANSWERS_S)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
