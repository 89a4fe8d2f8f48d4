"""A process that is kept running: started again when it dies, within limits, and asked whether it is ready."""

import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.children import Child
from serving.errors import Misconfigured

MAX_DEATHS = 5  # restarts within the window below; the next death is final
WINDOW_S = 300.0


class Kept:
    """A child with a health port; `revive` starts it again after a death.

    Exit code 78 is final at once: what is misconfigured stays so.
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
        self.child = self._start()

    def _start(self) -> Child:
        return Child(self.name, self._command, self._log, self._environment)

    def revive(self) -> bool:
        """Start it again if it died. False: it died, and too often or for good."""
        if self.child.exit_code is None:
            return True
        now = time.monotonic()
        while self._deaths and now - self._deaths[0] > WINDOW_S:
            self._deaths.popleft()
        if self.child.exit_code == Misconfigured.exit_code or len(self._deaths) >= MAX_DEATHS:
            return False
        self._deaths.append(now)
        self.child = self._start()
        return True

    @property
    def restarts(self) -> int:
        """How often it was started again within the window."""
        return len(self._deaths)

    def ready(self) -> bool:
        """Ask it whether it is ready."""
        try:
            with urllib.request.urlopen(f"{self.health}/health/ready", timeout=2.0) as answer:  # noqa: S310 - loopback
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
