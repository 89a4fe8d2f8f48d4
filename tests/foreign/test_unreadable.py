"""Batches that the disk spoiled: dead letters by their place, and everybody else is served."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest

from benchmarks.performance.apache_kafka import ApacheKafka
from deploy.topics.create import create_topics
from penchant.partitioner import partition_of
from penchant.topics import Topics
from tests.acceptance.test_events_to_lists import FILMS
from tests.foreign.cases import asked, assert_folded, event
from tests.foreign.librdkafka import produce
from tests.foreign.plans import Send, SendPlan
from tests.foreign.segments import Spoil, StoredBatch, batches, flipped, junk, nothing, spoil
from tests.support.system import System, header, running
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]
PARTITIONS = 4


@dataclass(frozen=True)
class Harm:
    """What was done to one batch on a partition of a topic."""

    words: str
    codec: str
    how: Spoil
    mend_crc: bool
    partition: int


HARMS = (
    Harm("a flipped bit, so that the checksum is wrong", "none", flipped, mend_crc=False, partition=0),
    Harm("the same in a compressed batch", "lz4", flipped, mend_crc=False, partition=0),
    Harm("no records, and a right checksum", "none", junk, mend_crc=True, partition=1),
    Harm("zeros, and a right checksum", "none", nothing, mend_crc=True, partition=1),
    Harm("no gzip", "gzip", junk, mend_crc=True, partition=2),
    Harm("no snappy", "snappy", junk, mend_crc=True, partition=2),
    Harm("no lz4", "lz4", junk, mend_crc=True, partition=3),
    Harm("no zstd", "zstd", junk, mend_crc=True, partition=3),
)


@dataclass(frozen=True)
class Spoiled:
    """A system whose log was spoiled before its worker came. `good`: the events around the spoiled batches."""

    system: System
    harmed: dict[Harm, StoredBatch]
    good: set[str]


def on(partition: int, partitions: int) -> Iterator[str]:
    """Users of a partition."""
    return (user for user in (f"u{n}" for n in count()) if partition_of(user, partitions) == partition)


def send(bootstrap: str, topics: Topics, partition: int, codec: str, names: list[str]) -> None:
    """One batch of clicks, of users of their own."""
    users = on(partition, PARTITIONS)
    clicks = [event(topics, user, name, context={"page": "x" * 200}) for name, user in zip(names, users, strict=False)]
    produce(bootstrap, SendPlan(tuple(clicks), codec=codec, linger_ms=200, partitioner="murmur2_random"))


def batches_between(kafka: ApacheKafka, topics: Topics) -> tuple[list[StoredBatch], set[str]]:
    """Send good batches and the one for each harm between two of them. Returns the ones to be harmed, and the good ids.

    No other client is connected: the broker will go away.
    """
    good: set[str] = set()
    for number, harm in enumerate(HARMS):
        for name, codec in (("before", "none"), ("harmed", harm.codec), ("after", "gzip")):
            names = [f"{name}-{number}-{n}" for n in range(5)]
            send(kafka.bootstrap, topics, harm.partition, codec, names)
            good |= set(names) if name != "harmed" else set()
    return [batches(kafka, topics.clicks, harm.partition)[3 * (n % 2) + 1] for n, harm in enumerate(HARMS)], good


@pytest.fixture(scope="module")
def spoiled(kafka: ApacheKafka, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spoiled]:
    """A worker that reads a log which was spoiled while the broker was away."""
    topics = Topics(f"test-{secrets.token_hex(4)}")
    create_topics(kafka.bootstrap, topics, PARTITIONS, replication=1)
    to_harm, good = batches_between(kafka, topics)
    item = Send(topics.items, b"f98", b'{"item_id": "f98", "title": "Spoiled"}', partition=0)
    produce(kafka.bootstrap, SendPlan((item,)))
    kafka.stop()
    for harm, batch in zip(HARMS, to_harm, strict=True):
        spoil(batch, harm.how, mend_crc=harm.mend_crc)
    spoil(batches(kafka, topics.items, 0)[0], flipped, mend_crc=False)
    kafka.start()
    with running(kafka, redis_url, topics.prefix, tmp_path_factory.mktemp("spoiled")) as system:
        system.start_ready()
        system.publish(FILMS)
        yield Spoiled(system, dict(zip(HARMS, to_harm, strict=True)), good)


def test_everybody_else_gets_lists(spoiled: Spoiled) -> None:
    assert_folded(spoiled.system, spoiled.good)
    for number in range(PARTITIONS):
        send(spoiled.system.bootstrap, spoiled.system.topics, number, "zstd", [f"new-{number}"])
    assert_folded(spoiled.system, {f"new-{number}" for number in range(PARTITIONS)})


def lies(harm: Harm, batch: StoredBatch) -> set[tuple[int, int]]:
    """The places of a batch's records."""
    return {(harm.partition, offset) for offset in range(batch.first, batch.last + 1)}


def test_each_spoiled_batch_is_dead_lettered_by_its_place(spoiled: Spoiled) -> None:
    system = spoiled.system

    def places() -> set[tuple[int, int]]:
        dead_letters = system.read(f"{system.topics.clicks}.dlq")
        return {(int(header(r, "penchant.partition")), int(header(r, "penchant.offset"))) for r in dead_letters}

    def missing() -> list[str]:
        return [harm.words for harm, batch in spoiled.harmed.items() if not lies(harm, batch) & places()]

    assert until(lambda: not missing(), 20), missing()
    assert system.reasons(system.topics.clicks) == {"unreadable"}
    spoiled_places = {place for harm, batch in spoiled.harmed.items() for place in lies(harm, batch)}
    assert places() <= spoiled_places, "nothing else becomes a dead letter"
    (item,) = system.dead(system.topics.items, 1)
    assert header(item, "penchant.error") == "unreadable"


def test_commands_read_around_it_and_say_so(spoiled: Spoiled) -> None:
    system = spoiled.system
    assert asked(system, "replay", "--verify")["right"]
    assert asked(system, "watch", next(on(0, PARTITIONS)), "--once", "--timeout", "120")["items"]
    assert {row["reason"] for row in asked(system, "dlq", "ls")["letters"]} == {"unreadable"}
    assert until(lambda: asked(system, "doctor", ok=False)["lag"]["count"] == 0, 20)
    told = asked(system, "doctor", ok=False)["dead_letters"]
    assert told["by_reason"] == {"unreadable": told["count"]}


def test_a_metric_counts_it(spoiled: Spoiled) -> None:
    system = spoiled.system
    name = 'penchant_dead_letters_total{reason="unreadable"}'
    assert until(lambda: system.workers[-1].metric(name) >= len(HARMS), 10), "the metrics do not tell"
