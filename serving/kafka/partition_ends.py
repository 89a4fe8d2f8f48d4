"""Asks a broker again and again where partitions end, until the answer changes: in a thread, by bytes.

Four times as cheap as from an event loop, whose timers, streams and futures are most of the work; a process that idles
does little else. Plain connections only.
"""

import socket
import struct
import threading
from asyncio import Future
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from time import monotonic

__all__ = ()

_PATIENCE_S = 1.0  # for one answer; then it is fetched, and the fetch says what is wrong
_SIZE = struct.Struct(">i")


@dataclass(frozen=True)
class Watched:
    """A request as bytes without its length, and what was answered last; None: nothing yet.

    pause_s: until the next question. until_s: by the monotonic clock; it is answered by then, changed or not.
    """

    where: tuple[str, int]
    request: bytes
    answered: bytes | None
    pause_s: Callable[[], float]
    until_s: float
    given_up: threading.Event = field(default_factory=threading.Event)


class EndsWatcher:
    """One thread and one connection, both made when they are first needed."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[Watched, Future[bytes | None]] | None] = SimpleQueue()
        self._socket: socket.socket | None = None
        self._where: tuple[str, int] | None = None
        self._thread: threading.Thread | None = None

    async def changed(self, watched: Watched, answer: "Future[bytes | None]") -> bytes | None:
        """Wait for another answer than the last one. None: there was none in time, or none can be had."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="partition ends", daemon=True)
            self._thread.start()
        self._jobs.put((watched, answer))
        try:
            return await answer
        finally:
            watched.given_up.set()

    def close(self) -> None:
        """End the thread once what it does is done."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            watched, answer = job
            found = self._watch(watched)
            try:
                answer.get_loop().call_soon_threadsafe(_tell, answer, found)
            except RuntimeError:  # the loop is closed: nobody waits any more
                continue
        self._hang_up()

    def _watch(self, watched: Watched) -> bytes | None:
        try:
            while monotonic() < watched.until_s:
                if watched.answered is not None and watched.given_up.wait(watched.pause_s()):
                    return None
                if (found := self._ask(watched)) != watched.answered:
                    return found
        except OSError:
            self._hang_up()
            return b""
        return None

    def _ask(self, watched: Watched) -> bytes:
        if self._where != watched.where:
            self._hang_up()
        if self._socket is None:
            self._where = watched.where
            self._socket = socket.create_connection(watched.where, _PATIENCE_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(_SIZE.pack(len(watched.request)) + watched.request)
        answer = self._socket.recv(65_536)
        while len(answer) < _SIZE.size or len(answer) < _SIZE.size + _SIZE.unpack_from(answer)[0]:
            more = self._socket.recv(65_536)
            if not more:
                raise ConnectionResetError
            answer += more
        return answer

    def _hang_up(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _tell(answer: "Future[bytes | None]", found: bytes | None) -> None:
    if not answer.done():
        answer.set_result(found)
