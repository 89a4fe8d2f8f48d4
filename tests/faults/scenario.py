"""Where one run takes place: topics under a prefix, workers on demand, a load under way, and the clock of recovery."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.performance.apache_kafka import ApacheKafka
from deploy.topics.create import create_topics
from serving.kafka.admin import open_admin
from serving.model.encoder import Encoder
from serving.state.user_state import Vector
from stream.events.weights import Weights
from tests.conftest import Broker
from tests.faults.checker import FINE, Checker, Outcome, Stored
from tests.faults.load import SHOWN, Load
from tests.faults.load_sender import USUAL, LoadSender, Mix, Partitioner, by_murmur2
from tests.faults.oracle import Oracle
from tests.faults.producers import Position
from tests.faults.redis_server import Redis
from tests.faults.watcher import Watcher
from tests.support.system import System, WorkerProcess, running
from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import until

PARTITIONS = 4
RATE = 250.0  # messages/s
FAULTY = "tests.faults.faulty_worker"


class Unexpected(Exception):
    """The fault did not happen, or not what should follow it: the run proves nothing, or the worker is wrong."""


class Skipped(Exception):
    """This machine lacks what the fault needs: nothing was run, and nothing is counted."""


@dataclass(frozen=True)
class Environment:
    """What all runs share: broker, store, model folder, the oracle's encoder. `full`: as long as the table says.

    to_broker, to_store: proxies that a run may have its workers use.
    """

    broker: Broker
    redis: Redis
    model: str
    encoder: Encoder
    weights: Weights
    folder: Path
    full: bool
    to_broker: TcpProxy
    to_store: TcpProxy

    def behind_proxies(self) -> dict[str, str]:
        """What a worker is told that reaches the broker and the store by the proxies alone."""
        return {
            "PENCHANT_BOOTSTRAP": f"127.0.0.1:{self.to_broker.port}",
            "PENCHANT_REDIS": f"redis://127.0.0.1:{self.to_store.port}/0",
        }

    def embed(self, text: str) -> Vector:
        """What a user wrote, `(d,) float32`."""
        row: Vector = self.encoder.embed([text], "query")[0]
        return row

    def liking(self, text: str) -> float:
        """What the model folder's head says of it, -1 to 1; 0 without one."""
        head = self.encoder.sentiment
        return float(head.of(self.embed(text)[None])[0]) if head is not None else 0.0


@dataclass
class Scenario:
    """One run's place. `fault_ended_at`: when the fault was over, on the monotonic clock.

    stack: services of the run's own, which end after its workers. measured: what a kind tells beside the counts.
    """

    environment: Environment
    system: System
    watcher: Watcher
    load: Load
    random: Random
    choose: Partitioner = by_murmur2
    mix: Mix = USUAL
    fault_ended_at: float = 0.0
    pairs_kept: bool = True
    senders: list[LoadSender] = field(default_factory=list)
    places: dict[str, list[Position]] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)
    measured: dict[str, float | str] = field(default_factory=dict)

    # --- Setting up ---

    def worker(self, **environment: str) -> WorkerProcess:
        """Start a worker; with FAULT_… in its environment one that can fail."""
        module = FAULTY if any(name.startswith("FAULT_") for name in environment) else "stream"
        return self.system.start(module, PENCHANT_ENCODER_THREADS="1", OPENBLAS_NUM_THREADS="1", **environment)

    def wait_until_ready(self, *workers: WorkerProcess) -> None:
        """Wait until these take events in."""
        for worker in workers:
            self.wait(worker.ready, 60, "a worker is not ready")

    def use_store(self, url: str) -> None:
        """Have workers and checker use another store; to be called before a worker starts."""
        self.system.redis_url = self.system.environment["PENCHANT_REDIS"] = url

    def use_broker(self, broker: Broker) -> None:
        """Make the topics on another broker, and have everything use that; to be called before a worker starts."""
        environment, topics = self.system.environment, self.system.topics
        folder = self.system.folder / "own"
        folder.mkdir()
        self.system = self.stack.enter_context(running(broker, self.system.redis_url, topics.prefix, folder))
        self.system.environment["PENCHANT_MODEL"] = environment["PENCHANT_MODEL"]
        self.watcher.close()
        self.watcher = Watcher(broker.bootstrap, topics, PARTITIONS)

    def publish_items(self) -> None:
        """Have the films embedded."""
        for film in SHOWN:
            self.system.send(self.system.topics.items, film)
        self.system.producer.flush()
        ids = {film["item_id"] for film in SHOWN}
        self.wait(lambda: ids <= self.watcher.look().items.keys(), 60, "the items were not embedded")

    def start_workers(self, workers: int = 1, **environment: str) -> list[WorkerProcess]:
        """Workers that are ready, and a catalogue."""
        started = [self.worker(**environment) for _ in range(workers)]
        self.wait_until_ready(*started)
        self.publish_items()
        return started

    # --- The load ---

    def start_load(self, load: Load | None = None, rate: float = RATE) -> None:
        """Begin to send."""
        load = load or self.load
        where = (self.system.bootstrap, self.system.topics)
        transactions = isinstance(self.environment.broker, ApacheKafka)
        self.senders.append(LoadSender(*where, load, rate, self.choose, self.mix, transactions=transactions))

    def midway(self, earliest: float = 0.15, latest: float = 0.7) -> None:
        """Wait for a random moment of the load."""
        share = self.random.uniform(earliest, latest)
        self.wait(lambda: self.senders[-1].share >= share, 120, "the load was not sent")

    def finish_load(self) -> None:
        """Wait until all was sent and confirmed."""
        for sender in self.senders:
            sender.close()
            for name, place in sender.places:
                self.places.setdefault(name, []).append(place)
        self.senders.clear()

    # --- The fault ---

    def fault_ended(self) -> None:
        """The fault is over from now on: the time to recover begins."""
        self.fault_ended_at = time.monotonic()

    def wait(self, condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
        """Wait for a condition. Raises Unexpected with the last worker's last lines if it does not come true."""
        if not until(condition, seconds):
            raise Unexpected(f"{otherwise}\n{self.last_lines()}")

    def wait_for_exit(self, worker: WorkerProcess, code: int, seconds: float = 40.0) -> None:
        """Wait until a worker has ended, and with this code."""
        self.wait(lambda: worker.child.exit_code is not None, seconds, f"{worker.child.name} did not end")
        if worker.child.exit_code != code:
            raise Unexpected(f"it ended with {worker.child.exit_code}, not {code}\n{worker.child.last_lines()}")

    def last_lines(self) -> str:
        """What the workers said last."""
        return "\n".join(f"{each.child.name}:\n{each.child.last_lines(12)}" for each in self.system.workers[-2:])

    # --- The end ---

    def all_named(self, load: Load | None = None) -> bool:
        """Whether lists have named all that they must; impressions are named by the next list, which may not come."""
        silent = {each.event_id for each in self.load.events if each.action == "impression"}
        return (load or self.load).names() - silent <= self.watcher.look().named

    def recovered(self) -> tuple[float, Outcome]:
        """Wait until all that was sent is in lists and states. Returns the seconds since the fault was over, and what
        is found when nothing moves any more.
        """
        self.finish_load()
        checker = self._checker()
        found = [Outcome(words=("nobody looked",))]

        def fine() -> bool:
            self.watcher.look()
            found[0] = checker.outcome()
            return found[0] == FINE

        until(self.all_named, 60)
        due = {each.item for each in self.load.events if each.item is not None}
        self.wait(lambda: due <= self.watcher.look().items.keys(), 60, "films of the load were not embedded")
        until(fine, 60)  # a merge that was not answered is asked for again after 30 s
        seconds = time.monotonic() - self.fault_ended_at
        time.sleep(0.5)  # what a worker that is late may still do
        until(fine, 5)
        return seconds, found[0]

    def _checker(self) -> Checker:
        system, environment = self.system, self.environment
        stored = Stored(system.redis_url, system.topics.prefix, PARTITIONS, environment.encoder.fingerprint)
        oracle = Oracle(environment.weights, self.watcher.items, environment.embed, environment.liking)
        return Checker(self.load, oracle, stored, self.watcher, self.places, self.pairs_kept)

    def recreate_topics(self) -> None:
        """Delete every topic and make it again; what was read of the old ones is kept."""
        self.watcher.look().close()
        names = [plan.name for plan in self.system.topics.plan(PARTITIONS)]
        with open_admin(self.system.bootstrap) as admin:
            admin.delete_topics(names)
            self.wait(lambda: not set(names) & set(admin.list_topics()), 30, "the topics were not deleted")
        create_topics(self.system.bootstrap, self.system.topics, PARTITIONS, replication=1)
        self.watcher = Watcher(self.system.bootstrap, self.system.topics, PARTITIONS, before=self.watcher)
        self.pairs_kept = False


@contextmanager
def open_scenario(
    environment: Environment, prefix: str, folder: Path, load: Load, random: Random
) -> Iterator[Scenario]:
    """A scenario, cleared at the end: no process is left, and the topics and keys are gone."""
    with ExitStack() as stack, running(environment.broker, environment.redis.url, prefix, folder) as system:
        system.environment["PENCHANT_MODEL"] = environment.model
        watcher = Watcher(system.bootstrap, system.topics, PARTITIONS)
        scenario = Scenario(environment, system, watcher, load, random, stack=stack)
        try:
            yield scenario
        finally:
            scenario.finish_load()
            scenario.watcher.close()
