"""`penchant local` as a test starts it, and what of it is still there afterwards."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.support.command import clean_environment
from tests.support.waiting import until

READY_TIMEOUT_S = 600.0
WORKERS = [["-m", "stream"], ["-m", "tests.support.misbehaving_worker"]]


class RunningLocal:
    """A started `penchant local --json` whose line was read."""

    def __init__(self, process: subprocess.Popen[str], where: dict[str, Any]) -> None:
        self.process = process
        self.where = where

    @property
    def options(self) -> list[str]:
        """What other commands take to find it."""
        names = ("bootstrap", "redis", "prefix")
        return [word for name in names for word in (f"--{name}", self.where[name])]

    def children(self) -> list[psutil.Process]:
        """Every process below it."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def workers(self) -> list[psutil.Process]:
        """Its stream workers."""
        return [child for child in self.children() if _command(child)[1:3] in WORKERS]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        assert until(lambda: self.process.poll() is not None, 60), "it was told to stop, and goes on"
        return self.process.wait()


def _command(process: psutil.Process) -> list[str]:
    """Its command line; empty if it has just ended."""
    try:
        return process.cmdline()
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return []


@contextmanager
def running_local(
    temporary: Path, *arguments: str, module: str = "deploy.cli", **variables: str
) -> Iterator[RunningLocal]:
    """Start it with `temporary` as its folder for temporary files; killed at the end if the test did not stop it."""
    environment = clean_environment(TMPDIR=str(temporary), **variables)
    command = [sys.executable, "-m", module, "local", "--json", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    too_late = threading.Timer(READY_TIMEOUT_S, process.kill)
    too_late.start()
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        too_late.cancel()
        assert line, f"it ended with {process.wait()}: {process.stderr.read()}"
        yield RunningLocal(process, json.loads(line))
    finally:
        too_late.cancel()
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.communicate()
