"""What is asked of each recommender that answers over HTTP."""

import http.client
import time
from collections.abc import Callable
from contextlib import closing
from typing import Protocol

import psutil

from benchmarks.performance.systems.local_system import cpu_seconds
from deploy.local.processes import ChildProcess
from penchant.errors import Unavailable

__all__ = ()

_TIMEOUT_S = 30.0
_LOOK_S = 0.2


class Http:
    """One connection that stays open."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)

    def ask(self, path: str, body: bytes | None = None) -> bytes:
        """What is answered. Raises Unavailable for anything but a success."""
        method, headers = ("GET", {}) if body is None else ("POST", {"Content-Type": "application/json"})
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        raw = answer.read()
        if answer.status >= http.client.BAD_REQUEST:
            raise Unavailable(f"{path}: {answer.status} {raw[:300]!r}")
        return raw

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class Server(Protocol):
    """A running one, which has taken the history in. note: what has to be said of it beside its figures."""

    name: str
    version: str
    note: str
    port: int

    def path_of(self, user: int) -> str:
        """Where a user's list is read."""
        ...

    def items_in(self, answer: bytes) -> list[int]:
        """The items of a list, best first."""
        ...

    def tell(self, http: Http, user: int, item: int) -> list[int] | None:
        """Have an event taken in. Returns the list if the answer is one; else it is read until it is another."""
        ...

    def cpu_s(self) -> float:
        """Seconds of CPU so far, of all that a read needs."""
        ...


def ready(process: ChildProcess, port: int, there: Callable[[Http], bool], limit_s: float) -> None:
    """Wait until it answers as it should. Raises Unavailable with its last words."""
    deadline = time.monotonic() + limit_s
    while process.exit_code is None and time.monotonic() < deadline:
        with closing(Http(port)) as http:
            try:
                if there(http):
                    return
            except (OSError, Unavailable, ValueError):
                pass  # not yet
        time.sleep(_LOOK_S)
    raise Unavailable(f"{process.name} was not ready within {limit_s:.0f} s; its last words:\n{process.last_lines()}")


def cpu_of(pid: int) -> float:
    """Seconds of CPU of a process and those below it."""
    process = psutil.Process(pid)
    return cpu_seconds([process, *process.children(recursive=True)])
