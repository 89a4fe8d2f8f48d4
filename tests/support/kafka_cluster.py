"""Three brokers of Apache Kafka and a controller of their own, small heaps, loopback ports: each dies by itself."""

import subprocess
from pathlib import Path

from kafka.admin import ConfigResource, ConfigResourceType

from benchmarks.performance.apache_kafka import START_TIMEOUT_S, cluster_id, fetch_jars
from deploy.local.processes import ChildProcess
from deploy.local.services import free_port
from penchant.errors import Misconfigured, Unavailable
from serving.kafka.admin import open_admin
from tests.support.waiting import until

BROKERS = (1, 2, 3)
_CONTROLLER = 100
_QUORUM = "controller.quorum.voters={node}@127.0.0.1:{port}\ncontroller.listener.names=CONTROLLER\n"
_CONTROLLER_PROPERTIES = """\
process.roles=controller
listeners=CONTROLLER://127.0.0.1:{port}
"""
_BROKER_PROPERTIES = """\
process.roles=broker
listeners=PLAINTEXT://127.0.0.1:{port}
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=3
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=1
log.message.timestamp.after.max.ms=9223372036854775807
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=4000
log.cleaner.dedupe.buffer.size=4194304
"""
_JAVA = ("java", "-Xmx192m", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class KafkaCluster:
    """Brokers 1 to 3, whose logs outlive them."""

    fetch_wait_ms = None

    def __init__(self, folder: Path) -> None:
        self._ports = ports = {node: free_port() for node in (_CONTROLLER, *BROKERS)}
        self.bootstrap = ",".join(f"127.0.0.1:{ports[node]}" for node in BROKERS)
        self._folder = folder
        self._classpath = f"{fetch_jars()}/*"
        self._children: dict[int, ChildProcess] = {}
        quorum, name = _QUORUM.format(node=_CONTROLLER, port=ports[_CONTROLLER]), cluster_id()
        for node, port in ports.items():
            properties = _CONTROLLER_PROPERTIES if node == _CONTROLLER else _BROKER_PROPERTIES
            mine = f"node.id={node}\nlog.dirs={folder / str(node)}\n"
            self._properties(node).write_text(properties.format(port=port) + mine + quorum, encoding="utf-8")
            self._java("kafka.tools.StorageTool", "format", "-t", name, "-c", str(self._properties(node)))

    def start(self, *brokers: int) -> None:
        """Start these brokers, and the controller if it does not run; wait until they take part."""
        for node in (_CONTROLLER, *brokers):
            self._start(node)
        children = [self._children[broker] for broker in brokers]

        def ended() -> bool:
            return any(child.exit_code is not None for child in children)

        came = until(lambda: all(map(self._answers, brokers)) or ended(), START_TIMEOUT_S / 4)
        if not came or ended():
            said = "\n".join(f"{child.name} ({child.exit_code}):\n{child.last_lines()}" for child in children)
            raise Misconfigured(f"brokers did not come up: {said}")

    def kill(self, *brokers: int) -> None:
        """End them as a crash would; their logs stay."""
        for node in brokers:
            self._children[node].kill()

    def stop(self) -> None:
        """End everything."""
        for child in self._children.values():
            child.kill()

    def leaders(self, *topics: str) -> set[int]:
        """Who leads partitions of these topics; -1: nobody."""
        try:
            with open_admin(self.bootstrap) as admin:
                told = admin.describe_topics(list(topics))
        except Unavailable:
            return {-1}
        return {part["leader_id"] for topic in told for part in topic["partitions"]}

    def configure(self, topics: list[str], **settings: str) -> None:
        """Give topics other settings; `_` stands for a dot."""
        configs = {name.replace("_", "."): value for name, value in settings.items()}
        with open_admin(self.bootstrap) as admin:
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs) for topic in topics])

    def _start(self, node: int) -> None:
        child = self._children.get(node)
        if child is None or child.exit_code is not None:
            command = [*_JAVA, "-cp", self._classpath, "kafka.Kafka", str(self._properties(node))]
            self._children[node] = ChildProcess(f"kafka-{node}", command, self._folder / f"{node}.log")

    def _answers(self, broker: int) -> bool:
        """Whether a broker says itself that it takes part: others may take one for alive that was just killed."""
        try:
            with open_admin(f"127.0.0.1:{self._ports[broker]}", timeout_s=10.0) as admin:
                return broker in {each["broker_id"] for each in admin.describe_cluster()["brokers"]}
        except Unavailable:
            return False

    def _properties(self, node: int) -> Path:
        return self._folder / f"{node}.properties"

    def _java(self, *command: str) -> None:
        started = ["java", "-XX:TieredStopAtLevel=1", "-cp", self._classpath, *command]
        subprocess.run(started, check=True, capture_output=True, stdin=subprocess.DEVNULL)
