"""A redrive sends every dead letter once, also if it is interrupted, and knows new dead-letter topics from old ones."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient

from deploy.topics.create import create_topics
from penchant.errors import RejectReason
from penchant.topics import Topic, Topics
from serving.kafka.admin import read_topic
from stream.events.dead_letters import dead_letter_message
from stream.events.records import ORIGIN, DeadLetter, Record
from tests.conftest import Broker
from tests.support.command import clean_environment, penchant
from tests.support.system import now_ms
from tests.support.waiting import until

pytestmark = pytest.mark.kafka
PARTITIONS = 3
NOW_MS = now_ms()


@pytest.fixture
def topics(broker: Broker, prefix: str) -> Topics:
    made = Topics(prefix)
    create_topics(broker.bootstrap, made, PARTITIONS, replication=1)
    return made


@pytest.fixture
def producer(broker: Broker) -> Iterator[KafkaProducer]:
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap)) as made:
        yield made


def dead_lettered(producer: KafkaProducer, topics: Topics, dead_letters: int) -> None:
    """Clicks of as many users, as the worker's own writer puts them aside."""
    for n in range(dead_letters):
        original = Record(topics.clicks, n % PARTITIONS, n, NOW_MS, f"u{n}".encode(), b"{}")
        out = dead_letter_message(DeadLetter(original, RejectReason.UNKNOWN_TYPE, "no such thing", "decode"), NOW_MS)
        producer.send(
            out.topic,
            key=out.key,
            value=out.value,
            partition=out.partition,
            timestamp_ms=out.timestamp_ms,
            headers=list(out.headers),
        )
    producer.flush()


def origins(broker: Broker, topics: Topics) -> list[bytes]:
    """The places that the copies on the clicks topic name."""
    return sorted(dict(record.headers)[ORIGIN] for record in read_topic(broker.bootstrap, topics.clicks))


def test_an_interrupted_redrive_goes_on_where_it_stopped(
    broker: Broker, topics: Topics, producer: KafkaProducer
) -> None:
    """Given 40 dead letters, when a slow redrive is interrupted, then the next one sends exactly the others."""
    dead_lettered(producer, topics, 40)
    where = ["--bootstrap", broker.bootstrap, "--prefix", topics.prefix]
    command = [sys.executable, "-m", "deploy.cli", "dlq", "redrive", "--rate", "4", *where]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment()) as slow:
        assert until(lambda: len(origins(broker, topics)) >= 3, 30)
        slow.send_signal(signal.SIGINT)
        assert slow.wait(300) == 1
    sent = len(origins(broker, topics))
    assert sent < 40, "the interrupt came too late to prove anything"

    rest = penchant("dlq", "redrive", "--json", *where)

    assert rest.json["total"] == 40 - sent
    assert origins(broker, topics) == sorted(f"{topics.clicks}-{n % PARTITIONS}-{n}".encode() for n in range(40))
    assert penchant("dlq", "redrive", "--json", *where).json["total"] == 0


def test_dead_letters_of_a_topic_made_anew_are_not_taken_for_those_of_the_old_one(
    broker: Broker, topics: Topics, producer: KafkaProducer
) -> None:
    where = ["--bootstrap", broker.bootstrap, "--prefix", topics.prefix]
    dead_lettered(producer, topics, 6)
    assert penchant("dlq", "redrive", "--json", *where).json["total"] == 6
    with closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap)) as admin:
        admin.delete_topics([topics.dlq(Topic.CLICKS)])
        assert until(lambda: topics.dlq(Topic.CLICKS) not in admin.list_topics())
    create_topics(broker.bootstrap, topics, PARTITIONS, replication=1)
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap)) as fresh:
        dead_lettered(fresh, topics, 3)

    assert penchant("dlq", "redrive", "--json", *where).json["total"] == 3


def test_marks_are_told_apart_by_dead_letter(broker: Broker, topics: Topics, producer: KafkaProducer) -> None:
    """Given dead letters of many users, when every second is sent back by name, then the rest are sent back later."""
    where = ["--bootstrap", broker.bootstrap, "--prefix", topics.prefix]
    dead_lettered(producer, topics, 9)
    for n in (0, 2, 4, 6):
        assert penchant("dlq", "redrive", "--user", f"u{n}", "--json", *where).json["total"] == 1

    assert penchant("dlq", "ls", "--json", *where).json["letters"][0]["redriven"] == 4
    assert penchant("dlq", "redrive", "--json", *where).json["total"] == 5
    assert len(set(origins(broker, topics))) == len(origins(broker, topics)) == 9
