"""Who asks too often, and pages of other sites: through a real server on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from serving.api.admission.cross_origin import CrossOrigin
from serving.api.admission.rate_limits import TokenBuckets
from serving.api.application import Admission

# Requests keep their id under its header's name, as older versions of aiohttp know no keys of requests.
pytestmark = pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
LIST, QUERY, HEALTH = "/v1/users/u1/recommendations", "/v1/users/u1/query", "/health/live"
SITE = "https://shop.example"


@asynccontextmanager
async def served(admission: Admission) -> AsyncIterator[ClientSession]:
    """Routes that answer with nothing."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="there")

    app = web.Application(middlewares=list(admission.middlewares()))
    if admission.origins:
        app.on_response_prepare.append(CrossOrigin(admission.origins).add_headers)
    app.router.add_get("/v1/users/{id}/recommendations", answer)
    app.router.add_post("/v1/users/{id}/query", answer)
    app.router.add_get(HEALTH, answer)
    server = TestServer(app)
    async with server, ClientSession(server.make_url("/")) as session:
        yield session


async def status_of(session: ClientSession, path: str, method: str = "GET", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with session.request(method, path, headers=named) as answer:
        return answer.status


async def test_who_asks_too_often_is_told_when_to_come_again() -> None:
    async with served(Admission(most_bytes=1024, per_s=0.5)) as session:
        first = await status_of(session, LIST)
        async with session.get(LIST) as refused:
            told = await refused.json()

    assert first == 200
    assert (refused.status, refused.content_type) == (429, "application/problem+json")
    assert refused.headers["Retry-After"] in {"1", "2"}
    assert (told["reason"], told["status"]) == ("too_many_requests", 429)


async def test_each_client_has_tokens_of_its_own_and_health_costs_none() -> None:
    async with served(Admission(most_bytes=1024, per_s=0.5)) as session:
        mine = [await status_of(session, LIST, Authorization="Bearer a") for _ in range(2)]
        theirs = await status_of(session, LIST, Authorization="Bearer b")
        health = [await status_of(session, HEALTH) for _ in range(5)]

    assert mine == [200, 429]
    assert theirs == 200
    assert health == [200] * 5


async def test_what_takes_longer_costs_more() -> None:
    async with served(Admission(most_bytes=1024, per_s=15.0)) as session:
        queries = [await status_of(session, QUERY, "POST") for _ in range(3)]

    assert queries[0] == 200
    assert 429 in queries[1:]


def test_clients_that_were_not_seen_for_long_are_forgotten() -> None:
    now = [0.0]
    buckets = TokenBuckets(1, clock=lambda: now[0], most=2)

    waits = [buckets.wait_s(client, 2) for client in "abca"]

    assert waits == [0.0] * 4  # a began anew
    assert buckets.wait_s("c", 2) == 2.0


@pytest.mark.parametrize(("origins", "told"), [((SITE,), SITE), (("*",), "*"), ((f"{SITE}/",), SITE)])
async def test_a_site_that_is_named_may_read(origins: tuple[str, ...], told: str) -> None:
    async with served(Admission(most_bytes=1024, origins=origins)) as session:
        async with session.get(LIST, headers={"Origin": SITE}) as answer:
            given = answer.headers
        asks = {"Origin": SITE, "Access-Control-Request-Method": "POST"}
        async with session.options(QUERY, headers=asks) as before:
            assert before.status == 204

    assert given["Access-Control-Allow-Origin"] == told == before.headers["Access-Control-Allow-Origin"]
    assert "Authorization" in before.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("origins", [(), ("https://other.example",)])
async def test_other_sites_may_not(origins: tuple[str, ...]) -> None:
    async with served(Admission(most_bytes=1024, origins=origins)) as session:
        asks = {"Origin": SITE, "Access-Control-Request-Method": "POST"}
        async with session.get(LIST, headers=asks) as answer, session.options(QUERY, headers=asks) as before:
            pass

    assert answer.status == 200
    assert before.status == 405
    for each in (answer, before):
        assert not [name for name in each.headers if name.startswith("Access-Control")]
