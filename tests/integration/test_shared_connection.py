"""One connection that all calls share, on a real Redis: whose answer is whose, and what happens when it breaks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from redis import exceptions

from stream.store.redis_calls import connect
from stream.store.shared_connection import SharedConnection

PATIENCE_S = 0.3


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Any]:
    made = connect(redis_url)
    yield made
    await made.aclose()


@pytest.fixture
async def shared(client: Any) -> AsyncIterator[SharedConnection]:
    made = SharedConnection(client, PATIENCE_S)
    yield made
    made.close()


async def test_whoever_asks_at_the_same_time_gets_their_own_answers(shared: SharedConnection, prefix: str) -> None:
    async def one(number: int) -> list[Any]:
        key = f"{prefix}{number}"
        return await shared.ask(("SET", key, number), ("GET", key), ("MGET", key, f"{prefix}none"))

    answers = await asyncio.gather(*map(one, range(50)))

    assert [answer[1:] for answer in answers] == [[b"%d" % n, [b"%d" % n, None]] for n in range(50)]


async def test_an_error_is_of_who_asked_alone(shared: SharedConnection, prefix: str) -> None:
    wrong = asyncio.create_task(shared.ask(("PING",), ("HGET", prefix), ("PING",)))
    right = asyncio.create_task(shared.ask(("ECHO", "here")))

    with pytest.raises(exceptions.ResponseError):
        await wrong
    assert await right == [b"here"]


async def test_what_was_given_up_is_nobody_elses_answer(shared: SharedConnection, prefix: str) -> None:
    await shared.ask(("PING",))
    given_up = asyncio.create_task(shared.ask(("ECHO", "mine")))
    await asyncio.sleep(0)
    given_up.cancel()
    with suppress(asyncio.CancelledError):
        await given_up

    assert await shared.ask(("ECHO", "yours")) == [b"yours"]


async def test_silence_is_an_error_and_the_next_call_connects_again(shared: SharedConnection, prefix: str) -> None:
    with pytest.raises(exceptions.TimeoutError):
        await shared.ask(("BLPOP", prefix, 0))

    assert await shared.ask(("ECHO", "again")) == [b"again"]


async def test_who_waits_is_told_that_the_connection_is_lost(
    shared: SharedConnection, client: Any, prefix: str
) -> None:
    (number,) = await shared.ask(("CLIENT", "ID"))
    waiting = asyncio.create_task(shared.ask(("BLPOP", prefix, 0)))
    await asyncio.sleep(0)
    await client.client_kill_filter(_id=number)

    with pytest.raises(exceptions.ConnectionError):
        await waiting
    assert await shared.ask(("ECHO", "again")) == [b"again"]
