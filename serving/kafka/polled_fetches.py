"""Fetches held by the client, for a broker that answers one which it holds late and at great cost.

The embedded broker looks for records when a fetch comes, again after half of the wait, after half of what is left, and
so on: each look costs it, and what comes in between lies there. So while records come it is asked to hold a fetch for
some milliseconds. When none has come for a while it is asked where its partitions end, which costs less, and ever more
rarely; a fetch follows when they end elsewhere. A client of aiokafka sees a fetch that takes its time, as it would of a
broker that holds it.

Two seams of aiokafka 0.14 are used, both of one client: `send`, and the connection's way of sending bytes and receiving
bytes, which it has for SASL.
"""

import asyncio
from time import monotonic
from typing import Any

from aiokafka.conn import CloseReason
from aiokafka.errors import NodeNotReadyError, RequestTimedOutError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest

__all__ = ["poll"]

LONGEST_PAUSE_S = 0.04
_HELD_BY_BROKER_MS = 5  # while records come: it looks after 0, 2.5, 3.75 … ms
_BUSY_S = 0.1  # since the last record
_SHARE = 0.125  # of the time since then: an event that comes after a while is late by a small part of that
_HELD_S = 0.5  # then the consumer may fetch from other partitions, too; at least
_PAUSES_HELD = 8
_FETCHED_S = 2.0  # then it is fetched in any case: an error is told to a fetch alone
_SOON_S = 1.0
_LATEST = -1


def poll(consumer: Any, longest_pause_s: float = LONGEST_PAUSE_S) -> "Polling":
    """Have an aiokafka consumer fetch that way; before it is started."""
    consumer._fetch_max_wait_ms = _HELD_BY_BROKER_MS
    client = consumer._client
    polling = Polling(client, longest_pause_s)
    client.send = polling.send
    return polling


def pause_s(silent_s: float, longest_s: float = LONGEST_PAUSE_S) -> float:
    """How long to wait before asking again, when nothing has come for so long; 0: have the broker hold the fetch.

    >>> [pause_s(0.05), pause_s(0.16), pause_s(60.0)]
    [0.0, 0.02, 0.04]
    """
    return min(_SHARE * silent_s, longest_s) if silent_s > _BUSY_S else 0.0


class Polling:
    """In the place of a client's `send`."""

    def __init__(self, client: Any, longest_pause_s: float) -> None:
        self._client = client
        self._send = client.send
        self._longest_pause_s = longest_pause_s
        self._came_s = monotonic()
        self._looks: dict[int, _Look] = {}  # by node
        self._pauses: set[asyncio.Future[None]] = set()

    def hurry(self) -> None:
        """Look as if records came: some will soon."""
        self._came_s = monotonic() + _SOON_S
        for pause in self._pauses:
            _end(pause)

    async def send(self, node_id: int, request: Any, **options: Any) -> Any:
        """As the client's own, but of a fetch."""
        if not isinstance(request, FetchRequest):
            return await self._send(node_id, request, **options)
        look = self._looks.get(node_id)
        if look is None or look.positions != _positions(request):
            look = self._looks[node_id] = _Look(request)
        until_s = monotonic() + max(_HELD_S, _PAUSES_HELD * self._longest_pause_s)
        while look.nothing is None or monotonic() < until_s:
            wait_s = pause_s(monotonic() - self._came_s, self._longest_pause_s)
            if not wait_s or await look.is_due(await self._connection(node_id)):
                response = await self._send(node_id, request, **options)
                if _says_something(response):
                    self._came_s = monotonic()
                    return response
                look.found_nothing(response)
            if wait_s:
                await self._pause(wait_s)
        return look.nothing

    async def _pause(self, seconds: float) -> None:
        """Sleep, unless there is reason to hurry."""
        pause = asyncio.get_running_loop().create_future()
        timer = asyncio.get_running_loop().call_later(seconds, _end, pause)
        self._pauses.add(pause)
        try:
            await pause
        finally:
            timer.cancel()
            self._pauses.remove(pause)

    async def _connection(self, node_id: int) -> Any:
        connection = await self._client._get_conn(node_id)
        if connection is None:
            raise NodeNotReadyError(f"Attempt to send a request to node which is not ready (node id {node_id}).")
        return connection


def _end(pause: "asyncio.Future[None]") -> None:
    if not pause.done():
        pause.set_result(None)


class _Look:
    """Whether there may be something to fetch from some positions.

    There was nothing, and what is written since makes the partitions end elsewhere.
    """

    def __init__(self, request: FetchRequest) -> None:
        self.positions = _positions(request)
        self.nothing: Any = None  # what a fetch was answered that found nothing
        self._ends = OffsetRequest(
            -1,
            request._isolation_level,
            [(topic, [(partition, _LATEST) for partition, *_ in parts]) for topic, parts in request.topics],
        )
        self._connection: Any = None
        self._asked = b""
        self._answered: bytes | None = None
        self._fetched_s = 0.0

    async def is_due(self, connection: Any) -> bool:
        """Whether to fetch: the answer is another than before the last fetch, or that was long ago."""
        if connection is not self._connection:
            self._connection = connection
            asked = self._ends.prepare(connection._versions)
            header = asked.build_request_header(correlation_id=0, client_id=connection._client_id)
            self._asked = header.encode() + asked.encode()
        try:
            answered: bytes = await connection._send_sasl_token(self._asked)
        except TimeoutError as error:
            connection.close(reason=CloseReason.CONNECTION_TIMEOUT)
            raise RequestTimedOutError from error
        same, self._answered = answered == self._answered, answered
        return not same or self.nothing is None or monotonic() - self._fetched_s > _FETCHED_S

    def found_nothing(self, response: Any) -> None:
        """Note that a fetch found nothing."""
        self.nothing = response
        self._fetched_s = monotonic()


def _positions(request: FetchRequest) -> dict[tuple[str, int], int]:
    """Where it reads on; aiokafka names the partitions in another order each time."""
    return {(topic, partition): offset for topic, parts in request.topics for partition, offset, _ in parts}


def _says_something(response: Any) -> bool:
    """Whether a partition has records, or an error."""
    return any(error_code or rest[-1] for _, parts in response.topics for _, error_code, *rest in parts)
