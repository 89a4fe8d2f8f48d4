"""A process that is kept running: started again when it dies, within limits; asked whether it is ready, and alive."""

import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.processes import ChildProcess
from penchant.errors import Misconfigured, Unavailable

__all__ = ()

MAX_DEATHS = 5  # restarts within the window below; the next death is final
WINDOW_S = 300.0
REST_S = WINDOW_S / MAX_DEATHS  # between two starts of a process whose services fail: never a sixth within the window
MISSES = 5  # probes in a row without an answer, at least: we may have been frozen ourselves
_PROBE_S = 2.0


class SupervisedProcess:
    """A child with a health port; `restart_if_dead` starts it again after a death.

    Exit code 78 is final at once: what is misconfigured stays so. It is not if the process was ready before: what it
    stands on has changed since, as with 75, and is fixed by time or a person. Then it is started again for ever, one
    start a minute.
    """

    def __init__(
        self, name: str, command: Sequence[str], folder: Path, health: str, environment: Mapping[str, str]
    ) -> None:
        self.name = name
        self._command = command
        self._log = folder / f"{name}.log"
        self.health = health  # http://host:port
        self._environment = environment
        self._deaths: deque[float] = deque()
        self._messages: list[str] = []
        self._worked = False  # whether it was ever ready
        self.child = self._start()

    def _start(self) -> ChildProcess:
        self._started_at = time.monotonic()
        self._told_dead = False
        self._missed_since: float | None = None
        self._misses = 0
        self._answered = False
        return ChildProcess(self.name, self._command, self._log, self._environment)

    def restart_if_dead(self) -> bool:
        """Start it again if it died and is due. False: it died, and too often or for good."""
        code, now = self.child.exit_code, time.monotonic()
        if code is None:
            return True
        if self._worked and code in {Unavailable.exit_code, Misconfigured.exit_code}:
            due_s = self._started_at + REST_S - now
            self._tell_dead(code, due_s)
            if due_s > 0:
                return True
        elif code == Misconfigured.exit_code or len(self._recent_deaths(now)) >= MAX_DEATHS:
            return False
        self._deaths.append(now)
        self._messages.append(f"{self.name} died and was started again; log: {self._log}")
        self.child = self._start()
        return True

    @property
    def restarts(self) -> int:
        """How often it was started again within the window."""
        return len(self._recent_deaths(time.monotonic()))

    def drain_messages(self) -> list[str]:
        """What happened to it since this was asked last, in sentences."""
        told, self._messages = self._messages, []
        return told

    def ready(self) -> bool:
        """Ask it whether it is ready."""
        ready = self._asks("ready")
        self._worked = self._worked or ready
        return ready

    def probe(self) -> None:
        """Ask it whether it is alive, and note the answer; from any thread."""
        child = self.child
        answers = self._asks("live")
        if child is not self.child:
            return
        if answers:
            self._answered, self._misses, self._missed_since = True, 0, None
            return
        self._misses += 1
        self._missed_since = self._missed_since or time.monotonic()

    def kill_if_hung(self, silent_s: float) -> None:
        """Kill it if it answered once, and has not for so long."""
        since = self._missed_since
        if self.child.exit_code is not None or not self._answered or since is None or self._misses < MISSES:
            return
        silence_s = time.monotonic() - since
        if silence_s > silent_s:
            self._messages.append(f"{self.name} has not answered /health/live for {silence_s:.0f} s, and is killed")
            self.child.kill()

    def _asks(self, what: str) -> bool:
        try:
            with urllib.request.urlopen(f"{self.health}/health/{what}", timeout=_PROBE_S) as answer:  # noqa: S310 - loopback
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _recent_deaths(self, now: float) -> deque[float]:
        while self._deaths and now - self._deaths[0] > WINDOW_S:
            self._deaths.popleft()
        return self._deaths

    def _tell_dead(self, code: int, due_s: float) -> None:
        if not self._told_dead:
            self._told_dead = True
            line = self.child.last_lines(1)
            words = line.partition(": ")[2] or line  # without the time and who says so
            when = f"in {due_s:.0f} s" if due_s > 0 else "now"
            self._messages.append(
                f"{self.name} ended with {code}: {words}; it is started again {when}, what is sent meanwhile is kept"
            )
