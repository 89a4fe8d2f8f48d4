"""Fetches that leave some milliseconds to each other while few records come.

A broker answers a fetch with the first record that comes, and a client asks again at once: at some hundred events a
second that is a request for each, which costs both sides more than the event. A fetch by itself waits for nothing, nor
does one after many records.

One seam of aiokafka 0.14 is used, `send` of one client.
"""

import asyncio
from time import monotonic
from typing import Any

from aiokafka.protocol.fetch import FetchRequest

__all__ = ["pace"]

_MANY_BYTES = 64 * 1024  # of records in one answer: more is waiting


def pace(consumer: Any, apart_s: float) -> None:
    """Have an aiokafka consumer wait so long after an answer with records before it fetches from that broker again."""
    client = consumer._client
    client.send = PacedFetches(client.send, apart_s).send


class PacedFetches:
    """In the place of a client's `send`."""

    def __init__(self, send: Any, apart_s: float) -> None:
        self._send = send
        self._apart_s = apart_s
        self._next_s: dict[int, float] = {}  # by node

    async def send(self, node_id: int, request: Any, **options: Any) -> Any:
        """As the client's own, but that a fetch may wait."""
        if not isinstance(request, FetchRequest):
            return await self._send(node_id, request, **options)
        if (wait_s := self._next_s.get(node_id, 0.0) - monotonic()) > 0:
            await asyncio.sleep(wait_s)
        response = await self._send(node_id, request, **options)
        if 0 < _record_bytes(response) < _MANY_BYTES:
            self._next_s[node_id] = monotonic() + self._apart_s
        return response


def _record_bytes(response: Any) -> int:
    return sum(len(rest[-1] or b"") for _, parts in response.topics for _, _, *rest in parts)
