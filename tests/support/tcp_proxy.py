"""A TCP proxy between a client and a service: it delays, trickles, holds or loses what passes, or refuses connections.

What is held is delivered later, as TCP does after a partition; a connection that lost bytes is ended when the link is
changed, since what came next would be taken for what is missing.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

_CHUNK = 64 * 1024
_TICK_S = 0.05


@dataclass(frozen=True, slots=True)
class Flow:
    """One direction. delay_s: of each chunk, drawn between both. bytes_per_s: 0 for no bound."""

    delay_s: tuple[float, float] = (0.0, 0.0)
    bytes_per_s: float = 0.0
    held: bool = False
    lost: bool = False


PASSES = Flow()


@dataclass(frozen=True, slots=True)
class Link:
    """Both directions; `refused`: new connections are ended at once, and so are those that stand."""

    requests: Flow = PASSES
    answers: Flow = PASSES
    refused: bool = False


WELL = Link()
SILENT = Link(Flow(held=True), Flow(held=True))
REFUSED = Link(refused=True)
SLOW = Link(answers=Flow(delay_s=(2.0, 8.0)))
DEAF = Link(answers=Flow(lost=True))


def trickle(bytes_per_s: float) -> Link:
    """Both directions at so many bytes a second, of each connection."""
    return Link(Flow(bytes_per_s=bytes_per_s), Flow(bytes_per_s=bytes_per_s))


class _Connection:
    """One client's: two pumps, ended together. `spoiled`: bytes of it were lost."""

    def __init__(self, proxy: "TcpProxy", client: asyncio.StreamWriter, service: asyncio.StreamWriter) -> None:
        self.spoiled = False
        self._proxy = proxy
        self._writers = (client, service)

    def abort(self) -> None:
        """End both sides at once."""
        for each in self._writers:
            each.transport.abort()

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flow: Callable[[], Flow]) -> None:
        """Carry one direction until its end."""
        while chunk := await reader.read(_CHUNK):
            while flow().held:
                await self._proxy.changed()
            if flow().delay_s[1]:
                await self._proxy.changed(self._proxy.random.uniform(*flow().delay_s))
            while chunk:
                if flow().lost:
                    self.spoiled = True
                    break
                count = max(int(flow().bytes_per_s * _TICK_S), 1) if flow().bytes_per_s else len(chunk)
                writer.write(chunk[:count])
                await writer.drain()
                chunk = chunk[count:]
                if chunk:
                    await self._proxy.changed(_TICK_S)


class TcpProxy:
    """Listens on `port` of the loopback interface, and connects to `to` for each client; runs in a thread of its own.

    `behave` changes the link for whatever passes from then on.
    """

    def __init__(self, to: int, port: int = 0, seed: int = 1) -> None:
        self.link = WELL
        self.random = Random(seed)
        self._to = to
        self._connections: set[_Connection] = set()
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._change = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=f"proxy-{self.port}", daemon=True)
        self._thread.start()

    def behave(self, link: Link) -> None:
        """Be such from now on."""
        self._call(self._behave(link))

    def close(self) -> None:
        """End every connection and listen no more."""
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=60)
        self._loop.close()

    async def changed(self, seconds: float | None = None) -> None:
        """Wait until the link is changed, or for so long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._change.wait(), seconds)

    def _call(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(timeout=60)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._socket))
        self._loop.run_forever()

    async def _behave(self, link: Link) -> None:
        self.link = link
        for each in list(self._connections):
            if each.spoiled or link.refused:
                each.abort()
        self._change.set()
        self._change = asyncio.Event()

    async def _close(self) -> None:
        await self._behave(REFUSED)
        self._server.close()
        tasks = asyncio.all_tasks(self._loop) - {asyncio.current_task(self._loop)}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(_TICK_S)  # transports close in a later turn of the loop

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_service, to_service = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:  # nobody listens: then nobody does here
            writer.transport.abort()
            return
        connection = _Connection(self, writer, to_service)
        if self.link.refused:
            connection.abort()
            return
        self._connections.add(connection)
        try:
            pumps = (
                connection.pump(reader, to_service, lambda: self.link.requests),
                connection.pump(from_service, writer, lambda: self.link.answers),
            )
            await self._until_either_ends(pumps)
        finally:
            self._connections.discard(connection)
            connection.abort()

    @staticmethod
    async def _until_either_ends(pumps: tuple[Coroutine[Any, Any, None], ...]) -> None:
        tasks = [asyncio.ensure_future(pump) for pump in pumps]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
