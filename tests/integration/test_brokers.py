import time
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from benchmarks.performance.apache_kafka import ApacheKafka
from deploy.local.services import start_store
from deploy.topics.create import create_topics
from penchant.kafka.reachable import security_missed
from penchant.topics import MAX_MESSAGE_BYTES, Topics
from serving.kafka.admin import end_offsets, open_admin, partitions_of, read_topic, reader
from stream.rebuild.log_reader import LogReader
from tests.conftest import ON_APACHE, Broker
from tests.support.waiting import slowness

pytestmark = pytest.mark.kafka


def test_records_come_back_whole(broker: Broker, prefix: str) -> None:
    topics = Topics(prefix)
    create_topics(broker.bootstrap, topics, partitions=2, replication=1)
    sent = {f"user-{number}".encode(): f"value {number} 科幻".encode() for number in range(500)}

    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap)) as producer:
        for key, value in sent.items():
            producer.send(topics.clicks, key=key, value=value, headers=[("ce_id", key)], timestamp_ms=1_700_000_000_000)
        producer.send(topics.clicks, key=b"null", value=None)
        producer.flush()

    records = list(read_topic(broker.bootstrap, topics.clicks))
    assert {record.key: record.value for record in records} == {**sent, b"null": None}
    assert {record.timestamp for record in records if record.value} == {1_700_000_000_000}
    assert all(record.headers == [("ce_id", record.key)] for record in records if record.value)


async def test_a_log_is_read_again_an_hour_at_a_time(broker: Broker, prefix: str) -> None:
    """Oldest first over partitions: what waits expires between two chunks, as it did between the batches of then."""
    topics, hour_ms = Topics(prefix), 3_600_000
    create_topics(broker.bootstrap, topics, partitions=2, replication=1)
    minutes = [0, 30, 60, 61, 200, 210, 900]
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap)) as producer:
        for at, minute in enumerate(minutes):
            when_ms = 1_700_000_000_000 + minute * hour_ms // 60
            producer.send(topics.clicks, value=str(minute).encode(), partition=at % 2, timestamp_ms=when_ms)
        producer.flush()

    async with LogReader(broker.bootstrap) as log:
        places = await log.partitions(topics.clicks)
        spans = {place: (0, end) for place, end in (await log.ends(places)).items()}
        chunks = [[int(record.value or b"-1") for record in chunk] async for chunk in log.read(spans)]

    assert [minute for chunk in chunks for minute in chunk] == minutes
    assert all(chunk[-1] - chunk[0] <= 60 for chunk in chunks)
    assert len(chunks) < len(minutes), "and not record by record"


def test_an_oversized_text_goes_through(broker: Broker, prefix: str) -> None:
    topics = Topics(prefix)
    create_topics(broker.bootstrap, topics, partitions=1, replication=1)
    value = b"x" * (MAX_MESSAGE_BYTES - 1024)

    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap, max_request_size=MAX_MESSAGE_BYTES)) as producer:
        producer.send(topics.reviews, key=b"u1", value=value).get(timeout=60)

    assert [len(record.value) for record in read_topic(broker.bootstrap, topics.reviews)] == [len(value)]


def test_a_topic_that_is_missing_reads_as_empty(broker: Broker, prefix: str) -> None:
    assert list(read_topic(broker.bootstrap, f"{prefix}.nothing")) == []


def test_a_record_arrives_within_milliseconds(broker: Broker, prefix: str) -> None:
    """With the fetch wait that the broker asks for; the embedded one would hold an ordinary fetch for 250 ms."""
    topics = Topics(prefix)
    create_topics(broker.bootstrap, topics, partitions=1, replication=1)
    partition = TopicPartition(topics.clicks, 0)
    consumer = KafkaConsumer(
        bootstrap_servers=broker.bootstrap, group_id=None, fetch_max_wait_ms=broker.fetch_wait_ms or 500
    )
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    with closing(consumer), closing(producer):
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        took_s = []
        for number in range(20):
            started = time.perf_counter()
            producer.send(topics.clicks, key=b"u1", value=str(number).encode())
            while not consumer.poll(timeout_ms=1000):
                pass
            took_s.append(time.perf_counter() - started)

    assert sorted(took_s)[10] < 0.1 * slowness()


@pytest.mark.skipif(not ON_APACHE, reason="the embedded broker keeps nothing")
def test_apache_kafka_restarts_with_its_log(tmp_path: Path) -> None:
    kafka = ApacheKafka(tmp_path)
    topics = Topics("kept")
    kafka.start()
    create_topics(kafka.bootstrap, topics, partitions=1, replication=1)
    with closing(KafkaProducer(bootstrap_servers=kafka.bootstrap)) as producer:
        producer.send(topics.clicks, key=b"u1", value=b"{}").get(timeout=60)

    kafka.kill()
    kafka.start()
    try:
        assert [record.value for record in read_topic(kafka.bootstrap, topics.clicks)] == [b"{}"]
        with open_admin(kafka.bootstrap) as admin:
            assert topics.clicks in admin.list_topics()
    finally:
        kafka.stop()


def test_a_store_with_its_log_on_disk_has_it_after_a_crash(tmp_path: Path) -> None:
    import redis

    first = start_store(tmp_path, append_only=True)
    with closing(redis.Redis.from_url(first.url)) as client:
        client.config_set("appendfsync", "always")
        client.set("k", "v")
    first.child.kill()

    second = start_store(tmp_path, append_only=True)
    with closing(redis.Redis.from_url(second.url)) as client:
        assert client.get("k") == b"v"
        assert client.config_get("hz") == {"hz": "1"}, "it wakes once a second while nobody asks"
    second.stop()


def test_where_a_topic_ends_is_told_right(broker: Broker, prefix: str) -> None:
    """Three batches of 100: ListOffsets of the embedded broker would say 201."""
    topics = Topics(prefix)
    create_topics(broker.bootstrap, topics, partitions=1, replication=1)
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap, linger_ms=50)) as producer:
        for _ in range(3):
            for number in range(100):
                producer.send(topics.clicks, key=b"u1", value=str(number).encode())
            producer.flush()

    with reader(broker.bootstrap) as consumer:
        assert list(end_offsets(consumer, partitions_of(consumer, topics.clicks)).values()) == [300]


def test_a_broker_that_asks_nobody_is_not_said_to(broker: Broker) -> None:
    """The embedded one names a mechanism without a name, if it is asked for those."""
    assert security_missed(broker.bootstrap) == ""
