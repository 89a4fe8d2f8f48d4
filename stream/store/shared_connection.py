"""One connection to a Redis that all calls share: what is asked at the same time goes out together, and none waits.

redis-py makes the connection, with its TLS, password and database. Then its transport is taken over: a call by redis-py
itself takes a connection from a pool, a timer, and several turns of the event loop, 50 to 200 µs where this takes 10 to
30, and each batch of events makes three or more. Errors are redis-py's own.

Three seams of redis-py 8 are used, a connection's `_reader`, `_writer` and `_parser`.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import hiredis
from redis import asyncio as redis_asyncio
from redis import exceptions

__all__ = ()

Command = Sequence[Any]  # text, bytes and numbers


def can_share(client: Any) -> bool:
    """Whether it is of one Redis: of a cluster each key has its own node, and sentinels may name another primary."""
    return type(client) is redis_asyncio.Redis


class SharedConnection:
    """Connects when it is first asked, and again once the connection is lost. patience_s: for one answer."""

    def __init__(self, client: Any, patience_s: float) -> None:
        self._pool = client.connection_pool
        self._patience_s = patience_s
        self._line: _Line | None = None
        self._connecting = asyncio.Lock()

    async def ask(self, *commands: Command) -> list[Any]:
        """The answers to some commands. Raises redis-py's errors: the first that one was answered with, or silence."""
        line = self._line
        if line is None or line.lost:
            line = await self._connect()
        return await line.ask(commands)

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.hang_up()

    async def _connect(self) -> "_Line":
        async with self._connecting:
            if self._line is None or self._line.lost:
                connection = self._pool.make_connection()
                await connection.connect()
                self._line = _Line(connection, self._patience_s)
            return self._line


@dataclass(slots=True)
class _Asked:
    """Some commands that one caller waits for. since: when they were asked."""

    waiting: "asyncio.Future[list[Any]]"
    commands: int
    since: float
    answers: list[Any] = field(default_factory=list)

    def settle(self) -> None:
        """Tell the caller, unless it gave up."""
        if self.waiting.done():
            return
        error = next((each for each in self.answers if isinstance(each, Exception)), None)
        if error is not None:
            self.waiting.set_exception(error)
        else:
            self.waiting.set_result(self.answers)


class _Line(asyncio.Protocol):
    """A transport that redis-py has opened; Redis answers in the order of what was asked."""

    def __init__(self, connection: Any, patience_s: float) -> None:
        self.lost = False
        self._patience_s = patience_s
        self._loop = asyncio.get_running_loop()
        self._answers = hiredis.Reader(
            protocolError=exceptions.InvalidResponse, replyError=connection._parser.parse_error
        )
        self._asked: deque[_Asked] = deque()
        self._to_send: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        # It would close the transport once nobody holds it.
        self._writer, connection._writer = connection._writer, None
        reader, connection._reader = connection._reader, None
        self._transport = cast("asyncio.Transport", self._writer.transport)
        self._transport.set_protocol(self)
        if reader.at_eof() or self._transport.is_closing():
            self._lose(exceptions.ConnectionError("the connection was closed at once"))

    def ask(self, commands: Sequence[Command]) -> "asyncio.Future[list[Any]]":
        """Send commands, with all others of this turn of the event loop."""
        asked = _Asked(self._loop.create_future(), len(commands), self._loop.time())
        if self.lost:
            asked.waiting.set_exception(exceptions.ConnectionError("the connection is lost"))
            return asked.waiting
        self._asked.append(asked)
        if not self._to_send:
            self._loop.call_soon(self._send)
        self._to_send += [hiredis.pack_command(tuple(command)) for command in commands]
        if self._timer is None:
            self._timer = self._loop.call_later(self._patience_s, self._look_for_silence)
        return asked.waiting

    def hang_up(self) -> None:
        """Close it; what was not answered yet fails."""
        self._lose(exceptions.ConnectionError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        """Hand answers to those who wait."""
        self._answers.feed(data)
        try:
            while (answer := self._answers.gets()) is not False:
                if isinstance(answer, hiredis.PushNotification):
                    continue
                asked = self._asked[0]
                asked.answers.append(answer)
                if len(asked.answers) == asked.commands:
                    self._asked.popleft().settle()
        except (exceptions.InvalidResponse, IndexError) as error:
            self._lose(exceptions.InvalidResponse(f"an answer that nobody can read: {error}"))

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._lose(exceptions.ConnectionError(str(error or "Connection closed by server.")))

    def _send(self) -> None:
        if not self.lost:
            self._transport.write(b"".join(self._to_send))
        self._to_send.clear()

    def _look_for_silence(self) -> None:
        self._timer = None
        if not self._asked or self.lost:
            return
        left_s = self._asked[0].since + self._patience_s - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._look_for_silence)
        else:
            self._lose(exceptions.TimeoutError("no answer in time"))

    def _lose(self, error: Exception) -> None:
        self.lost = True
        self._transport.abort()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._asked:
            asked = self._asked.popleft()
            asked.answers = [error]
            asked.settle()
