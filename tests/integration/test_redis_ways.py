"""The store on whatever Redis an address names: TLS with users, a unix socket, sentinels, a cluster of three."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from penchant.errors import Misconfigured, Unavailable
from serving.connections import Connections
from stream.rebuild.store_reader import LiveStore
from stream.store.base import Commit, Retention, Saved
from stream.store.redis import Store
from stream.store.redis_calls import RedisCalls
from stream.store.statistics_snapshots import Snapshots
from stream.store.topic_identity import adopt_topics, check_identities
from stream.testing import FINGERPRINT
from tests.conftest import ON_APACHE, missing
from tests.contract.conftest import state
from tests.support import redis_servers
from tests.support.certificates import Authority
from tests.support.redis_servers import RedisCluster, RedisServer, Sentinels
from tests.support.waiting import until

pytestmark = [
    pytest.mark.kafka,  # with the tests of a Kafka that is secured
    pytest.mark.skipif(not ON_APACHE, reason="needs a redis-server with TLS: `make test-kafka`"),
]
OLD = {"clicks": "c/old", "reviews": "r/old"}
NEW = {"clicks": "c/new", "reviews": "r/new"}
PARTITIONS = 4
PASSWORD = "g3/h31m"


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    try:
        redis_servers.executable()
    except Misconfigured as error:
        missing(error)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    made = RedisCluster(tmp_path_factory.mktemp("cluster"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("redis-ca"))


@pytest.fixture(scope="module")
def secured(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    users = [f"shop on >{PASSWORD} ~* &* +@all -@admin -@dangerous +info", "guest on >guest ~none* +ping"]
    signed = authority.sign("redis", names="DNS:localhost")
    made = redis_servers.start_secured(tmp_path_factory.mktemp("tls"), authority.certificate, signed, users)
    yield made
    made.stop()


async def everything(url: str, prefix: str) -> None:
    """What worker and commands do to a store, on all of its partitions."""
    store = Store(url, prefix, FINGERPRINT, OLD, Retention(1000))
    snapshots = Snapshots(url, prefix)
    reader = LiveStore(url, prefix, OLD, Retention(1000))
    try:
        await store.adopt_fingerprint()
        assert abs(await store.now_ms() - (await reader.look(0, [])).now_ms) < 60_000
        for partition in range(PARTITIONS):
            assert await store.acquire(partition) == {}
            written = Commit(partition, store.lease(partition), {f"u{partition}": state(7)}, {"clicks": 9})
            assert await store.save(written) is Saved.WRITTEN
            assert (await store.load(partition, [f"u{partition}", "none"]))[f"u{partition}"].list_version == 7
            looked = await reader.look(partition, [f"u{partition}"])
            assert looked.offsets["clicks", partition] == 9
            assert looked.records[f"u{partition}"] is not None
        await store.write_marks({str(partition): {"clicks": b"[1]"} for partition in range(PARTITIONS)})
        assert [await store.read_marks(str(partition)) for partition in range(PARTITIONS)] == [{"clicks": b"[1]"}] * 4
        users = await reader.keys.users()
        assert {partition: set(names) for partition, names in users.items()} == {n: {f"u{n}"} for n in range(4)}
        assert await reader.keys.any() is not None
        assert await snapshots.read() is None
        assert not await snapshots.forget()
        assert not await snapshots.write("not the owner's", [b"x"])
        erased = Commit(0, store.lease(0), {}, {"clicks": 10}, erased={"u0": 5})
        assert await store.save(erased) is Saved.WRITTEN
        assert await store.acquire(0) == {"clicks": 10}
    finally:
        for each in (store, snapshots, reader):
            await each.close()
    with pytest.raises(Misconfigured, match="topics adopt"):
        await check_identities(url, prefix, PARTITIONS, NEW)


async def test_a_cluster(cluster: RedisCluster, prefix: str) -> None:
    await everything(cluster.url, prefix)
    users = [node.client() for node in cluster.nodes]
    assert sum(len(client.keys(f"*{prefix}*")) > 0 for client in users) > 1, "all of it lies on one node"
    for client in users:
        client.close()
    with pytest.raises(Misconfigured, match="not spread"):
        await adopt_topics(cluster.url, prefix, 64, NEW)


async def test_one_node_of_a_cluster(cluster: RedisCluster, prefix: str) -> None:
    store = Store(cluster.nodes[0].url, prefix, FINGERPRINT, OLD, Retention(1000))
    acquired = await asyncio.gather(*map(store.acquire, range(8)), return_exceptions=True)
    refused = [told for told in acquired if isinstance(told, Misconfigured)]
    assert refused, "all of eight partitions lie on one of three nodes"
    assert all("redis+cluster://" in str(told) for told in refused)
    await store.close()


async def test_slots_that_move(cluster: RedisCluster, prefix: str) -> None:
    """The client is sent on (MOVED), and learns where a partition lies now."""
    store = Store(cluster.url, prefix, FINGERPRINT, OLD, Retention(1000))
    await store.acquire(1)
    key = f"{{{prefix}:1}}:owner"
    clients = [node.client() for node in cluster.nodes]
    ids = [client.execute_command("CLUSTER MYID").decode() for client in clients]
    slot = clients[0].execute_command("CLUSTER KEYSLOT", key)
    (source,) = [n for n, client in enumerate(clients) if client.execute_command("CLUSTER COUNTKEYSINSLOT", slot)]
    target = (source + 1) % 3
    clients[target].execute_command("CLUSTER SETSLOT", slot, "IMPORTING", ids[source])
    clients[source].execute_command("CLUSTER SETSLOT", slot, "MIGRATING", ids[target])
    keys = clients[source].execute_command("CLUSTER GETKEYSINSLOT", slot, 100)
    clients[source].execute_command("MIGRATE", "127.0.0.1", cluster.nodes[target].port, "", 0, 60_000, "KEYS", *keys)
    for client in (clients[target], clients[source], clients[(source + 2) % 3]):
        client.execute_command("CLUSTER SETSLOT", slot, "NODE", ids[target])

    commit = Commit(1, store.lease(1), {"u1": state(3)}, {"clicks": 1})
    assert await store.save(commit) is Saved.WRITTEN
    assert (await store.load(1, ["u1"]))["u1"].list_version == 3
    await store.close()
    for client in clients:
        client.close()


async def test_sentinels_and_their_fail_over(sentinels: Sentinels, prefix: str) -> None:
    await everything(sentinels.url, prefix)
    store = Store(sentinels.url, prefix, FINGERPRINT, OLD, Retention(1000))
    await store.acquire(2)
    with sentinels.primary.client() as client:
        assert client.execute_command("WAIT", 1, 60_000) == 1
    sentinels.primary.child.kill()

    commit = Commit(2, store.lease(2), {"u2": state(8)}, {"clicks": 10})
    assert await store.save(commit) is Saved.WRITTEN, "within the 60 s that Redis is waited for"
    with sentinels.replica.client() as client:
        assert client.info("replication")["role"] == "master"
    await store.close()


async def test_a_fail_over_that_loses_the_last_writes(sentinels: Sentinels, prefix: str) -> None:
    """The store says where it stands, so that the owner reads again what was lost; states and offsets go together."""
    store = Store(sentinels.url, prefix, FINGERPRINT, OLD, Retention(1000))
    await store.acquire(2)
    assert await store.save(Commit(2, store.lease(2), {"u2": state(5)}, {"clicks": 5})) is Saved.WRITTEN
    with sentinels.primary.client() as client:
        assert client.execute_command("WAIT", 1, 60_000) == 1
    with sentinels.replica.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", 1)  # where nobody is: it hears of no more writes
    assert await store.save(Commit(2, store.lease(2), {"u2": state(9)}, {"clicks": 9})) is Saved.WRITTEN
    sentinels.primary.child.kill()

    assert await store.is_behind(2)
    late = await store.save(Commit(2, store.lease(2), {"u2": state(10)}, {"clicks": 10}))
    assert late is Saved.MOVED, "a write upon what is lost is refused"
    assert await store.acquire(2) == {"clicks": 5}
    assert (await store.load(2, ["u2"]))["u2"].list_version == 5
    await store.close()


@pytest.mark.long  # sentinels take ten seconds to make a replica of it
async def test_a_primary_that_was_demoted(sentinels: Sentinels, prefix: str) -> None:
    store = Store(sentinels.url, prefix, FINGERPRINT, OLD, Retention(1000))
    await store.acquire(2)
    with sentinels.sentinels[0].client() as client:
        client.execute_command("SENTINEL FAILOVER", Sentinels.SERVICE)

    def demoted() -> bool:
        with sentinels.primary.client() as client:
            return bool(client.info("replication")["role"] == "slave")

    assert await asyncio.to_thread(until, demoted, 30)
    assert await store.save(Commit(2, store.lease(2), {"u2": state(8)}, {"clicks": 1})) is Saved.WRITTEN
    await store.close()


async def test_sentinels_that_know_no_such_service(sentinels: Sentinels, prefix: str) -> None:
    url = sentinels.url.replace(f"/{Sentinels.SERVICE}/", "/other/")
    store = Store(url, prefix, FINGERPRINT, OLD, Retention(1000), calls=RedisCalls(patience_s=0.1))
    with pytest.raises(Unavailable, match="other"):
        await store.acquire(0)
    await store.close()


def within_tls(server: RedisServer, user: str, host: str = "localhost") -> str:
    return f"rediss://{user.replace('/', '%2F')}@{host}:{server.port}/0"


async def test_tls_and_users(secured: RedisServer, authority: Authority, prefix: str) -> None:
    url = within_tls(secured, f"shop:{PASSWORD}")

    await everything(Connections(redis=url, redis_ssl_ca=authority.certificate).redis, prefix)
    assert PASSWORD not in repr(Connections(redis=url, redis_ssl_ca=authority.certificate))


REFUSED = {
    "password": ("shop:wrong", "localhost", True, "does not take this user and password"),
    "nobody": ("", "localhost", True, "wants a password"),
    "rights": ("guest:guest", "localhost", True, "does not let this user do what is needed"),
    "CA": (f"shop:{PASSWORD}", "localhost", False, "no TLS with Redis: its certificate is of a CA.*REDIS_SSL_CA"),
    "name": (f"shop:{PASSWORD}", "127.0.0.1", True, "no TLS with Redis: its certificate is for another name"),
}


@pytest.mark.parametrize("wrong", REFUSED)
async def test_a_refusal_is_one_sentence(secured: RedisServer, authority: Authority, prefix: str, wrong: str) -> None:
    user, host, trusted, words = REFUSED[wrong]
    url = within_tls(secured, user, host).replace("//@", "//")
    settings = Connections(redis=url, redis_ssl_ca=authority.certificate if trusted else None)
    store = Store(settings.redis, prefix, FINGERPRINT, OLD, Retention(1000))

    with pytest.raises(Misconfigured, match=words) as raised:
        await store.adopt_fingerprint()
    assert "\n" not in str(raised.value)
    assert PASSWORD not in str(raised.value)
    await store.close()


async def test_an_expired_certificate(authority: Authority, prefix: str, tmp_path: Path) -> None:
    signed = authority.sign("old", expired=True)
    server = redis_servers.start_secured(tmp_path, authority.certificate, signed, ["shop on nopass ~* +@all"])
    settings = Connections(redis=within_tls(server, "shop:x", "127.0.0.1"), redis_ssl_ca=authority.certificate)
    store = Store(settings.redis, prefix, FINGERPRINT, OLD, Retention(1000))

    with pytest.raises(Misconfigured, match="its certificate has expired"):
        await store.adopt_fingerprint()
    await store.close()
    server.stop()


async def test_a_unix_socket(prefix: str, tmp_path: Path) -> None:
    socket = tmp_path / "redis.sock"
    server = redis_servers.start(tmp_path, "--unixsocket", str(socket), "--requirepass", PASSWORD)

    await everything(f"unix://:{PASSWORD.replace('/', '%2F')}@{socket}", prefix)
    server.stop()
