"""The whole system as people start it, `penchant local --json`, for one block."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from deploy.local.processes import ChildProcess
from deploy.options import broker_named
from penchant.errors import Misconfigured, Unavailable
from penchant.topics import Topic, Topics
from serving.connections import Connections
from serving.kafka.admin import read_topic
from serving.kafka.brokers import Brokers

__all__ = ()

_READY_S = 300.0
_LOOK_S = 0.1
_DOCTOR_S = 1.0
_MIB = 1024 * 1024


class Addresses(msgspec.Struct, frozen=True):
    """The line that `penchant local --json` prints."""

    bootstrap: str
    redis: str
    api: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory in MiB: of the workers, of the store's process, and what the store itself counts as used."""

    workers_mib: float
    store_mib: float
    store_used_mib: float


@dataclass(frozen=True, slots=True)
class RunningSystem:
    """A running system."""

    where: Addresses
    process: ChildProcess

    @property
    def topics(self) -> Topics:
        """The names of its topics."""
        return Topics(self.where.prefix)

    @property
    def brokers(self) -> Brokers:
        """How its broker is reached: as the environment says if that names one, else plainly."""
        return Connections(bootstrap=self.where.bootstrap).brokers if broker_named() else Brokers(self.where.bootstrap)

    def until_embedded(self, items: int, progress: Callable[[int], None], timeout_s: float = 600.0) -> None:
        """Wait until `penchant doctor --json` counts so many vectors. Raises Unavailable after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while (count := self._embedded()) < items:
            progress(count)
            if time.monotonic() > deadline:
                raise Unavailable(f"{count} of {items} items were embedded in {timeout_s:.0f} s: see the worker's log")
            time.sleep(_DOCTOR_S)
        progress(count)

    def dead_letters(self) -> int:
        """How many records stand on the dead-letter topics."""
        return sum(
            1 for topic in Topic if topic.value.dead_letters for _ in read_topic(self.brokers, self.topics.dlq(topic))
        )

    def memory(self) -> Memory:
        """What workers and store take now."""
        from serving.redis.clients import blocking_client

        commands = [(process, process.cmdline()) for process in psutil.Process(self.process.pid).children(True)]
        workers = [process for process, command in commands if command[1:3] == ["-m", "stream"]]
        stores = [process for process, command in commands if "redis-server" in " ".join(command[:1])]
        with blocking_client(self.where.redis, _LOOK_S * 100) as store:
            told = store.info("memory")
            each = [told] if "used_memory" in told else list(told.values())  # a cluster's nodes answer one by one
            used = sum(float(node["used_memory"]) for node in each)
        return Memory(_resident(workers), _resident(stores), used / _MIB)

    def _embedded(self) -> int:
        command = [sys.executable, "-m", "deploy.cli", "doctor", "--json"]
        where = self.where
        named = {"bootstrap": where.bootstrap, "redis": where.redis, "prefix": where.prefix}
        environment = {**os.environ, **{f"PENCHANT_{name.upper()}": value for name, value in named.items()}}
        if not broker_named():
            environment["PENCHANT_KAFKA_SECURITY_PROTOCOL"] = "PLAINTEXT"
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        try:
            return int(json.loads(done.stdout)["items_embedded"].get("count", 0))
        except (ValueError, KeyError) as error:
            raise Unavailable(f"penchant doctor said nothing: {done.stderr.strip()[-500:]}") from error


def _resident(processes: list[psutil.Process]) -> float:
    return float(sum(process.memory_info().rss for process in processes)) / _MIB


@contextmanager
def running(environment: Mapping[str, str] | None = None) -> Iterator[RunningSystem]:
    """Start `penchant local` on free ports and stop it at the end. Raises Misconfigured if it does not come up."""
    with tempfile.TemporaryDirectory(prefix="penchant-demo-") as folder:
        command = [sys.executable, "-m", "deploy.cli", "local", "--json"]
        log = Path(folder) / "local.log"
        process = ChildProcess("penchant local", command, log, environment)
        try:
            yield RunningSystem(_where(process, log), process)
        finally:
            process.stop(30.0)


def _where(process: ChildProcess, log: Path) -> Addresses:
    deadline = time.monotonic() + _READY_S
    while process.exit_code is None and time.monotonic() < deadline:
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("{"):
                return msgspec.json.decode(line, type=Addresses)
        time.sleep(_LOOK_S)
    raise Misconfigured(f"penchant local did not come up; its last words:\n{process.last_lines()}")
