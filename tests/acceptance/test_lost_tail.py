"""A broker that has lost the end of its log is noticed by whoever takes its partitions over, and by who has them."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import redis

from benchmarks.performance.apache_kafka import ApacheKafka
from penchant.partitioner import partition_of
from penchant.times import rfc3339
from serving.state.keyspace import Keyspace
from tests.conftest import ON_APACHE
from tests.support.command import penchant
from tests.support.system import System, WorkerProcess, now_ms, running
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]
USER = "u1"
MISCONFIGURED = 78
_Test = TypeVar("_Test", bound=Callable[..., None])


def long_on_apache(test: _Test) -> _Test:
    """A test that has an Apache Kafka of its own."""
    for mark in (
        pytest.mark.skipif(not ON_APACHE, reason="needs Apache Kafka: `make test-kafka`"),
        pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # see `own_kafka`
        pytest.mark.long,
    ):
        test = mark(test)
    return test


def read_on(system: System, events: int) -> None:
    """Have the store believe that so many more events of the user's partition were read than there are."""
    key = Keyspace(system.topics.prefix).of(partition_of(USER, system.partitions), "offsets")
    with redis.Redis.from_url(system.redis_url) as client:
        (field,) = [name for name in client.hkeys(key) if name.startswith(system.topics.clicks.encode())]
        client.hincrby(key, field, events)


def stored_offset(system: System) -> int:
    key = Keyspace(system.topics.prefix).of(partition_of(USER, system.partitions), "offsets")
    with redis.Redis.from_url(system.redis_url) as client:
        stored = client.hgetall(key)
    return sum(int(value) for name, value in stored.items() if name.startswith(system.topics.clicks.encode()))


def test_a_store_that_read_further_than_the_log_goes_is_told_and_adopted(system: System) -> None:
    worker = system.start_ready()
    system.publish([{"item_id": "i9", "title": "Solaris"}])
    system.click(USER, "i9", event_id="c-1")
    system.list_for(USER, "c-1")
    worker.child.stop()
    lost_ms = now_ms()
    read_on(system, 5)
    system.click(USER, "i9", event_id="c-2")  # would be taken for one of the five
    system.producer.flush()

    refused = system.start()
    assert until(lambda: refused.child.exit_code is not None, 60)
    assert refused.child.exit_code == MISCONFIGURED, refused.child.last_lines()
    assert "has lost the end of its log" in refused.child.last_lines()

    where = ["--bootstrap", system.bootstrap, "--redis", system.redis_url, "--prefix", system.topics.prefix]
    adopted = penchant("topics", "adopt", "--force", "--json", "--lost-since", rfc3339(lost_ms), *where)
    assert adopted.exit_code == 0, adopted.err
    assert adopted.json["lost"] == {f"{system.topics.clicks}-{partition_of(USER, system.partitions)}": [6, 1]}
    system.start_ready()
    system.list_for(USER, "c-2")


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[ApacheKafka]:
    (tmp_path / "own").mkdir()
    kafka = ApacheKafka(tmp_path / "own")
    kafka.start()
    yield kafka
    kafka.stop()
    gc.collect()  # sockets that kafka-python leaves open with each attempt to connect


def read_to_ten(system: System) -> WorkerProcess:
    """A worker that has taken in ten events of the user, and runs."""
    worker = system.start_ready()
    system.publish([{"item_id": "i9", "title": "Solaris"}])
    for number in range(10):
        system.click(USER, "i9", event_id=f"c-{number}")
    system.list_for(USER, "c-9")
    assert until(lambda: stored_offset(system) == 10)
    return worker


def lose_the_log(kafka: ApacheKafka, system: System) -> None:
    """Have the broker come back without anything of the user's partition."""
    kafka.stop()
    for segment in (kafka.folder / "logs" / f"{system.topics.clicks}-{partition_of(USER, system.partitions)}").glob(
        "0*"
    ):
        segment.unlink()
    kafka.start()


@long_on_apache
def test_a_log_that_loses_its_end_under_a_worker(
    own_kafka: ApacheKafka, tmp_path: Path, redis_url: str, prefix: str
) -> None:
    with running(own_kafka, redis_url, prefix, tmp_path) as system:
        worker = read_to_ten(system)
        lose_the_log(own_kafka, system)

        assert until(lambda: worker.child.exit_code is not None, 60)
        assert worker.child.exit_code == MISCONFIGURED
        assert "has lost the end of its log" in worker.child.last_lines()
        assert stored_offset(system) == 10, "nothing was counted for something else"


@long_on_apache
def test_a_log_that_lost_its_end_and_has_grown_past_it(
    own_kafka: ApacheKafka, tmp_path: Path, redis_url: str, prefix: str
) -> None:
    with running(own_kafka, redis_url, prefix, tmp_path) as system:
        worker = read_to_ten(system)
        worker.child.stop()
        lost_ms = now_ms()
        lose_the_log(own_kafka, system)
        for number in range(10, 25):
            system.click(USER, "i9", event_id=f"c-{number}")
        system.producer.flush()

        for _ in range(2):  # who starts it again is told again
            refused = system.start()
            assert until(lambda: refused.child.exit_code is not None, 60)  # noqa: B023 - looked at within the round
            assert refused.child.exit_code == MISCONFIGURED, refused.child.last_lines()
            assert "was read up to offset 10, and has other records from 0 on" in refused.child.last_lines()
        assert stored_offset(system) == 10

        where = ["--bootstrap", system.bootstrap, "--redis", system.redis_url, "--prefix", system.topics.prefix]
        adopted = penchant("topics", "adopt", "--force", "--json", "--lost-since", rfc3339(lost_ms), *where)
        assert adopted.exit_code == 0, adopted.err
        assert adopted.json["lost"] == {f"{system.topics.clicks}-{partition_of(USER, system.partitions)}": [10, 0]}
        system.start_ready()
        for number in range(10, 25):
            system.list_for(USER, f"c-{number}")
