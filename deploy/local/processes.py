"""Child processes: each dies with us, writes to a log file of its own, and can be asked for its last words."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local import parent_death


class ChildProcess:
    """One process that we started; standard output and error go to `log`, standard input is empty.

    It ends when we end, even if we are killed (Linux: see `parent_death`). Start it from a thread that lives as long as
    the process does: the kernel counts the death of the starting thread as the parent's.
    """

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        wrapped = [sys.executable, "-I", "-S", parent_death.__file__, str(os.getpid()), *command]
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                wrapped,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,  # Ctrl-C in the terminal reaches us alone, and we stop it in order
            )

    @property
    def pid(self) -> int:
        """The process id; the command itself, since `parent_death` becomes it."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number if a signal ended it."""
        return self._process.poll()

    def ask_to_stop(self) -> None:
        """Send SIGTERM and return at once."""
        if self.exit_code is None:
            self._process.terminate()

    def stop(self, patience_s: float = 10.0) -> int:
        """Ask it to stop, kill it after `patience_s`, and return its exit code."""
        self.ask_to_stop()
        try:
            return self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """End it at once, as a crash would, and return its exit code."""
        if self.exit_code is None:
            self._process.send_signal(signal.SIGKILL)
        return self._process.wait()

    def last_lines(self, count: int = 20) -> str:
        """Return the last lines of its log."""
        with self.log.open(encoding="utf-8", errors="replace") as lines:
            return "".join(deque(lines, maxlen=count)).rstrip()
