"""The load generator counts what a real server answers, and what it does not."""

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from aiohttp.typedefs import Handler

from benchmarks.http_load import Load, Outcome, generate


async def asked(handler: Handler) -> Outcome:
    app = web.Application()
    app.router.add_get("/a", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port := unused_port()).start()
    load = Load("127.0.0.1", port, ["/a"], rate=200.0, seconds=0.4, warm_up=0.1, connections=4)
    outcome = await generate(load)
    await runner.cleanup()
    return outcome


async def test_every_request_that_was_due_is_counted() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 100_000)

    outcome = await asked(answer)

    assert 20 < outcome.sent == len(outcome.times_ms) == len(outcome.late_ms)
    assert outcome.errors == 0
    assert outcome.bytes > 100_000 * outcome.sent
    assert min(outcome.times_ms) > 0


async def test_refusals_are_errors() -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=503)

    outcome = await asked(refuse)

    assert outcome.errors == outcome.sent > 20


async def test_what_is_never_answered_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.http_load._LOST_S", 0.1)

    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    outcome = await asked(hang_up)

    assert outcome.errors == outcome.sent > 20
