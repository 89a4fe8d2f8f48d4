"""How long a worker takes to be ready again, with and without a snapshot of the item statistics, and what that costs.

    python -m benchmarks.restart --items 100000 --events 1000000

A catalogue of random vectors and its co-visits are written to the topics of an embedded broker: every item has events,
each event carries a ring of 20. Then one worker is started twice. Its time includes Python's start, opening the model,
the group's forming (3 s on the embedded broker) and following all item vectors; broker, store and worker share the
machine.
"""

import json
import secrets
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import click
import msgspec
import numpy as np
from kafka import KafkaProducer
from rich.console import Console
from rich.progress import track

from deploy.local.processes import ChildProcess
from deploy.local.services import (
    WORKER_FETCH_WAIT_MS,
    EmbeddedBroker,
    EmbeddedStore,
    free_port,
    start_broker,
    start_store,
)
from deploy.topics.create import create_topics
from penchant.messages import CoVisitEvent, CoVisits, ItemVector
from penchant.topics import Topics
from serving.catalogue import pack
from serving.connections import Connections
from serving.model.artifact import open_artifact

TOPICS = Topics("penchant")
_PARTITIONS, _RING, _PAIRS = 4, 20, 50
_PATIENCE_S = 600.0


def vectors(items: int, dim: int, fingerprint: str) -> Iterator[bytes]:
    """A catalogue as it stands on item-vectors.v1."""
    random = np.random.default_rng(0)
    for n in range(items):
        vector = random.standard_normal(dim).astype(np.float32)
        packed = pack(vector / np.float32(np.linalg.norm(vector)))
        item = ItemVector(
            item_id=f"i{n:07d}",
            title=f"Item {n}",
            facets={},
            available=True,
            revision=secrets.token_hex(8),
            fingerprint=fingerprint,
            vector=packed,
        )
        yield msgspec.json.encode(item)


def covisits(items: int, events: int) -> Iterator[bytes]:
    """Messages of 50 events each, from all partitions in turn; items in a random order, again and again."""
    random = np.random.default_rng(1)
    order = random.permutation(items)
    offsets = [0] * _PARTITIONS
    for start in range(0, events, _PAIRS):
        interacted = [f"i{order[n % items]:07d}" for n in range(start, min(start + _PAIRS, events))]
        partition = start // _PAIRS % _PARTITIONS
        first = offsets[partition]
        offsets[partition] += len(interacted)
        ring = [(f"i{n:07d}", 0.25) for n in random.integers(items, size=_RING).tolist()]
        pairs = [CoVisitEvent(first + n, item, 0.25, ring) for n, item in enumerate(interacted)]
        yield msgspec.json.encode(
            CoVisits(topic=TOPICS.clicks, partition=partition, first=first, last=first + len(pairs) - 1, events=pairs)
        )


def send(bootstrap: str, topic: str, values: Iterable[bytes], count: int) -> None:
    """Write records to a topic; with a key where it is compacted."""
    with closing(KafkaProducer(bootstrap_servers=bootstrap, linger_ms=5, batch_size=1 << 18)) as producer:
        for n, value in enumerate(track(values, topic, count, console=Console(stderr=True))):
            producer.send(topic, key=f"i{n:07d}".encode() if topic == TOPICS.item_vectors else None, value=value)
        producer.flush()


class _TimedWorker:
    """A worker process, started now."""

    def __init__(self, folder: Path, broker: EmbeddedBroker, store: EmbeddedStore, settings: Connections) -> None:
        self._began = time.perf_counter()
        self._url = f"http://127.0.0.1:{(port := free_port())}"
        environment = {
            "PENCHANT_BOOTSTRAP": broker.bootstrap,
            "PENCHANT_REDIS": store.url,
            "PENCHANT_PREFIX": TOPICS.prefix,
            "PENCHANT_MODEL": str(settings.model),
            "PENCHANT_FETCH_WAIT_MS": str(WORKER_FETCH_WAIT_MS),
            "PENCHANT_SESSION_TIMEOUT_S": "6",
            "PENCHANT_STATISTICS_EVERY_S": "1",
            "PENCHANT_HEALTH_PORT": str(port),
        }
        self.child = ChildProcess("worker", [sys.executable, "-m", "stream"], folder / "worker.log", environment)

    def wait(self, ready: bool, metric: str = "") -> float:
        """Wait until it is ready, or until a metric is above 0. Returns seconds since its start."""
        while not (self._ready() if ready else self.metric(metric)):
            elapsed_s = time.perf_counter() - self._began
            if self.child.exit_code is not None or elapsed_s > _PATIENCE_S:
                raise click.ClickException(
                    f"the worker is not there after {elapsed_s:.0f} s: {self.child.last_lines()}"
                )
            time.sleep(0.02)
        return time.perf_counter() - self._began

    def metric(self, name: str) -> float:
        """One line of its metrics, 0 if it is not there."""
        with urlopen(f"{self._url}/metrics", timeout=5) as answer:  # noqa: S310 - loopback
            lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines())
        return float(lines.get(name, 0.0))

    def _ready(self) -> bool:
        try:
            with urlopen(f"{self._url}/health/ready", timeout=5) as answer:  # noqa: S310 - loopback
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


@contextmanager
def stopped(worker: _TimedWorker) -> Iterator[_TimedWorker]:
    """The worker for a block; asked to stop at its end."""
    try:
        yield worker
    finally:
        worker.child.stop()


def _measure(items: int, events: int, settings: Connections) -> dict[str, Any]:
    """Fill the topics, start a worker twice. Returns what is printed."""
    artifact = open_artifact(settings.model)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker, store = start_broker(folder), start_store(folder)
        try:
            create_topics(broker.bootstrap, TOPICS, _PARTITIONS, replication=1)
            send(broker.bootstrap, TOPICS.item_vectors, vectors(items, artifact.dim, artifact.fingerprint), items)
            send(broker.bootstrap, TOPICS.covisits, covisits(items, events), -(-events // _PAIRS))
            told: dict[str, Any] = {"items": items, "events": events}
            told |= {name: {} for name in ("ready_s", "cpu_s", "messages_followed")}
            for how in ("without", "with"):
                with stopped(_TimedWorker(folder, broker, store, settings)) as worker:
                    told["ready_s"][how] = worker.wait(ready=True)
                    told["cpu_s"][how] = worker.metric("process_cpu_seconds_total")
                    told["messages_followed"][how] = worker.metric("penchant_covisits_total")
                    if how == "without":
                        worker.wait(ready=False, metric="penchant_snapshot_bytes")
                        told["snapshot"] = {
                            "bytes": worker.metric("penchant_snapshot_bytes"),
                            "copy_ms": 1000 * worker.metric('penchant_snapshot_seconds{phase="copy"}'),
                            "write_ms": 1000 * worker.metric('penchant_snapshot_seconds{phase="write"}'),
                        }
        finally:
            store.stop()
            broker.stop()
    return told


@click.command(epilog="Example: python -m benchmarks.restart --items 100000")
@click.option("--items", type=click.IntRange(1), default=100_000, show_default=True)
@click.option("--events", type=click.IntRange(1), default=1_000_000, show_default=True, help="On covisits.v1.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures here, too.")
def main(items: int, events: int, file: Path | None) -> None:
    """Print how long a worker takes to be ready with and without a snapshot of the item statistics."""
    told = _measure(items, events, Connections())
    snapshot = told["snapshot"]
    click.echo(f"{items:,} items, {events:,} events on covisits.v1")
    for how in ("without", "with"):
        ready_s, cpu_s, followed = (told[name][how] for name in ("ready_s", "cpu_s", "messages_followed"))
        click.echo(
            f"ready {how:<7} a snapshot  {ready_s:6.1f} s, {cpu_s:.1f} s of CPU, {followed:,.0f} messages followed"
        )
    click.echo(
        f"snapshot {snapshot['bytes'] / 1e6:.1f} MB: the copy holds the event loop for {snapshot['copy_ms']:.1f} ms,"
    )
    click.echo(f"encoding and writing take {snapshot['write_ms']:.0f} ms beside it")
    if file is not None:
        file.write_text(json.dumps(told) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
