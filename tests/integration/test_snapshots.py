"""Snapshots in Redis and the tail on covisits.v1: a worker that restarts knows what the others know."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, closing
from typing import Any

import msgspec
import numpy as np
import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from redis.asyncio import Redis

from deploy.local.services import WORKER_FETCH_WAIT_MS
from deploy.topics.create import create_topics
from penchant.errors import BrokenState, Misconfigured
from penchant.messages import CoVisits
from penchant.topics import Topics
from serving.catalogue import Catalogue
from serving.kafka.admin import topic_identity
from serving.ranking import snapshots
from serving.ranking.statistics import Statistics
from stream.monitoring.metrics import Metrics
from stream.settings import WorkerSettings
from stream.store.base import Retention
from stream.store.redis import Store
from stream.store.statistics_snapshots import WRITER, Snapshots
from stream.tasks.statistics_service import StatisticsService
from stream.testing import FINGERPRINT
from tests.conftest import ON_APACHE, Broker
from tests.support.command import Ran, penchant
from tests.support.waiting import until
from tests.unit.serving.ranking.test_statistics import large, message, numbers

pytestmark = pytest.mark.kafka


class StatisticsOwner:
    """What a worker has of item statistics: rows of its own, a service that keeps them, and leases."""

    def __init__(self, settings: WorkerSettings, identities: dict[str, str], *known: str) -> None:
        self.topics = settings.topics
        catalogue = Catalogue(8, FINGERPRINT)
        for item_id in known:
            catalogue.row(item_id)
        self.statistics = Statistics(catalogue, identities)
        self.store = Store(settings.redis, settings.keys, FINGERPRINT, identities, Retention(1000))
        self.metrics = Metrics()
        self.service = StatisticsService(
            settings,
            self.statistics,
            Snapshots(settings.redis, settings.keys),
            self.store,
            self.metrics,
            lambda pairs: None,
        )

    @property
    def followed(self) -> float:
        """Messages of covisits.v1 that it took in."""
        return self.metrics.registry.get_sample_value("penchant_covisits_total") or 0.0

    async def reaches(self, offset: int) -> None:
        """Wait until it has followed so far."""
        assert await asyncio.to_thread(until, lambda: self.service.follower.reached.get(0, 0) >= offset, 20)

    async def stop(self) -> None:
        await self.service.stop()
        await self.store.close()


@pytest.fixture
def settings(broker: Broker, redis_url: str, prefix: str) -> WorkerSettings:
    create_topics(broker.bootstrap, Topics(prefix), partitions=2, replication=1)
    wait_ms = 500 if broker.fetch_wait_ms is None else WORKER_FETCH_WAIT_MS
    return WorkerSettings(
        bootstrap=broker.bootstrap,
        redis=redis_url,
        prefix=prefix,
        store_prefix=f"{prefix}-keys",
        fetch_wait_ms=wait_ms,
    )


OpenOwner = Callable[..., StatisticsOwner]


@pytest.fixture
async def ranker(settings: WorkerSettings) -> AsyncIterator[OpenOwner]:
    identities = topic_identity(settings.bootstrap, settings.topics)
    async with AsyncExitStack() as stack:

        def opened(*known: str) -> StatisticsOwner:
            made = StatisticsOwner(settings, identities, *known)
            stack.push_async_callback(made.stop)
            return made

        yield opened


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Any]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


def send(settings: WorkerSettings, *messages: CoVisits) -> None:
    with closing(KafkaProducer(bootstrap_servers=settings.bootstrap)) as producer:
        for each in messages:
            producer.send(settings.topics.covisits, value=msgspec.json.encode(each), partition=0)
        producer.flush()


def clicks(settings: WorkerSettings, first: int, *items: str) -> CoVisits:
    return message(first, *items, topic=settings.topics.clicks)


async def test_a_restarted_worker_takes_over_the_snapshot_and_follows_the_rest(
    settings: WorkerSettings, ranker: OpenOwner
) -> None:
    """Given two workers, when one restarts, then both have the same statistics, and only the rest was read again."""
    owner, other = ranker(), ranker()
    await owner.store.acquire(0)
    for each in (owner, other):
        await each.service.start()
    send(settings, *(clicks(settings, 2 * n, "a", f"i{n}") for n in range(20)))
    await owner.reaches(20)
    assert await owner.service.snapshot()
    assert not await owner.service.snapshot(), "nothing has changed"
    assert not await other.service.snapshot(), "it is not the other's to write"
    send(settings, clicks(settings, 38, "a", "i19"), clicks(settings, 40, "b", "a"))  # the first one comes again

    restarted = ranker("z", "i7", "b")
    await restarted.service.start()
    await asyncio.wait_for(restarted.service.follower.caught_up.wait(), 120)
    await other.reaches(22)
    assert numbers(restarted.statistics) == numbers(other.statistics)
    assert numbers(other.statistics)[0] == 42
    assert (restarted.followed, other.followed) == (2, 22)


async def test_only_the_owner_of_partition_0_replaces_the_snapshot(
    settings: WorkerSettings, ranker: OpenOwner, redis: Any
) -> None:
    """Given an owner that was overtaken, then what it writes does not count, and goes by itself."""
    zombie, owner = ranker(), ranker()
    in_redis = Snapshots(settings.redis, settings.keys)
    assert await in_redis.read() is None
    await zombie.store.acquire(0)
    assert await in_redis.write(zombie.store.lease(0).token, list(snapshots.encode(large(3))))
    first = await redis.get(snapshots.pointer(settings.keys))
    await owner.store.acquire(0)
    assert not await in_redis.write(zombie.store.lease(0).token, list(snapshots.encode(large(4))))
    assert not await in_redis.write("", list(snapshots.encode(large(4))))
    assert await redis.get(snapshots.pointer(settings.keys)) == first
    assert await redis.ttl(first) == -1
    told = await in_redis.read()
    assert told is not None
    assert len(told.ids) == 3

    assert await in_redis.write(owner.store.lease(0).token, list(snapshots.encode(large(5))))
    counts = await redis.get(snapshots.pointer(settings.keys))
    assert await copies(redis, settings) == {first, counts}
    assert await redis.ttl(first) > 0, "what does not count expires"
    assert await redis.ttl(counts) == -1
    assert await in_redis.forget()
    assert not await in_redis.forget()
    assert await in_redis.read() is None
    assert await copies(redis, settings) == set()
    await in_redis.close()


async def copies(redis: Any, settings: WorkerSettings) -> set[bytes]:
    """Every copy of the statistics in the store."""
    return {key async for key in redis.scan_iter(match=f"{{{settings.keys}:0}}:statistics:*")}


async def test_two_copies_lie_in_the_store_at_most(settings: WorkerSettings, ranker: OpenOwner, redis: Any) -> None:
    """Given an owner that writes on and on, and now and then dies in the middle, then two copies are kept."""
    owner = ranker()
    in_redis = Snapshots(settings.redis, settings.keys)
    await owner.store.acquire(0)
    values = list(snapshots.encode(large(200)))
    for number in range(11):
        token = owner.store.lease(0).token
        if number % 3 == 2:  # dies before it counts: all but the last value are written
            in_redis._point = died
            with pytest.raises(asyncio.CancelledError):
                await in_redis.write(token, values[:-1])
            await in_redis.close()
            in_redis = Snapshots(settings.redis, settings.keys)
        else:
            assert await in_redis.write(token, values)
        assert len(await copies(redis, settings)) <= 2
        told = await in_redis.read()
        assert told is not None
        assert len(told.ids) == 200
    await in_redis.close()


async def died(**_: Any) -> bytes:
    raise asyncio.CancelledError


async def test_who_reads_a_copy_that_is_replaced_twice_reads_the_one_that_counts(
    settings: WorkerSettings, ranker: OpenOwner, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = ranker()
    in_redis = Snapshots(settings.redis, settings.keys)
    await owner.store.acquire(0)
    token, read = owner.store.lease(0).token, snapshots.read
    assert await in_redis.write(token, list(snapshots.encode(large(3))))

    async def slowly(redis: Any, prefix: str) -> Any:
        """Replaced twice between the name and the values."""
        monkeypatch.setattr(snapshots, "read", read)
        key = await redis.get(snapshots.pointer(prefix))
        for size in (4, 5):
            assert await in_redis.write(token, list(snapshots.encode(large(size))))
        return snapshots.decode([await redis.hget(key, 0)] if await redis.exists(key) else [])

    monkeypatch.setattr(snapshots, "read", slowly)
    told = await in_redis.read()
    assert told is not None
    assert len(told.ids) == 5
    await in_redis.close()


async def test_a_broken_snapshot_is_reported_and_the_topic_read_from_its_start(
    settings: WorkerSettings, ranker: OpenOwner, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    owner = ranker()
    await owner.store.acquire(0)
    await owner.service.start()
    send(settings, clicks(settings, 0, "a", "b"))
    await owner.reaches(1)
    assert await owner.service.snapshot()
    key = await redis.get(snapshots.pointer(settings.keys))
    chunk = await redis.hget(key, "1")
    await redis.hset(key, "1", chunk[:-1] + bytes([chunk[-1] ^ 1]))

    restarted = ranker()
    with caplog.at_level(logging.ERROR):
        await restarted.service.start()
    assert "does not match its checksum" in caplog.text
    await restarted.reaches(1)
    assert numbers(restarted.statistics) == numbers(owner.statistics)
    in_redis = Snapshots(settings.redis, settings.keys)
    with pytest.raises(BrokenState):
        await in_redis.read()
    await in_redis.close()


async def test_topics_made_anew_are_read_from_their_start_and_what_was_counted_stays(
    settings: WorkerSettings, ranker: OpenOwner
) -> None:
    owner = ranker()
    await owner.store.acquire(0)
    await owner.service.start()
    send(settings, clicks(settings, 0, "a", "b"), clicks(settings, 2, "a"))
    await owner.reaches(2)
    assert await owner.service.snapshot()
    names = [plan.name for plan in settings.topics.plan(2)]
    with closing(KafkaAdminClient(bootstrap_servers=settings.bootstrap)) as admin:
        admin.delete_topics(names)
        assert await asyncio.to_thread(until, lambda: not set(names) & set(admin.list_topics()))
    create_topics(settings.bootstrap, settings.topics, partitions=2, replication=1)
    send(settings, clicks(settings, 0, "a"))

    anew = StatisticsOwner(settings, topic_identity(settings.bootstrap, settings.topics))
    await anew.service.start()
    await anew.reaches(1)
    assert numbers(anew.statistics)[0] == 4
    await anew.stop()


@pytest.mark.skipif(not ON_APACHE, reason="the embedded broker deletes no records")
async def test_a_snapshot_that_the_topic_has_outlived_stops_a_start_and_names_the_remedy(
    settings: WorkerSettings, ranker: OpenOwner
) -> None:
    """Given records that have gone before anybody took them in, then a start is refused until `forget`."""
    owner = ranker()
    await owner.store.acquire(0)
    await owner.service.start()
    send(settings, clicks(settings, 0, "a"))
    await owner.reaches(1)
    assert await owner.service.snapshot()
    send(settings, clicks(settings, 1, "b"), clicks(settings, 2, "c"), clicks(settings, 3, "d"))
    with closing(KafkaAdminClient(bootstrap_servers=settings.bootstrap)) as admin:
        admin.delete_records({TopicPartition(settings.topics.covisits, 0): 3})

    late = ranker()
    with pytest.raises(Misconfigured, match=r"begins at offset 3.*ends at 1.*penchant statistics forget"):
        await late.service.start()
    told = await command(settings, "forget")
    assert told.out == "forgotten\n"
    again = ranker()
    await again.service.start()
    await again.reaches(4)
    assert numbers(again.statistics) == (1, {"d": (1.0, 1.0, 0.0)})


async def command(settings: WorkerSettings, *arguments: str) -> Ran:
    """Run `penchant statistics …` on the keys of a store."""
    where = ["--redis", settings.redis, "--prefix", settings.prefix]
    environment = {"PENCHANT_STORE_PREFIX": settings.keys}
    return await asyncio.to_thread(penchant, "statistics", *arguments, *where, environment=environment)


async def test_the_command_line_shows_and_forgets(settings: WorkerSettings, ranker: OpenOwner) -> None:
    empty = await command(settings, "show")
    assert (empty.exit_code, empty.out.partition(":")[0]) == (0, "no snapshot")
    owner = ranker()
    await owner.store.acquire(0)
    await owner.service.start()
    send(settings, clicks(settings, 0, "a", "b"))
    await owner.reaches(1)
    assert await owner.service.snapshot()
    told = await command(settings, "show", "--json")
    assert {name: told.json[name] for name in ("items", "events", "reached")} == {"items": 2, "events": 2, "reached": 1}
    said = await command(settings, "show")
    assert said.out.startswith("2 events on 2 items, as of 20")
    assert (await command(settings, "forget", "--json")).json == {"forgotten": True}
    assert (await command(settings, "forget")).out == ("there was no snapshot\n")


async def test_the_linear_model_is_fitted_when_enough_has_come_and_after_a_restart(
    settings: WorkerSettings, ranker: OpenOwner
) -> None:
    """Given 500 events, then it is fitted, once; who takes the snapshot over has the same."""
    running = ranker()
    await running.store.acquire(WRITER)
    await running.service.start()
    assert not await running.service.refit(), "nothing has come"
    pairs = [clicks(settings, 10 * n, *(f"i{n * at % 23}" for at in range(10))) for n in range(60)]
    send(settings, *pairs)
    await running.reaches(len(pairs))

    assert await running.service.refit()
    assert not await running.service.refit()
    assert await running.service.snapshot()
    restarted = ranker("another", "i7")
    await restarted.service.start()

    ours, theirs = running.statistics.ease.fitted, restarted.statistics.ease.fitted
    assert ours is not None
    assert theirs is not None
    np.testing.assert_allclose(theirs.weights, ours.weights, atol=1e-6)
    assert np.abs(ours.weights).max() > 0.01
