"""A whole worker on a Redis Cluster, and through a fail-over that sentinels make: events, lists, replay, doctor."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from penchant.errors import Misconfigured
from serving.redis.clients import blocking_client, client_of, generation
from stream.store.base import Commit, Retention, Saved
from stream.store.redis import Store
from stream.testing import FINGERPRINT
from tests.conftest import ON_APACHE, Broker, missing
from tests.support import redis_servers
from tests.support.command import Ran, penchant
from tests.support.cut_off import CutOffSentinels
from tests.support.redis_servers import RedisCluster, Sentinels
from tests.support.system import System, WorkerProcess, running
from tests.support.waiting import until

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(not ON_APACHE, reason="needs a redis-server with TLS: `make test-kafka`"),
]
ITEMS = [{"item_id": f"i{number}", "title": title} for number, title in enumerate(("Solaris", "Stalker", "Alien"))]
IDENTITIES = {"clicks": "c/1", "reviews": "r/1"}
USERS = 24  # so that each of four partitions has some, whatever the prefix


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    try:
        redis_servers.executable()
    except Misconfigured as error:
        missing(error)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RedisCluster]:
    made = RedisCluster(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def cut_off(tmp_path: Path) -> Iterator[CutOffSentinels]:
    made = CutOffSentinels(tmp_path)
    yield made
    made.stop()


def click(system: System, first: int, count: int) -> set[str]:
    """Have users click; the events' ids."""
    ids = {f"c-{number}" for number in range(first, first + count)}
    for number in range(first, first + count):
        system.click(f"u{number % USERS}", f"i{number % 3}", event_id=f"c-{number}")
    system.producer.flush()
    return ids


def run(system: System, *command: str) -> Ran:
    where = ["--bootstrap", system.bootstrap, "--redis", system.redis_url, "--prefix", system.topics.prefix]
    model = {"PENCHANT_MODEL": system.environment["PENCHANT_MODEL"]}
    return penchant(*command, *where, environment=model)


def assert_whole(system: System) -> None:
    """What stands in the store is what the log says, and the doctor finds nothing wrong with the store and the lag."""
    verified = run(system, "replay", "--verify", "--json")
    assert verified.exit_code == 0, verified.out + verified.err
    assert until(lambda: run(system, "doctor", "--json").json["lag"]["count"] == 0), "commits follow the lists"
    found = run(system, "doctor", "--json").json
    assert all(found[name]["ok"] for name in ("broker", "redis", "topics", "lag")), found


def at_work(system: System, model: Path) -> tuple[WorkerProcess, set[str]]:
    """A worker that has answered two clicks of each user, and these."""
    system.environment["PENCHANT_MODEL"] = str(model)
    worker = system.start_ready()
    system.publish(ITEMS)
    sent = click(system, 0, 2 * USERS)
    assert until(lambda: sent <= system.named(), 30), worker.child.last_lines()
    return worker, sent


def test_a_cluster_of_three(
    broker: Broker, cluster: RedisCluster, prefix: str, tmp_path: Path, small_model: Path
) -> None:
    with running(broker, cluster.url, prefix, tmp_path) as system:
        first, _ = at_work(system, small_model)
        first.kill()
        sent = click(system, 2 * USERS, USERS)
        system.send(system.topics.commands, {"command_id": "k-1", "type": "erase", "user_id": "u1"})
        system.producer.flush()
        second = system.start_ready()
        assert until(lambda: sent - {f"c-{2 * USERS + 1}"} <= system.named(), 60), second.child.last_lines()
        assert until(lambda: bool(system.read(system.topics.receipts)), 30), second.child.last_lines()

        assert_whole(system)
        with blocking_client(cluster.url, 5.0) as client:
            nodes = {node.name for key in client.scan_iter(f"*{prefix}*") for node in [client.get_node_from_key(key)]}
        assert len(nodes) > 1, "all of it lies on one node"


def test_a_fail_over_while_events_come(
    broker: Broker, sentinels: Sentinels, prefix: str, tmp_path: Path, small_model: Path
) -> None:
    """The primary is killed with its last writes; what these held is read again from the log."""
    with running(broker, sentinels.url, prefix, tmp_path) as system:
        worker, sent = at_work(system, small_model)
        with sentinels.replica.client() as client:
            client.execute_command("REPLICAOF", "127.0.0.1", 1)  # where nobody is: it hears of no more writes
        sent |= click(system, 2 * USERS, USERS)
        assert until(lambda: sent <= system.named(), 30), worker.child.last_lines()
        sentinels.primary.child.kill()
        sent |= click(system, 3 * USERS, USERS)

        assert until(lambda: sent <= system.named(), 60), worker.child.last_lines()
        assert worker.child.exit_code is None
        assert "reading again from there" in worker.child.last_lines(200)
        assert_whole(system)


def named(several: CutOffSentinels) -> int:
    """The port of the primary that most sentinels name; 0 while they do not agree that it is well."""
    told = []
    for each in several.sentinels:
        with each.client() as client:
            told.append(client.sentinel_master(CutOffSentinels.SERVICE))
    ports = {int(each["port"]) for each in told if not each["is_sdown"]}
    return ports.pop() if len(ports) == 1 else 0


async def test_nothing_is_asked_of_two_primaries(cut_off: CutOffSentinels, prefix: str) -> None:
    """A connection in use while sentinels name another primary goes there afterwards."""
    client = client_of(cut_off.url, 60.0)
    with cut_off.enter(cut_off.primary) as old:
        busy = [asyncio.create_task(client.blpop([f"{prefix}-{number}"], 0)) for number in range(3)]

        def all_wait() -> bool:
            return [each["cmd"] for each in old.client_list()].count("blpop") == 3

        assert await asyncio.to_thread(until, all_wait)
        cut_off.cut_off()
        assert await asyncio.to_thread(until, lambda: named(cut_off) == cut_off.replica.port, 30)
        assert (await client.connection_pool.get_master_address())[1] == cut_off.replica.port  # as for a new connection
        assert generation(client) == 2
        for number in range(3):
            old.rpush(f"{prefix}-{number}", "x")
        await asyncio.gather(*busy)

    asked = await asyncio.gather(*[client.info("server") for _ in range(4)])
    assert {told["tcp_port"] for told in asked} == {cut_off.replica.port}
    await client.aclose()


async def test_a_lease_is_of_one_primary(cut_off: CutOffSentinels, prefix: str) -> None:
    store = Store(cut_off.url, prefix, FINGERPRINT, IDENTITIES, Retention(1000))
    await store.acquire(0)
    assert await store.save(Commit(0, store.lease(0), offsets={"clicks": 1})) is Saved.WRITTEN
    with cut_off.enter(cut_off.primary) as old:
        assert old.execute_command("WAIT", 1, 60_000) == 1
        cut_off.cut_off()
        assert await asyncio.to_thread(until, lambda: named(cut_off) == cut_off.replica.port, 30)
        old.execute_command("CLIENT", "KILL", "TYPE", "normal")
    assert (await store.load(0, ["u1"]))["u1"].list_version == 0, "asked of the new primary"

    assert await store.save(Commit(0, store.lease(0), offsets={"clicks": 2})) is Saved.MOVED
    assert await store.is_behind(0)
    assert await store.acquire(0) == {"clicks": 1}
    assert await store.save(Commit(0, store.lease(0), offsets={"clicks": 2})) is Saved.WRITTEN
    await store.close()
