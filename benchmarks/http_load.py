"""An open loop of requests over HTTP, in a process of its own: `benchmarks.http` starts it and reads what it prints.

    python -m benchmarks.http_load '{"host": "127.0.0.1", "port": 8080, "paths": ["/health/live"], "rate": 1000, …}'

Requests are due at random times (Poisson) and go out then, over connections that stay open; one that finds none free
waits, and its time counts from when it was due.
"""

import asyncio
import random
import re
import sys
import time
from collections import deque
from contextlib import suppress

import msgspec

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_LOST_S = 10.0  # what is not answered by then is an error


class Load(msgspec.Struct, frozen=True):
    """What is asked: paths in a random order, so many a second."""

    host: str
    port: int
    paths: list[str]
    rate: float
    seconds: float
    warm_up: float
    connections: int
    headers: dict[str, str] = {}
    seed: int = 7


class Outcome(msgspec.Struct):
    """Of those requests that were due after the warm-up. times_ms: from when each was due; late_ms: until it was sent.

    cpu_s: what this process took, of all of it; seconds: how long all of it took.
    """

    times_ms: list[float] = []
    late_ms: list[float] = []
    sent: int = 0
    errors: int = 0
    bytes: int = 0
    cpu_s: float = 0.0
    seconds: float = 0.0


class _Request(msgspec.Struct, frozen=True):
    raw: bytes
    due_s: float
    counts: bool


class _Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self, load: "_Generator") -> None:
        self._load = load
        self._read = b""
        self.request: _Request | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def ask(self, request: _Request) -> None:
        """Send it."""
        self.request = request
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.write(request.raw)

    def data_received(self, data: bytes) -> None:
        self._read += data
        head = self._read.find(b"\r\n\r\n")
        length = _LENGTH.search(self._read, 0, head + 2) if head >= 0 else None
        if length is None or len(self._read) < head + 4 + int(length[1]):
            return
        status, size, self._read = int(self._read[9:12]), len(self._read), b""
        self._load.answered(self, status, size)

    def connection_lost(self, _: Exception | None) -> None:
        self._load.lost(self)


class _Generator:
    def __init__(self, load: Load) -> None:
        self.outcome = Outcome()
        self._load = load
        self._free: list[_Connection] = []
        self._waiting: deque[_Request] = deque()
        self._ended = False  # all were due
        self._all_answered = asyncio.Event()

    async def run(self) -> Outcome:
        """All of it."""
        loop, load, draw = asyncio.get_running_loop(), self._load, random.Random(self._load.seed)
        for _ in range(load.connections):
            _, made = await loop.create_connection(lambda: _Connection(self), load.host, load.port)
            self._free.append(made)
        named = {"Host": load.host, **load.headers}
        headers = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        requests = [f"GET {path} HTTP/1.1\r\n{headers}\r\n".encode() for path in load.paths]
        began_s = due_s = time.perf_counter()
        cpu_s = time.process_time()
        while due_s < began_s + load.warm_up + load.seconds:
            due_s += draw.expovariate(load.rate)
            if (wait_s := due_s - time.perf_counter()) > 0:
                await asyncio.sleep(wait_s)
            counts = due_s > began_s + load.warm_up
            self.outcome.sent += counts
            self._waiting.append(_Request(draw.choice(requests), due_s, counts))
            self._send()
        self._ended = True
        if self._unanswered():
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOST_S):
                    await self._all_answered.wait()
        self.outcome.errors += self._unanswered()
        self.outcome.seconds = time.perf_counter() - began_s
        self.outcome.cpu_s = time.process_time() - cpu_s
        return self.outcome

    def answered(self, connection: _Connection, status: int, size: int) -> None:
        """An answer has come."""
        request, connection.request = connection.request, None
        self._free.append(connection)
        if request is not None and request.counts:
            self.outcome.times_ms.append(1000 * (time.perf_counter() - request.due_s))
            self.outcome.errors += status != 200
            self.outcome.bytes += size
        if self._ended and not self._unanswered():
            self._all_answered.set()
        self._send()

    def lost(self, connection: _Connection) -> None:
        """The other end has hung up: what was asked is not answered any more, and is an error at the end."""
        if connection in self._free:
            self._free.remove(connection)

    def _send(self) -> None:
        while self._waiting and self._free:
            request = self._waiting.popleft()
            if request.counts:
                self.outcome.late_ms.append(1000 * (time.perf_counter() - request.due_s))
            self._free.pop().ask(request)

    def _unanswered(self) -> int:
        return self.outcome.sent - len(self.outcome.times_ms)


async def generate(load: Load) -> Outcome:
    """Ask all of it."""
    return await _Generator(load).run()


if __name__ == "__main__":
    outcome = asyncio.run(generate(msgspec.json.decode(sys.argv[1], type=Load)))
    sys.stdout.buffer.write(msgspec.json.encode(outcome))
