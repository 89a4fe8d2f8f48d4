"""Topics made anew under an old store: workers refuse until `penchant topics adopt`; `penchant local` adopts."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from kafka import KafkaConsumer
from kafka.admin import KafkaAdminClient

from deploy.local.services import free_port
from deploy.topics.create import create_topics
from penchant.errors import Misconfigured, Unavailable
from penchant.partitioner import partition_of
from penchant.topics import Topics
from serving.kafka.admin import topic_identity
from serving.model.artifact import open_artifact
from serving.state.user_state import decode
from stream.kafka.log_tail import ends_of_the_same
from stream.store.base import Commit, Retention, Saved
from stream.store.redis import Store
from stream.store.topic_identity import adopt_topics, check_identities
from tests.conftest import ON_APACHE, Broker
from tests.support.command import Ran, penchant
from tests.support.local import running_local
from tests.support.system import System, WorkerProcess, running
from tests.support.waiting import Stopwatch, until

pytestmark = [pytest.mark.kafka, pytest.mark.long]  # CI runs them on Apache Kafka
CLICKS, REVIEWS = "p.clicks.v1", "p.reviews.v1"
OLD = {CLICKS: "c/old-1", REVIEWS: "c/same"}
NEW = {CLICKS: "c/new-1", REVIEWS: "c/same"}
DEAD_STORE = f"redis://127.0.0.1:{free_port()}/0"


async def written(url: str, prefix: str, identities: dict[str, str], partition: int, **offsets: int) -> Store:
    """A store that acquired a partition and wrote offsets under the identities that it knows."""
    store = Store(url, prefix, "words-8", identities, Retention(1000))
    await store.acquire(partition)
    batch = Commit(partition, store.lease(partition), offsets={f"p.{name}.v1": n for name, n in offsets.items()})
    assert await store.save(batch) is Saved.WRITTEN
    return store


async def test_offsets_of_other_topics_are_refused_and_named(redis_url: str, prefix: str) -> None:
    store = await written(redis_url, prefix, OLD, 3, clicks=7, reviews=8)
    await check_identities(redis_url, prefix, 4, OLD)
    with pytest.raises(Misconfigured, match=rf"{CLICKS}: .*`penchant topics adopt`") as refused:
        await check_identities(redis_url, prefix, 4, NEW)
    assert REVIEWS not in str(refused.value)
    await check_identities(redis_url, f"{prefix}-other", 4, NEW)
    await store.close()


async def test_adopting_forgets_the_old_offsets_alone_and_fences_who_wrote_them(redis_url: str, prefix: str) -> None:
    stores = [await written(redis_url, prefix, OLD, partition, clicks=7, reviews=8) for partition in (0, 3)]
    early = await written(redis_url, prefix, NEW, 2, clicks=1)

    assert await adopt_topics(redis_url, prefix, 4, NEW) == {CLICKS: ["c/old-1"]}
    assert await adopt_topics(redis_url, prefix, 4, NEW) == {}
    await check_identities(redis_url, prefix, 4, NEW)

    late = Commit(3, stores[1].lease(3), offsets={CLICKS: 9})
    assert await stores[1].save(late) is Saved.NOT_MINE
    for partition in range(4):  # also those in which nothing had been read
        with pytest.raises(Misconfigured, match=rf"names {CLICKS}: .*start it again"):
            await stores[1].acquire(partition)
    next_one = Store(redis_url, prefix, "words-8", NEW, Retention(1000))
    assert [await next_one.acquire(partition) for partition in (3, 2, 1)] == [
        {CLICKS: 0, REVIEWS: 8}, {CLICKS: 1}, {CLICKS: 0}
    ]  # fmt: skip
    assert await next_one.save(Commit(3, next_one.lease(3), offsets={CLICKS: 1})) is Saved.WRITTEN
    for store in (*stores, early, next_one):
        await store.close()


async def test_another_partition_count_is_not_adopted(redis_url: str, prefix: str) -> None:
    """Users of 4 partitions are where murmur2 modulo 8 does not look."""
    store = await written(redis_url, prefix, OLD, 0, clicks=7)
    with redis.Redis.from_url(redis_url) as client:
        for n in range(30):
            home = partition_of(f"u{n}", 4)
            client.set(f"{{{prefix}:{home}}}:u:u{n}", b"a record")
    with pytest.raises(Misconfigured, match="8 partitions"):
        await adopt_topics(redis_url, prefix, 8, NEW)
    with pytest.raises(Misconfigured, match="adopt"):
        await check_identities(redis_url, prefix, 8, NEW)
    assert await adopt_topics(redis_url, prefix, 4, NEW) == {CLICKS: ["c/old-1"]}
    await store.close()


async def test_a_store_that_is_away_is_told_at_once() -> None:
    watch = Stopwatch()
    with pytest.raises(Misconfigured, match="PENCHANT_REDIS"):
        await check_identities(DEAD_STORE, "p", 4, OLD)
    with pytest.raises(Unavailable, match="PENCHANT_REDIS"):
        await adopt_topics(DEAD_STORE, "p", 4, OLD)
    assert watch.usual_s() < 20


def adopt(system: System, *arguments: str) -> Ran:
    where = ["--bootstrap", system.bootstrap, "--redis", system.redis_url, "--prefix", system.topics.prefix]
    return penchant("topics", "adopt", *arguments, *where)


def adopt_when_nobody_runs(system: System) -> Ran:
    """Adopt once the broker has noticed that the workers are gone; the embedded one never does."""
    tried: list[Ran] = []

    def well() -> bool:
        tried.append(adopt(system, "--json", *([] if ON_APACHE else ["--force"])))
        return tried[-1].exit_code == 0

    assert until(well, 20), tried[-1].err
    return tried[-1]


def make_anew(system: System) -> None:
    """Delete every topic of a system and create it again."""
    names = [plan.name for plan in system.topics.plan(system.partitions)]
    with closing(KafkaAdminClient(bootstrap_servers=system.bootstrap)) as admin:
        admin.delete_topics(names)
        assert until(lambda: not set(names) & set(admin.list_topics()))
    create_topics(system.bootstrap, system.topics, system.partitions, replication=1)


def ended(worker: WorkerProcess) -> int | None:
    assert until(lambda: worker.child.exit_code is not None, 60)
    return worker.child.exit_code


def counted(system: System, user: str) -> int:
    """How many events the stored state of a user has counted, by its seen set."""
    key = f"{{{system.topics.prefix}:{partition_of(user, system.partitions)}}}:u:{user}"
    with redis.Redis.from_url(system.redis_url) as client:
        record = client.get(key)
    assert isinstance(record, bytes)
    return int(decode(record, open_artifact(system.environment["PENCHANT_MODEL"]).fingerprint).seen["count"].sum())


@pytest.fixture
def system(broker: Broker, redis_url: str, prefix: str, tmp_path: Path, small_model: Path) -> Iterator[System]:
    with running(broker, redis_url, prefix, tmp_path) as made:
        made.environment["PENCHANT_MODEL"] = str(small_model)
        yield made


def test_topics_that_were_made_anew_are_told_from_a_log_that_lost_its_end(system: System) -> None:
    identities, place = topic_identity(system.bootstrap, system.topics), (system.topics.clicks, 0)
    assert ends_of_the_same(system.bootstrap, system.topics, identities, [place]) == {place: 0}

    make_anew(system)
    with pytest.raises(Misconfigured, match=r"clicks\.v1 were created again .*`penchant topics adopt`"):
        ends_of_the_same(system.bootstrap, system.topics, identities, [place])


ITEMS = [{"item_id": f"f{n}", "title": title} for n, title in enumerate(["Solaris", "Alien", "Notting Hill"])]


@pytest.mark.model
def test_topics_made_anew_are_refused_then_adopted_and_nothing_is_skipped(
    system: System, broker: Broker, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    """Given a user's interests and new topics, when they are adopted, then their first events add to the interests."""
    worker = system.start_ready()
    system.publish(ITEMS)
    for n in range(5):
        system.click("u1", f"f{n % 2}", event_id=f"old-{n}")
    version = system.list_for("u1", "old-4")["version"]

    running_on = adopt(system)
    assert running_on.exit_code == 78
    assert "stop the workers" in running_on.err
    assert worker.child.stop(60) == 0
    before = topic_identity(broker.bootstrap, system.topics)
    make_anew(system)
    after = topic_identity(broker.bootstrap, system.topics)

    refusing = system.start()
    assert ended(refusing) == 78
    assert "penchant topics adopt" in refusing.child.last_lines()
    assert "Traceback" not in refusing.child.last_lines()
    done = adopt_when_nobody_runs(system)
    clicks = system.topics.clicks
    assert done.json["adopted"] == [{"topic": clicks, "identity": after[clicks], "forgotten": [before[clicks]]}]
    assert adopt_when_nobody_runs(system).json["adopted"] == []

    with running(broker, redis_url, prefix, tmp_path) as anew:
        anew.environment["PENCHANT_MODEL"] = system.environment["PENCHANT_MODEL"]
        anew.click("u1", "f1", event_id="new-0")  # offset 0, where the old topic had been read to 5
        anew.start_ready()
        anew.publish(ITEMS)
        anew.click("u1", "f2", event_id="new-1")
        assert anew.list_for("u1", "new-0")["version"] > version
        anew.list_for("u1", "new-1")
        assert until(lambda: counted(anew, "u1") == 7), "the interests of before were kept"


@pytest.mark.model
def test_a_worker_that_ran_while_topics_were_adopted_stops_and_counts_nothing(system: System) -> None:
    """Given a worker that runs on, when topics are made anew and adopted by force, then it ends, and says why.

    It finds the store's offsets behind where it left them, also if its consumer hears nothing of the new topics; or
    first that the log ends before it had read, or that its topics are others.
    """
    worker = system.start_ready()
    system.publish(ITEMS)
    system.click("u1", "f0", event_id="old-0")
    system.list_for("u1", "old-0")
    make_anew(system)
    assert adopt(system, "--force").exit_code == 0
    for n in range(system.partitions):
        lost = {"user_id": "u2", "item_id": "f1", "type": "click", "event_id": f"new-{n}"}
        system.send(system.topics.clicks, lost, partition=n)
    assert ended(worker) == 78, worker.child.last_lines()
    said = worker.child.last_lines()
    assert any(each in said for each in ("start it again", "has lost the end of its log", "penchant topics adopt"))
    with redis.Redis.from_url(system.redis_url) as client:
        offsets = [client.hgetall(key) for key in system.stored() if key.endswith(b":offsets")]
    identity = topic_identity(system.bootstrap, system.topics)[system.topics.clicks]
    counted = {(field, int(n)) for fields in offsets for field, n in fields.items() if b"clicks" in field}
    assert counted == {(f"{system.topics.clicks}@{identity}".encode(), 0)}


@pytest.mark.model
def test_local_adopts_by_itself_and_says_so(redis_url: str, prefix: str, tmp_path: Path, small_model: Path) -> None:
    """Given a store that outlives the embedded broker, then the second start reads the new topics from their start."""
    options = ["--redis", redis_url, "--prefix", prefix, "--model", str(small_model)]
    versions = []
    for round_ in range(2):
        with running_local(tmp_path, *options) as local:
            click = json.dumps({"user_id": "u1", "item_id": "f0", "type": "click", "event_id": f"round-{round_}"})
            assert penchant("produce", "-", *local.options, stdin=click).exit_code == 0
            consumer = KafkaConsumer(
                Topics(prefix).recommendations,
                bootstrap_servers=local.where["bootstrap"],
                auto_offset_reset="earliest",
                fetch_max_wait_ms=5,
            )
            with closing(consumer):
                made = next(
                    told
                    for told in (json.loads(record.value) for record in consumer)
                    if any(folded["event_id"] == f"round-{round_}" for folded in told["folded"])
                )
            versions.append(made["version"])
            assert local.stop() == 0
            assert local.process.stderr is not None
            said = local.process.stderr.read()
        assert ("are read from the start" in said) == (round_ == 1), said
    assert versions[1] > versions[0]
