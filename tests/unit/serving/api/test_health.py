import asyncio
from collections.abc import Callable

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer, unused_port

from serving.api.health import METRICS_CONTENT_TYPE, Check, health_app, serve

WELL = Check(ok=True, why="two partitions are read", facts={"partitions": 2})
ILL = Check(ok=False, why="the broker does not answer", facts={"broker": "gone"})

HealthClient = TestClient[web.Request, web.Application]


def asked(app: web.Application) -> HealthClient:
    return TestClient(TestServer(app))


def well() -> Check:
    return WELL


def no_metrics() -> bytes:
    return b""


@pytest.mark.parametrize(("path", "live", "ready"), [("/health/live", WELL, ILL), ("/health/ready", ILL, WELL)])
async def test_a_probe_that_is_well_answers_200_whatever_the_other_says(path: str, live: Check, ready: Check) -> None:
    async with asked(health_app(lambda: live, lambda: ready, no_metrics)) as client:
        answer = await client.get(path)

        assert answer.status == 200
        assert answer.content_type == "application/json"
        assert await answer.json() == {"ok": True, "why": "two partitions are read", "partitions": 2}


@pytest.mark.parametrize(("path", "live", "ready"), [("/health/live", ILL, WELL), ("/health/ready", WELL, ILL)])
async def test_a_probe_that_is_not_answers_503_and_says_why(path: str, live: Check, ready: Check) -> None:
    async with asked(health_app(lambda: live, lambda: ready, no_metrics)) as client:
        answer = await client.get(path)

        assert answer.status == 503
        assert await answer.json() == {"ok": False, "why": "the broker does not answer", "broker": "gone"}


async def test_each_probe_looks_anew() -> None:
    found = [WELL]
    async with asked(health_app(lambda: found[0], well, no_metrics)) as client:
        before = (await client.get("/health/live")).status
        found[0] = ILL
        after = (await client.get("/health/live")).status

    assert (before, after) == (200, 503)


async def test_metrics_go_out_as_they_are_under_prometheus_content_type() -> None:
    text = b"# HELP events_total \xe4\xba\x8b\nevents_total 3\n"
    async with asked(health_app(well, well, lambda: text)) as client:
        answer = await client.get("/metrics")

        assert await answer.read() == text
        assert answer.headers["Content-Type"] == METRICS_CONTENT_TYPE


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (lambda client: client.get("/"), 404),
        (lambda client: client.get("/health"), 404),
        (lambda client: client.post("/health/live"), 405),
        (lambda client: client.head("/health/live"), 200),
    ],
)
async def test_nothing_else_is_answered(
    ask: Callable[[HealthClient], "asyncio.Future[web.StreamResponse]"], status: int
) -> None:
    async with asked(health_app(well, well, no_metrics)) as client:
        assert (await ask(client)).status == status


async def test_it_listens_until_it_is_cleaned_up() -> None:
    port = unused_port()
    runner = await serve(health_app(well, well, no_metrics), "127.0.0.1", port)

    async with ClientSession() as session:
        answer = await session.get(f"http://127.0.0.1:{port}/health/ready")
        assert answer.status == 200
    await runner.cleanup()

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_port_that_is_taken_is_an_error() -> None:
    app = health_app(well, well, no_metrics)
    first = await serve(app, "127.0.0.1", port := unused_port())

    with pytest.raises(OSError, match="address already in use"):
        await serve(health_app(well, well, no_metrics), "127.0.0.1", port)

    await first.cleanup()
