"""The system that is measured: `penchant local` as people start it, with a made catalogue, looked at from outside."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil
from confluent_kafka import Producer

from benchmarks.performance.apache_kafka import ApacheKafka
from benchmarks.performance.systems.exposition import totals
from benchmarks.performance.systems.made_catalogue import encoded
from deploy.local.processes import ChildProcess
from deploy.local.services import EmbeddedBroker
from penchant.errors import Misconfigured, Unavailable
from penchant.topics import Topics
from serving.connections import Connections
from serving.model.artifact import open_artifact

_READY_S = 300.0
_LOOK_S = 0.1
_EMBEDDED = "penchant_items_embedded"
# Role -> words of its command line.
_ROLES = {"worker": "-m stream", "api": "deploy.api", "broker": "tansu", "store": "redis-server"}
Progress = Callable[[float], None]  # the share that is done


class Addresses(msgspec.Struct, frozen=True):
    """The line that `penchant local --json` prints."""

    bootstrap: str
    redis: str
    api: str
    prefix: str
    workers: list[str]


@dataclass(frozen=True, kw_only=True)
class SystemOptions:
    """What is started. kafka: Apache Kafka instead of the embedded broker."""

    workers: int = 1
    items: int = 10_000
    k: int = 20
    kafka: bool = False

    @property
    def fetch_wait_ms(self) -> int | None:
        """What clients of the broker ask for."""
        return ApacheKafka.fetch_wait_ms if self.kafka else EmbeddedBroker.fetch_wait_ms


@dataclass(frozen=True)
class MeasuredSystem:
    """A running one. roles: processes by what they do: worker, api, broker, store."""

    options: SystemOptions
    where: Addresses
    roles: Mapping[str, list[psutil.Process]]

    @property
    def topics(self) -> Topics:
        """The names of its topics."""
        return Topics(self.where.prefix)

    def metrics(self) -> dict[str, float]:
        """Of all workers together."""
        return totals(self.where.workers)

    def cpu_s(self) -> dict[str, float]:
        """Seconds of CPU so far, by role."""
        return {role: cpu_seconds(processes) for role, processes in self.roles.items()}

    def memory_mib(self) -> dict[str, float]:
        """Resident memory by role."""
        return {role: sum(each.memory_info().rss for each in some) / 2**20 for role, some in self.roles.items()}

    def fill(self, progress: Progress = lambda _: None) -> None:
        """Publish the made catalogue, and wait until each worker has it."""
        artifact = open_artifact(Connections().model)
        items = self.options.items
        pairs = encoded(items, artifact.dim, artifact.fingerprint)
        published(self.where.bootstrap, self.topics.item_vectors, pairs)
        wanted, deadline = float(items * len(self.where.workers)), time.monotonic() + _READY_S
        while (there := self.metrics().get(_EMBEDDED, 0.0)) < wanted:
            progress(there / wanted)
            if time.monotonic() > deadline:
                raise Unavailable(f"workers know {there:,.0f} of {wanted:,.0f} items after {_READY_S:.0f} s")
            time.sleep(_LOOK_S)
        progress(1.0)


def published(bootstrap: str, topic: str, pairs: Iterator[tuple[bytes, bytes]]) -> None:
    """Write records to a topic, and wait until the broker has them."""
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2", "linger.ms": 5})
    for key, value in pairs:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.05)
    if left := producer.flush(60):
        raise Unavailable(f"{bootstrap} did not take {left} records of {topic} in a minute")


def cpu_seconds(processes: list[psutil.Process]) -> float:
    """Of some processes so far, user's and system's."""
    return float(sum(times.user + times.system for times in (each.cpu_times() for each in processes)))


@contextmanager
def running_system(options: SystemOptions) -> Iterator[MeasuredSystem]:
    """Start it, stop it at the end. Raises Misconfigured if it does not come up."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penchant-bench-")))
        command = [sys.executable, "-m", "deploy.cli", "local", "--json", "--workers", str(options.workers)]
        broker: list[psutil.Process] = []
        if options.kafka:
            kafka = ApacheKafka(folder)
            stack.callback(kafka.stop)
            kafka.start()
            command += ["--bootstrap", kafka.bootstrap]
            broker = named("java")
        environment = {**os.environ, "PENCHANT_K": str(options.k)}
        process = ChildProcess("penchant local", command, folder / "local.log", environment)
        stack.callback(process.stop, 30.0)
        where = _where(process)
        roles = _roles(process.pid) | ({"broker": broker} if broker else {})
        yield MeasuredSystem(options, where, roles)


def named(name: str) -> list[psutil.Process]:
    """The processes below this one of a program."""
    return [each for each in psutil.Process().children(recursive=True) if name in each.name()]


def _where(process: ChildProcess) -> Addresses:
    deadline = time.monotonic() + _READY_S
    while process.exit_code is None and time.monotonic() < deadline:
        for line in process.log.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("{"):
                return msgspec.json.decode(line, type=Addresses)
        time.sleep(_LOOK_S)
    raise Misconfigured(f"penchant local did not come up; its last words:\n{process.last_lines()}")


def _roles(pid: int) -> dict[str, list[psutil.Process]]:
    commands = [(each, " ".join(each.cmdline())) for each in psutil.Process(pid).children(recursive=True)]
    return {role: [each for each, command in commands if words in command] for role, words in _ROLES.items()}
