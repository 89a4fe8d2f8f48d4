"""Real workers over the tests' broker and store, and a producer and a consumer as anybody would write them."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import redis
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from deploy.local.processes import ChildProcess
from deploy.local.services import WORKER_FETCH_WAIT_MS, free_port
from deploy.topics.create import create_topics
from penchant.topics import Topics
from tests.conftest import Broker
from tests.support.waiting import until

MODEL = os.environ.get("PENCHANT_MODEL", ".cache/models/default")
READY_S = 60.0
_ANSWER_S = 60.0  # within which metrics come, however busy the worker is
Message = dict[str, Any]


class WorkerProcess:
    """A worker as a child process."""

    def __init__(
        self,
        folder: Path,
        number: int,
        environment: Mapping[str, str],
        module: str = "stream",
        tree: Path | None = None,
    ) -> None:
        self.port = free_port()
        command = [*(["env", "-C", str(tree)] if tree is not None else []), sys.executable, "-m", module]
        mine = {**environment, "PENCHANT_HEALTH_PORT": str(self.port)}
        self.child = ChildProcess(f"worker-{number}", command, folder / f"worker-{number}.log", mine)

    def ready(self) -> bool:
        """Whether it says that it takes events in."""
        if self.child.exit_code is not None:
            raise AssertionError(f"the worker ended with {self.child.exit_code}:\n{self.child.last_lines()}")
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def metric(self, line: str) -> float:
        """The value of one line of its metrics, 0 if it is not there."""
        with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=_ANSWER_S) as answer:
            for row in answer.read().decode().splitlines():
                if row.startswith(f"{line} "):
                    return float(row.rsplit(" ", 1)[1])
        return 0.0

    def knows(self, items: int) -> bool:
        """Whether it has the vectors of so many, or takes nothing in."""
        running = self.child.exit_code is None and self.ready()
        return not running or self.metric("penchant_items_embedded") >= items

    def kill(self) -> None:
        """As a crash would."""
        os.kill(self.child.pid, signal.SIGKILL)
        self.child.kill()


class System:
    """Topics under a prefix, workers on demand, one producer, and every list and dead letter that was published."""

    def __init__(self, broker: Broker, redis_url: str, prefix: str, folder: Path) -> None:
        self.topics = Topics(prefix)
        self.bootstrap = broker.bootstrap
        self.redis_url = redis_url
        self.folder = folder
        self.partitions = 4
        self.environment = {
            "PENCHANT_BOOTSTRAP": broker.bootstrap,
            "PENCHANT_REDIS": redis_url,
            "PENCHANT_PREFIX": prefix,
            "PENCHANT_MODEL": MODEL,
            "PENCHANT_SESSION_TIMEOUT_S": "6",
        }
        if broker.fetch_wait_ms is not None:
            self.environment["PENCHANT_FETCH_WAIT_MS"] = str(WORKER_FETCH_WAIT_MS)
        self.tree: Path | None = None  # where workers are started from, if not from here
        self.workers: list[WorkerProcess] = []
        self.records: dict[str, list[Any]] = {}
        create_topics(broker.bootstrap, self.topics, self.partitions, replication=1)
        self.producer = KafkaProducer(bootstrap_servers=broker.bootstrap, linger_ms=2)
        self._consumer = KafkaConsumer(
            bootstrap_servers=broker.bootstrap, enable_auto_commit=False, fetch_max_wait_ms=10
        )
        names = [self.topics.recommendations, self.topics.receipts, self.topics.item_vectors]
        names += [f"{name}.dlq" for name in (self.topics.clicks, self.topics.reviews, self.topics.items)]
        self._consumer.assign([TopicPartition(name, n) for name in names for n in range(self.partitions)])
        self._consumer.seek_to_beginning()

    def start(self, module: str = "stream", **environment: str) -> WorkerProcess:
        """Start a worker; `ready` says when it works. `module`: another program that is one."""
        worker = WorkerProcess(self.folder, len(self.workers), {**self.environment, **environment}, module, self.tree)
        self.workers.append(worker)
        return worker

    def start_ready(self, **environment: str) -> WorkerProcess:
        """Start a worker and wait until it takes events in."""
        worker = self.start(**environment)
        assert until(worker.ready, READY_S), worker.child.last_lines()
        return worker

    def send(self, topic: str, message: Message | bytes | None, key: str | None = None, **options: Any) -> Any:
        """Send one message keyed by its user or item. Returns kafka-python's future."""
        if isinstance(message, dict):
            key = key or message.get("user_id") or message["item_id"]
            message = json.dumps(message, ensure_ascii=False).encode()
        return self.producer.send(topic, key=key.encode() if key is not None else None, value=message, **options)

    def click(self, user: str, item: str, kind: str = "click", **fields: Any) -> None:
        """Send one action."""
        self.send(self.topics.clicks, {"user_id": user, "item_id": item, "type": kind, **fields})

    def say(self, user: str, text: str, **fields: Any) -> None:
        """Send one statement."""
        self.send(self.topics.reviews, {"user_id": user, "text": text, **fields})

    def publish(self, items: Iterable[Message]) -> None:
        """Send items and wait until each has its vector, and the workers that are ready know so many."""
        ids = {item["item_id"] for item in items if self.send(self.topics.items, item) is not None}
        self.producer.flush()
        assert until(lambda: ids <= {r.key.decode() for r in self.read(self.topics.item_vectors)}, 120), (
            "items were not embedded"
        )
        newest = {record.key: record.value for record in self.read(self.topics.item_vectors)}
        known = sum(value is not None for value in newest.values())
        until(lambda: all(worker.knows(known) for worker in self.workers), 30)  # one of another model never does

    def read(self, topic: str) -> list[Any]:
        """All records of a topic so far."""
        for partition, records in self._consumer.poll(timeout_ms=20, max_records=5000).items():
            self.records.setdefault(partition.topic, []).extend(records)
        return self.records.get(topic, [])

    def lists(self, user: str) -> list[Message]:
        """A user's lists so far, oldest first; the null after an erasure is none."""
        records = self.read(self.topics.recommendations)
        return [json.loads(r.value) for r in records if r.key == user.encode() and r.value is not None]

    def named(self) -> set[str]:
        """The event ids that lists have named so far."""
        lists = (json.loads(r.value) for r in self.read(self.topics.recommendations) if r.value)
        return {folded["event_id"] for made in lists for folded in made["folded"]}

    def list_for(self, user: str, event_id: str, seconds: float = 20.0) -> Message:
        """The first list of a user that names an event; waits for it."""
        found: list[Message] = []

        def there() -> bool:
            found[:] = [m for m in self.lists(user) if any(f["event_id"] == event_id for f in m["folded"])]
            return bool(found)

        assert until(there, seconds), f"no list of {user} names {event_id}\n{self.workers[-1].child.last_lines()}"
        return found[0]

    def read_list_for(self, user: str, event_id: str) -> Message:
        """The first list of a user that a text was folded into: on a busy machine the encoder may miss it at first."""
        found: list[Message] = []

        def there() -> bool:
            folded = ((made, each) for made in self.lists(user) for each in made["folded"])
            found[:] = [made for made, each in folded if each["event_id"] == event_id and not each.get("waiting")]
            return bool(found)

        assert until(there), f"{event_id} of {user} was not read\n{self.workers[-1].child.last_lines()}"
        return found[0]

    def receipt_of(self, command_id: str) -> Message:
        """The receipt of a command; waits for it."""
        made: list[Message] = []

        def there() -> bool:
            records = self.read(self.topics.receipts)
            made[:] = [json.loads(record.value) for record in records if record.key == command_id.encode()]
            return bool(made)

        assert until(there, 20), self.workers[-1].child.last_lines()
        return made[0]

    def dead(self, topic: str, count: int, seconds: float = 20.0) -> list[Any]:
        """The dead letters of a topic, once there are at least `count`."""
        assert until(lambda: len(self.read(f"{topic}.dlq")) >= count, seconds), self.workers[-1].child.last_lines()
        return self.records[f"{topic}.dlq"]

    def reasons(self, topic: str) -> set[str]:
        """The reasons under which dead letters of a topic lie so far."""
        return {header(record, "penchant.error") for record in self.read(f"{topic}.dlq")}

    def stored(self) -> list[bytes]:
        """The keys of this prefix in Redis."""
        with redis.Redis.from_url(self.redis_url) as client:
            return list(client.scan_iter(match=f"*{self.topics.prefix}*", count=1000))

    def close(self) -> None:
        """Stop everything."""
        for worker in self.workers:
            worker.child.ask_to_stop()
        for worker in self.workers:
            worker.child.stop()
        self.producer.close()
        self._consumer.close()


@contextmanager
def running(broker: Broker, redis_url: str, prefix: str, folder: Path) -> Iterator[System]:
    """A system without workers yet, closed at the end."""
    system = System(broker, redis_url, prefix, folder)
    try:
        yield system
    finally:
        system.close()


def header(record: Any, name: str) -> str:
    """A header's text."""
    return str(dict(record.headers)[name].decode())


def now_ms() -> int:
    """The wall clock, ms since 1970."""
    return time.time_ns() // 1_000_000
