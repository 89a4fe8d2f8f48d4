"""Broker, store, workers and API on this machine, started in order, watched, and all gone at the end."""

import secrets
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from deploy.local.processes import ChildProcess
from deploy.local.services import (
    API_FETCH_WAIT_MS,
    WORKER_FETCH_WAIT_MS,
    Service,
    free_port,
    free_ports,
    start_broker,
    start_store,
)
from deploy.local.signals import stopping_signals
from deploy.local.supervisor import MAX_DEATHS, SupervisedProcess
from deploy.topics.adopt import adopt
from deploy.topics.create import create_topics
from penchant.errors import Stuck, Unavailable
from serving.connections import Connections
from serving.redis.url import without_password
from serving.terminal.printing import complain, print_json, say

__all__ = ["LocalSystem"]

_EMBEDDED_SERVES = (
    "the embedded broker serves kafka-python, aiokafka and librdkafka (confluent-kafka); for franz-go, Java's client, "
    "idempotent KafkaJS and transactions use Apache Kafka: --bootstrap HOST:PORT"
)
_READY_TIMEOUT_S = 300.0
_LOOK_EVERY_S = 0.25
_STOP_PATIENCE_S = 10.0
_EMBEDDED_SESSION_S = 6  # a group forms after half a session on the embedded broker
WORKER = "stream"  # the module that is run
_PROBE_EVERY_S = 2.0
_HUNG = 2  # times the silence after which a process ends itself: that comes first


@dataclass
class LocalSystem:
    """The whole system. `bootstrap` and `redis` None: embedded ones."""

    bootstrap: str | None
    redis: str | None
    workers: int
    partitions: int
    _stopped: threading.Event = field(default_factory=threading.Event)
    _services: list[Service] = field(default_factory=list)
    _supervised: list[SupervisedProcess] = field(default_factory=list)
    _silent_s: float = 60.0

    def run(self, *, as_json: bool) -> int:
        """Run until SIGTERM, SIGINT, SIGHUP or SIGQUIT; return the exit code.

        0 if it was told to stop; else that of the worker that could not be kept running, 75 if the embedded broker
        or store died, 70 if the workers were not ready in 5 minutes. Raises `Misconfigured` and `Unavailable`.
        """
        with self._until_signalled(), ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penchant-")))
            stack.callback(self._stop_all)
            api_port = free_port()
            environment = self._start_services(folder)
            settings = self._settings(environment)
            self._create_topics(settings)
            self._start_processes(folder, environment, api_port)
            threading.Thread(target=self._probe, name="probes", daemon=True).start()
            self._silent_s = _HUNG * settings.loop_silent_s
            if (code := self._watch(until_ready=True)) is not None:
                return code
            if self._stopped.is_set():
                return 0
            workers = [process.health for process in self._supervised if process.name != "api"]
            # The embedded store's password was made for this run: who is to use it has it from here.
            redis = settings.redis if self.redis is None else without_password(settings.redis)
            _announce(settings, redis, f"http://127.0.0.1:{api_port}", workers, folder, as_json=as_json)
            return self._watch(until_ready=False) or 0

    @contextmanager
    def _until_signalled(self) -> Iterator[None]:
        """Note what tells us to stop rather than die of it; a second one changes nothing, all are being stopped."""

        def note(_: int, __: FrameType | None) -> None:
            # Not set here: `set` takes a lock that the interrupted wait may hold, and both would wait for ever.
            threading.Thread(target=self._stopped.set, name="stop").start()

        before = {number: signal.signal(number, note) for number in stopping_signals()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _start_services(self, folder: Path) -> dict[str, str]:
        """Start what is not running elsewhere; return the environment of workers and API."""
        settings = Connections()
        environment = {
            "PENCHANT_PREFIX": settings.prefix,
            "PENCHANT_MODEL": str(settings.model.absolute()),
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(folder),
        }
        if self.bootstrap is None:
            complain(f"penchant: {_EMBEDDED_SERVES}")
            broker = start_broker(folder)
            self._services.append(broker)
            environment["PENCHANT_BOOTSTRAP"] = broker.bootstrap
            environment["PENCHANT_KAFKA_SECURITY_PROTOCOL"] = "PLAINTEXT"  # whatever is set for another broker
            environment["PENCHANT_FETCH_WAIT_MS"] = str(WORKER_FETCH_WAIT_MS)
            environment["PENCHANT_API_FETCH_WAIT_MS"] = str(API_FETCH_WAIT_MS)
            environment["PENCHANT_SESSION_TIMEOUT_S"] = str(_EMBEDDED_SESSION_S)
        else:
            environment["PENCHANT_BOOTSTRAP"] = self.bootstrap
        if self.redis is None:
            store = start_store(folder, password=secrets.token_urlsafe(24))  # others are on this machine, too
            self._services.append(store)
            environment["PENCHANT_REDIS"] = store.url
        else:
            environment["PENCHANT_REDIS"] = self.redis
        return environment

    def _settings(self, environment: dict[str, str]) -> Connections:
        """Where everything is that runs now."""
        where = {"bootstrap": environment["PENCHANT_BOOTSTRAP"], "redis": environment["PENCHANT_REDIS"]}
        plain = {"kafka_security_protocol": "PLAINTEXT"} if self.bootstrap is None else {}
        return Connections(**where, **plain)

    def _create_topics(self, settings: Connections) -> None:
        created = create_topics(settings.brokers, settings.topics, self.partitions, replication=1)
        for finding in created.differing:
            complain(f"penchant: {finding}")
        if self.bootstrap is None and self.redis is not None:
            self._adopt(settings)

    def _adopt(self, settings: Connections) -> None:
        """A broker of its own begins with topics that a kept store does not know; nobody else can be on them."""
        if forgotten := adopt(settings, force=True).forgotten:
            complain(
                f"penchant: the store was kept, the topics are new: interests stay, and {', '.join(forgotten)} "
                "are read from the start"
            )

    def _start_processes(self, folder: Path, environment: dict[str, str], api_port: int) -> None:
        ports = free_ports(self.workers)
        for number, port in enumerate(ports, start=1):
            own = {**environment, "PENCHANT_HEALTH_PORT": str(port)}
            self._supervise(f"worker-{number}", WORKER, folder, port, own)
        own = {**environment, "PENCHANT_API_HOST": "127.0.0.1", "PENCHANT_API_PORT": str(api_port)}
        own["PENCHANT_API_WORKERS"] = ",".join(f"http://127.0.0.1:{port}" for port in ports)
        self._supervise("api", "deploy.api", folder, api_port, own)

    def _supervise(self, name: str, module: str, folder: Path, port: int, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", module]
        self._supervised.append(SupervisedProcess(name, command, folder, f"http://127.0.0.1:{port}", environment))

    def _watch(self, *, until_ready: bool) -> int | None:
        """Look after everything until told to stop, or until all are ready; an exit code if one is lost for good."""
        looks_left = int(_READY_TIMEOUT_S / _LOOK_EVERY_S)
        waiting = list(self._supervised) if until_ready else []
        while not self._stopped.wait(_LOOK_EVERY_S):
            for service in self._services:
                if service.child.exit_code is not None:
                    return _lost(service.child, Unavailable.exit_code)
            for process in self._supervised:
                process.kill_if_hung(self._silent_s)
                alive = process.restart_if_dead()
                for words in process.drain_messages():
                    complain(f"penchant: {words}")
                if not alive:
                    return self._given_up(process)
            if until_ready:
                waiting = [process for process in waiting if not process.ready()]
                looks_left -= 1
                if not waiting:
                    return None
                if looks_left == 0:
                    return _lost(waiting[0].child, Stuck.exit_code)
        return None

    def _probe(self) -> None:
        """Ask all children for signs of life; in a thread of its own, since `_watch` must not wait for a sick one."""
        while not self._stopped.wait(_PROBE_EVERY_S):
            for process in self._supervised:
                process.probe()

    def _given_up(self, process: SupervisedProcess) -> int:
        """Say why one process was the end of all, and what there is afterwards."""
        code = _lost(process.child, process.child.exit_code or 1)
        if process.restarts >= MAX_DEATHS:
            complain(f"penchant: {process.name} is given up, started again {MAX_DEATHS} times in 5 minutes")
        parts = [
            (self.bootstrap, "what was sent stays on the broker", "what was sent goes with the embedded broker"),
            (self.redis, "interests stay in Redis", "interests go with the embedded Redis"),
        ]
        complain(f"penchant: {'; '.join(there if given else gone for given, there, gone in parts)}")
        return code

    def _stop_all(self) -> None:
        """Stop workers and API together, then the services on which they stand."""
        for process in self._supervised:
            process.child.ask_to_stop()
        for process in self._supervised:
            process.child.stop(_STOP_PATIENCE_S)
        for service in self._services:
            service.stop()


def last_words(child: ChildProcess) -> None:
    """Say what ended, or is not ready, and the end of its log, in which others may be quoted."""
    state = "is not ready" if child.exit_code is None else f"ended with {child.exit_code}"
    complain(f"penchant: {child.name} {state}; the end of its log:\n{child.last_lines()}")


def _lost(child: ChildProcess, exit_code: int) -> int:
    """Say what ended and its last words; return the code to end with (128 + signal, as shells say it)."""
    last_words(child)
    return 128 - exit_code if exit_code < 0 else exit_code


def _announce(settings: Connections, redis: str, api: str, workers: list[str], folder: Path, *, as_json: bool) -> None:
    """Say where everything is. `redis`: the store as it may be shown."""
    where = {"bootstrap": settings.bootstrap, "redis": redis, "api": api, "prefix": settings.prefix}
    if as_json:
        print_json(where | {"workers": workers})
        return
    for name, value in where.items():
        say(f"{name:<10} {value}")
    say(f"{'workers':<10} {' '.join(workers)}")
    say(f"{'logs':<10} {folder}")
    say(f"\nReady. The page, in a browser: {api}/")
    say("In another terminal:")
    variable = f" PENCHANT_REDIS={redis}" if redis == settings.redis else "  # and PENCHANT_REDIS, as you gave it"
    say(f"  export PENCHANT_BOOTSTRAP={settings.bootstrap}{variable}")
    say("  penchant produce items.jsonl")
    say("  penchant watch u1")
    say("Ctrl-C stops everything.")
