"""Apache Kafka for tests and benchmarks: fetched with Maven once, one KRaft process, a small heap, loopback ports."""

import base64
import fcntl
import shutil
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.processes import ChildProcess
from deploy.local.services import free_port
from penchant.errors import Misconfigured, Unavailable
from serving.kafka.admin import open_admin

ROOT = Path(__file__).parents[2]
JARS = ROOT / ".cache" / "kafka"
POM = Path(__file__).with_name("pom.xml")
START_TIMEOUT_S = 300.0  # a few seconds as a rule, several times as many where others start beside it

# Producers' clocks are taken as they are: brokers before 4.0 do, and this one can be told to.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{secured}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{advertised}
log.dirs={logs}
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
log.message.timestamp.after.max.ms=9223372036854775807
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
"""


def fetch_jars() -> Path:
    """Fetch the broker's jars into .cache/kafka unless they are there. Raises `Misconfigured` without Java or Maven."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise Misconfigured(f"{tool} is not installed: Apache Kafka needs Java 17 and is fetched with Maven")
    JARS.parent.mkdir(exist_ok=True)
    with JARS.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in two processes
        return _fetch_jars()


def _fetch_jars() -> Path:
    stamp = JARS / "pom.xml"
    if stamp.exists() and stamp.read_bytes() == POM.read_bytes():
        return JARS
    shutil.rmtree(JARS, ignore_errors=True)
    command = ["mvn", "-B", "-q", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={JARS}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Misconfigured(f"Maven could not fetch Apache Kafka:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    shutil.copy(POM, stamp)  # last: jars that were fetched halfway are fetched again
    return JARS


@dataclass(frozen=True)
class SecuredListeners:
    """Beside the plain one. scram_logins: as StorageTool takes them. advertised: ports told instead of `ports`."""

    ports: Mapping[str, int] = field(default_factory=dict)
    properties: str = ""
    scram_logins: Sequence[str] = ()
    advertised: Mapping[str, int] = field(default_factory=dict)


class ApacheKafka:
    """One broker process whose log outlives it: `kill` or `stop`, then `start` again on the same port.

    `fetch_wait_ms` None: it answers a fetch as soon as there is data, so clients keep their own wait.
    """

    fetch_wait_ms = None

    def __init__(self, folder: Path, more: "SecuredListeners | None" = None) -> None:
        self.folder = folder
        self._more = more or SecuredListeners()
        self.port = free_port()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self._classpath = f"{fetch_jars()}/*"
        self._properties = folder / "server.properties"
        self._properties.write_text(
            PROPERTIES.format(
                port=self.port,
                controller=free_port(),
                logs=folder / "logs",
                secured=_listeners(self._more.ports),
                advertised=_listeners({**self._more.ports, **self._more.advertised}),
            )
            + self._more.properties,
            encoding="utf-8",
        )
        self._child: ChildProcess | None = None
        self._format()

    def start(self) -> None:
        """Start the process and wait until it answers."""
        command = ["java", "-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        command += ["-cp", self._classpath, "kafka.Kafka", str(self._properties)]
        self._child = ChildProcess("kafka", command, self.folder / "kafka.log")
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._child.exit_code is not None or time.monotonic() > deadline:
                self._child.kill()
                raise Misconfigured(f"Apache Kafka did not come up:\n{self._child.last_lines()}")
            time.sleep(0.05)

    @property
    def running(self) -> bool:
        """Whether its process has not ended."""
        return self._child is not None and self._child.exit_code is None

    def stop(self) -> None:
        """Stop it in order; its log stays."""
        if self._child is not None:
            self._child.stop(patience_s=20.0)

    def kill(self) -> None:
        """End it as a crash would; its log stays."""
        if self._child is not None:
            self._child.kill()

    def _format(self) -> None:
        command = ["java", "-XX:TieredStopAtLevel=1", "-cp", self._classpath, "kafka.tools.StorageTool", "format"]
        command += ["--standalone", "-t", cluster_id(), "-c", str(self._properties)]
        for login in self._more.scram_logins:
            command += ["--add-scram", login]
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)

    def _answers(self) -> bool:
        try:
            with open_admin(self.bootstrap, timeout_s=1.0) as admin:
                admin.list_topics()
        except Unavailable:
            return False
        return True


def _listeners(ports: Mapping[str, int]) -> str:
    return "".join(f",{name}://127.0.0.1:{port}" for name, port in ports.items())


def cluster_id() -> str:
    """Make a random id in Kafka's form: a UUID in 22 characters of URL-safe base64."""
    made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return f"A{made[1:]}" if made.startswith("-") else made  # which would be read as an option: one in 64
