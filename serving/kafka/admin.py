"""Administration of a broker: are the topics there and equal, which topics are they, what stands on them.

kafka-python is what is used here; its errors are translated in this file.
"""

import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError

from penchant.errors import Misconfigured, Unavailable
from penchant.kafka.blocking import BlockingConsumer
from penchant.kafka.missing_rights import DESCRIBE_REFUSED, missing_right, unseen
from penchant.kafka.reachable import check_reachable, security_missed
from penchant.topics import Topic, Topics
from serving.configuration.setting_errors import origin
from serving.kafka.brokers import AnyBrokers, brokers_of

__all__ = [
    "READ_WAIT_MS",
    "RUN_KEY",
    "TopicLayout",
    "TopicProblem",
    "check_topics",
    "describe",
    "end_offsets",
    "ends_by_fetches",
    "open_admin",
    "partitions_of",
    "read_topic",
    "reader",
    "run_id",
    "seen_and_hidden",
    "topic_identity",
    "topic_layout",
    "translated",
]

RUN_KEY = b"run"  # the key on meta.v1 under which the run id stands
_NO_TOPIC_ID = "00000000-0000-0000-0000-000000000000"
_COUNTED = tuple(topic for topic in Topic if topic.user_keyed or topic in {Topic.ITEMS, Topic.COVISITS})
READ_WAIT_MS = 50  # how long the broker may hold a fetch: the embedded one uses half of it up every time


@dataclass(frozen=True, slots=True)
class TopicProblem:
    """One thing that is not as it has to be: which topic, what is wrong, what to do."""

    topic: str
    problem: str
    do: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.problem}; {self.do}"


@contextmanager
def translated(brokers: AnyBrokers) -> Iterator[None]:
    """Turn kafka-python's errors into `Unavailable`, with the broker's address and what to do."""
    try:
        yield
    except (KafkaError, OSError) as error:
        if (refused := missing_right(error)) is not None:
            raise Misconfigured(refused) from error
        plain = brokers_of(brokers).security.protocol == "PLAINTEXT"
        if plain and (missed := security_missed(str(brokers))):
            raise Misconfigured(f"no connection with the broker: {missed}") from error
        raise Unavailable(
            f"the broker at {brokers}{origin('bootstrap', str(brokers))} cannot be reached or does not answer "
            f"({error or type(error).__name__}): "
            "start it, or say where it is with --bootstrap or PENCHANT_BOOTSTRAP"
        ) from error


@contextmanager
def open_admin(brokers: AnyBrokers, timeout_s: float = 10.0) -> Iterator[KafkaAdminClient]:
    """Open an administration client for the block. Raises `Unavailable`, also for Kafka's errors inside it."""
    brokers = brokers_of(brokers)
    with translated(brokers):
        check_reachable(brokers.servers, timeout_s, brokers.options)
        timeout_ms = int(timeout_s * 1000)
        client = KafkaAdminClient(
            **brokers.of_kafka_python(), bootstrap_timeout_ms=timeout_ms, request_timeout_ms=timeout_ms
        )
        with closing(client):
            yield client


def describe(admin: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, Any]]:
    """Describe those of the topics that exist, by name: `partitions` (a list) and `topic_id` among the rest.

    Raises Misconfigured for those that this user may not see.
    """
    found, hidden = seen_and_hidden(admin, names)
    if hidden:
        raise Misconfigured(unseen(hidden))
    return found


def seen_and_hidden(admin: KafkaAdminClient, names: list[str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """As `describe`, and apart from them the names of those that this user may not see."""
    told = admin.describe_topics(names)
    hidden = [topic["name"] for topic in told if topic["error_code"] == DESCRIBE_REFUSED]
    return {topic["name"]: topic for topic in told if topic["error_code"] == 0}, hidden


def check_topics(admin: KafkaAdminClient, topics: Topics) -> list[TopicProblem]:
    """Find what keeps a worker from starting: topics missing, or partition counts that are not equal.

    All user-keyed topics and each dead-letter topic's origin must agree, since one worker owns all of a user's
    partitions. An empty list: none.
    """
    plans = list(topics.plan(partitions=0))
    found = describe(admin, [plan.name for plan in plans])
    counts = {name: len(topic["partitions"]) for name, topic in found.items()}
    findings = [
        TopicProblem(plan.name, "is missing", "create it with `penchant topics create`")
        for plan in plans
        if plan.name not in counts
    ]
    expected = {plan.name: topics.clicks for plan in plans if plan.user_keyed}
    expected[topics.dlq(Topic.ITEMS)] = topics.items
    for name, peer in expected.items():
        if name in counts and peer in counts and counts[name] != counts[peer]:
            findings.append(
                TopicProblem(
                    name,
                    f"has {counts[name]} partitions, {peer} has {counts[peer]}",
                    "all must have one count: make new topics under another --prefix and replay into them",
                )
            )
    findings += [
        TopicProblem(name, f"has {counts[name]} partitions", "it must have 1: delete it and create it again")
        for name in (topics.covisits, topics.meta)
        if counts.get(name, 1) != 1
    ]
    return findings


@dataclass(frozen=True, slots=True)
class TopicLayout:
    """How many partitions all user topics have, and by which identity offsets are counted, by full topic name."""

    partitions: int
    identities: dict[str, str]


def topic_layout(brokers: AnyBrokers, topics: Topics) -> TopicLayout:
    """Check the topics, count their partitions and identify them.

    Raises `Misconfigured` if topics are missing or unequal, and `Unavailable` if the broker does not answer.
    """
    with open_admin(brokers) as admin:
        if findings := check_topics(admin, topics):
            raise Misconfigured("; ".join(map(str, findings)))
        partitions = len(describe(admin, [topics.clicks])[topics.clicks]["partitions"])
    return TopicLayout(partitions, topic_identity(brokers, topics))


def topic_identity(
    brokers: AnyBrokers, topics: Topics, timeout_s: float = 10.0, of: Collection[Topic] = _COUNTED
) -> dict[str, str]:
    """Say by which identity offsets of user-keyed topics, items.v1 and covisits.v1 are counted, by full name.

    of: only of these, for who may not see all.

    "<cluster id>/<topic id>" where the broker gives both (Apache Kafka from 2.8, Tansu), else
    "<run id>/<topic's name>" with the run id that stands on meta.v1. Another topic made under an old name differs.
    Raises `Unavailable` if the broker does not answer, `Misconfigured` if a topic or the run id is missing.
    """
    names = [topics.name(topic) for topic in of]
    with open_admin(brokers, timeout_s) as admin:
        cluster = admin.describe_cluster().get("cluster_id")
        found = describe(admin, names)
    if missing := [name for name in names if name not in found]:
        raise Misconfigured(f"topics are missing: {', '.join(missing)}; create them with `penchant topics create`")
    ids = {name: str(topic.get("topic_id") or _NO_TOPIC_ID) for name, topic in found.items()}
    if cluster and _NO_TOPIC_ID not in ids.values():
        return {name: f"{cluster}/{topic_id}" for name, topic_id in ids.items()}
    run = run_id(brokers, topics)
    if run is None:
        raise Misconfigured(f"no run id stands on {topics.meta}: write one with `penchant topics create`")
    return {name: f"{run}/{name}" for name in names}


def run_id(brokers: AnyBrokers, topics: Topics) -> str | None:
    """Read the run id on meta.v1; None if none was written. Raises `Unavailable`."""
    newest = None
    for record in read_topic(brokers, topics.meta):
        if record.key == RUN_KEY:
            newest = record.value
    return None if newest is None else newest.decode()


def read_topic(brokers: AnyBrokers, name: str, since: int = 0) -> Iterator[Any]:
    """Read a topic from its start to where it ended when asked; yields kafka-python's ConsumerRecords.

    In order within a partition, what lies before offset `since` left out. A topic that is missing is empty.
    Raises `Unavailable`.
    """
    with reader(brokers) as consumer:
        ends = end_offsets(consumer, partitions_of(consumer, name))
        if not ends:
            return
        consumer.seek_to_beginning(*ends)
        for partition in ends:
            if consumer.position(partition) < since:
                consumer.seek(partition, since)
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for partition, records in consumer.poll(timeout_ms=1000).items():
                yield from (record for record in records if record.offset < ends[partition])


def partitions_of(consumer: BlockingConsumer, name: str) -> list[TopicPartition]:
    """Return the partitions of a topic, none if it is missing."""
    try:
        return [TopicPartition(name, number) for number in sorted(consumer.partitions_for_topic(name) or ())]
    except UnknownTopicOrPartitionError:
        return []


def end_offsets(consumer: BlockingConsumer, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
    """Ask where partitions end: the offset after the last record that can be read.

    Nobody knows yet whether what an open transaction holds up will count. Assigns them, and leaves the position near
    there. From what a fetch tells: the embedded broker (Tansu 0.6) answers ListOffsets, made for this, with the
    *first* offset of the last batch plus one, which is too low by up to a batch.
    Raises kafka-python's KafkaTimeoutError after 10 s.
    """
    consumer.assign(partitions)
    consumer.forget_ends()
    if partitions:
        consumer.seek_to_end(*partitions)
    deadline = time.monotonic() + 10.0
    while missing := [partition for partition in partitions if consumer.end(partition) is None]:
        if time.monotonic() > deadline:
            raise KafkaTimeoutError(f"the end of {missing[0]} was not told in 10 s")
        consumer.poll(timeout_ms=100)
    return {partition: consumer.end(partition) or 0 for partition in partitions}


def ends_by_fetches(brokers: AnyBrokers, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """Where partitions end, by topic and number, as `end_offsets` tells. Raises `Unavailable`."""
    with reader(brokers) as consumer:
        ends = end_offsets(consumer, [TopicPartition(*place) for place in places])
    return {(tp.topic, tp.partition): end for tp, end in ends.items()}


@contextmanager
def reader(brokers: AnyBrokers) -> Iterator[BlockingConsumer]:
    """Open a consumer without a group, which reads what it is told to."""
    brokers = brokers_of(brokers)
    with translated(brokers):
        check_reachable(brokers.servers, 10.0, brokers.options)
        consumer = BlockingConsumer(
            **brokers.of_kafka_python(),
            group_id=None,
            enable_auto_commit=False,
            fetch_max_wait_ms=READ_WAIT_MS,
            bootstrap_timeout_ms=10_000,
        )
        with closing(consumer):
            yield consumer
