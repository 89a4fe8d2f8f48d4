"""A consumer that polls: what comes is fetched, what is idle is asked for rarely."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest
from aiokafka.errors import NodeNotReadyError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.metadata import MetadataRequest

from deploy.local.services import free_port
from serving.kafka import polled_fetches
from serving.kafka.polled_fetches import Polling

NODE = 7


class Answer:
    """Of a fetch from one partition."""

    def __init__(self, error_code: int, records: bytes) -> None:
        self.topics = [("clicks", [(0, error_code, 0, records)])]


class Broker:
    """A client with one connection to a broker with one partition. asked: how often where it ends."""

    def __init__(self) -> None:
        self._client_id = "test"
        self._versions = {1: (4, 11), 2: (1, 4)}
        self.end = 0
        self.error_code = 0
        self.asked = 0
        self.fetched = 0
        self.connected = True
        self.looked = asyncio.Event()
        self.writers: list[asyncio.StreamWriter] = []
        self.host, self.port = "127.0.0.1", 0

    async def _get_conn(self, _: int) -> Any:
        return self if self.connected else None

    async def send(self, _: int, request: Any) -> Any:
        if not isinstance(request, FetchRequest):
            return "of another kind"
        self.fetched += 1
        self.looked.set()
        ((_, ((_, offset, _),)),) = request.topics
        return Answer(self.error_code, b"records" if offset < self.end else b"")

    async def answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The same bytes as long as the partition ends there, in two parts."""
        self.writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readexactly(int.from_bytes(await reader.readexactly(4)))
                self.asked += 1
                writer.write(b"\0\0")
                await writer.drain()
                writer.write(b"\0\x08" + self.end.to_bytes(8))


def fetch(offset: int) -> FetchRequest:
    return FetchRequest(5, 1, 1000, 1, [("clicks", [(0, offset, 1000)])])


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    made = Broker()
    server = await asyncio.start_server(made.answers, made.host, 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made
        for writer in made.writers:
            writer.close()
            await writer.wait_closed()


@pytest.fixture
def idle(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Polling]:
    """Its sender, to which nothing has come for long."""
    monkeypatch.setattr(polled_fetches, "_BUSY_S", -1.0)
    made = Polling(broker, 0.001)
    yield made
    made.close()


async def test_what_is_there_is_fetched(broker: Broker, idle: Polling) -> None:
    broker.end = 3

    answer = await idle.send(NODE, fetch(0))

    assert answer.topics[0][1][0][-1] == b"records"


async def test_where_nothing_comes_the_end_is_asked_for_and_nothing_fetched(broker: Broker, idle: Polling) -> None:
    answer = await idle.send(NODE, fetch(0))
    answer = await idle.send(NODE, fetch(0))

    assert answer.topics[0][1][0][-1] == b""
    assert broker.fetched == 2, "the second after it was known where the partition ends"
    assert broker.asked > 2


async def test_a_record_that_comes_in_between_is_fetched(broker: Broker, idle: Polling) -> None:
    fetching = asyncio.create_task(idle.send(NODE, fetch(0)))
    await broker.looked.wait()

    broker.end = 1

    assert (await fetching).topics[0][1][0][-1] == b"records"


async def test_another_position_is_fetched_from_in_any_case(broker: Broker, idle: Polling) -> None:
    """Given an end that stays where it is, then a consumer that was sent back gets what lies before it."""
    broker.end = 3
    await idle.send(NODE, fetch(3))

    assert (await idle.send(NODE, fetch(1))).topics[0][1][0][-1] == b"records"


async def test_while_records_come_they_are_fetched_without_asking(broker: Broker) -> None:
    busy = Polling(broker, 0.04)
    broker.end = 3

    await busy.send(NODE, fetch(0))

    assert (broker.fetched, broker.asked) == (1, 0)


async def test_what_is_known_to_have_come_is_fetched_at_once(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a pause of an hour, then somebody who knows of a record ends it."""
    monkeypatch.setattr(polled_fetches, "_BUSY_S", -1.0)
    monkeypatch.setattr(polled_fetches, "_SHARE", 1e9)
    monkeypatch.setattr(polled_fetches, "_FETCHED_S", 3600.0)
    slow = Polling(broker, 3600.0)
    fetching = asyncio.create_task(slow.send(NODE, fetch(0)))
    await broker.looked.wait()
    while broker.fetched < 2:
        broker.looked.clear()
        await broker.looked.wait()
    broker.end = 1

    slow.hurry()

    assert (await asyncio.wait_for(fetching, 120)).topics[0][1][0][-1] == b"records"
    slow.close()


async def test_an_error_is_told(broker: Broker, idle: Polling) -> None:
    broker.error_code = 3

    assert (await idle.send(NODE, fetch(0))).topics[0][1][0][1] == 3


async def test_now_and_then_it_is_fetched_in_any_case(
    broker: Broker, idle: Polling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polled_fetches, "_FETCHED_S", 0.0)

    await idle.send(NODE, fetch(0))

    assert broker.fetched > 1


async def test_a_broker_that_is_away_is_no_end(broker: Broker, idle: Polling) -> None:
    broker.connected = False

    with pytest.raises(NodeNotReadyError):
        await idle.send(NODE, fetch(0))


async def test_where_the_ends_cannot_be_had_it_is_fetched(broker: Broker, idle: Polling) -> None:
    """Given a port that nobody listens on, then a record comes all the same."""
    broker.port = free_port()
    fetching = asyncio.create_task(idle.send(NODE, fetch(0)))
    await broker.looked.wait()

    broker.end = 1

    assert (await asyncio.wait_for(fetching, 120)).topics[0][1][0][-1] == b"records"


async def test_what_is_no_fetch_is_sent_as_ever(broker: Broker, idle: Polling) -> None:
    assert await idle.send(NODE, MetadataRequest([])) == "of another kind"
