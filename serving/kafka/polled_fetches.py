"""Fetches held by the client, for a broker that answers one which it holds late and at great cost.

The embedded broker looks for records when a fetch comes, again after half of the wait, after half of what is left, and
so on: each look costs it, and what comes in between lies there. So while records come it is asked to hold a fetch for
some milliseconds. When none has come for a while it is asked where its partitions end, which costs less, and ever more
rarely; a fetch follows when they end elsewhere. A client of aiokafka sees a fetch that takes its time, as it would of a
broker that holds it.

Seams of aiokafka 0.14: `send` of one client, and two numbers of a consumer.
"""

import asyncio
from time import monotonic
from typing import Any

from aiokafka.errors import NodeNotReadyError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest

from serving.kafka.partition_ends import EndsWatcher, Watched

__all__ = ["poll"]

LONGEST_PAUSE_S = 0.08
_HELD_BY_BROKER_MS = 5  # while records come: it looks after 0, 2.5, 3.75 … ms
_BUSY_S = 0.1  # since the last record
_SHARE = 0.125  # of the time since then: an event that comes after a while is late by a small part of that
_HELD_S = 0.5  # then the consumer may fetch from other partitions, too; at least
_PAUSES_HELD = 8
_FETCHED_S = 5.0  # then it is fetched in any case: an error is told to a fetch alone
_SOON_S = 1.0
_LOOK_S = 1.0  # of the client for other work than fetches, of which it is told: with one broker it finds none
_LATEST = -1


def poll(consumer: Any, longest_pause_s: float = LONGEST_PAUSE_S) -> "Polling | None":
    """Have an aiokafka consumer fetch that way; before it is started. None within TLS or SASL: the broker holds it."""
    consumer._fetch_max_wait_ms = _HELD_BY_BROKER_MS
    consumer._consumer_timeout = _LOOK_S
    client = consumer._client
    if client._security_protocol != "PLAINTEXT":
        return None
    polling = Polling(client, longest_pause_s)
    client.send = polling.send
    return polling


def pause_s(silent_s: float, longest_s: float = LONGEST_PAUSE_S) -> float:
    """How long to wait before asking again, when nothing has come for so long; 0: have the broker hold the fetch.

    >>> [pause_s(0.05), pause_s(0.16), pause_s(60.0)]
    [0.0, 0.02, 0.08]
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
        self._watchers: dict[int, EndsWatcher] = {}  # likewise
        self._pauses: set[asyncio.Future[bytes | None]] = set()

    def hurry(self) -> None:
        """Look as if records came: some will soon."""
        self._came_s = monotonic() + _SOON_S
        for pause in self._pauses:
            if not pause.done():
                pause.set_result(None)

    def close(self) -> None:
        """Ask nothing any more."""
        for watcher in self._watchers.values():
            watcher.close()

    async def send(self, node_id: int, request: Any, **options: Any) -> Any:
        """As the client's own, but of a fetch."""
        if not isinstance(request, FetchRequest):
            return await self._send(node_id, request, **options)
        look = self._looks.get(node_id)
        if look is None or look.positions != _positions(request):
            look = self._looks[node_id] = _Look(request)
        until_s = monotonic() + max(_HELD_S, _PAUSES_HELD * self._longest_pause_s)
        while look.nothing is None or monotonic() < until_s:
            if self._pause_s() and look.nothing is not None and not await self._is_due(node_id, look, until_s):
                continue
            response = await self._send(node_id, request, **options)
            if _says_something(response):
                self._came_s = monotonic()
                return response
            look.found_nothing(response)
        return look.nothing

    def _pause_s(self) -> float:
        return pause_s(monotonic() - self._came_s, self._longest_pause_s)

    async def _is_due(self, node_id: int, look: "_Look", until_s: float) -> bool:
        """Wait for a reason to fetch, or for the end of all patience."""
        connection = await self._client._get_conn(node_id)
        if connection is None:
            raise NodeNotReadyError(f"Attempt to send a request to node which is not ready (node id {node_id}).")
        watched = Watched(
            (connection.host, connection.port),
            look.question(connection),
            look.answered,
            self._pause_s,
            min(until_s, look.fetch_at_s),
        )
        pause: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._pauses.add(pause)
        try:
            answered = await self._watchers.setdefault(node_id, EndsWatcher()).changed(watched, pause)
        finally:
            self._pauses.remove(pause)
        if answered is not None:
            look.answered = answered or None
        return answered is not None or monotonic() >= look.fetch_at_s


class _Look:
    """Whether there may be something to fetch from some positions.

    There was nothing, and what is written since makes the partitions end elsewhere. answered: where they ended before
    the last fetch, as bytes; None: not known.
    """

    def __init__(self, request: FetchRequest) -> None:
        self.positions = _positions(request)
        self.nothing: Any = None  # what a fetch was answered that found nothing
        self.answered: bytes | None = None
        self.fetch_at_s = 0.0  # in any case
        self._ends = OffsetRequest(
            -1,
            request._isolation_level,
            [(topic, [(partition, _LATEST) for partition, *_ in parts]) for topic, parts in request.topics],
        )
        self._connection: Any = None
        self._question = b""

    def question(self, connection: Any) -> bytes:
        """Where the partitions end, in the versions of a connection's broker."""
        if connection is not self._connection:
            self._connection = connection
            asked = self._ends.prepare(connection._versions)
            header = asked.build_request_header(correlation_id=0, client_id=connection._client_id)
            self._question = header.encode() + asked.encode()
        return self._question

    def found_nothing(self, response: Any) -> None:
        """Note that a fetch found nothing."""
        self.nothing = response
        self.fetch_at_s = monotonic() + _FETCHED_S


def _positions(request: FetchRequest) -> dict[tuple[str, int], int]:
    """Where it reads on; aiokafka names the partitions in another order each time."""
    return {(topic, partition): offset for topic, parts in request.topics for partition, offset, _ in parts}


def _says_something(response: Any) -> bool:
    """Whether a partition has records, or an error."""
    return any(error_code or rest[-1] for _, parts in response.topics for _, error_code, *rest in parts)
