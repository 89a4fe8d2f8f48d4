"""An erased user is found nowhere but where docs/promises.md says so, once topics were compacted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from benchmarks.performance.apache_kafka import ApacheKafka, SecuredListeners
from penchant.topics import Topic
from serving.kafka.admin import open_admin, read_topic
from tests.acceptance.test_erasure import everything, found
from tests.acceptance.test_events_to_lists import FILMS
from tests.conftest import ON_APACHE
from tests.support.api import ready, running_api
from tests.support.command import penchant
from tests.support.system import System, running
from tests.support.waiting import until

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.model,
    pytest.mark.skipif(not ON_APACHE, reason="the embedded broker compacts nothing"),
]
ANN, GUEST = "ann@erased.example.org", "guest@erased.example.org"
# What the page says: until their retention has passed.
KEPT = {Topic.CLICKS, Topic.REVIEWS, Topic.COMMANDS, Topic.TRANSFERS}
AT_ONCE = {
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.0",
    "delete.retention.ms": "0",
    "max.compaction.lag.ms": "100",
}


@pytest.fixture
def system(tmp_path: Path, redis_url: str, prefix: str, small_model: Path) -> Iterator[System]:
    """On a broker of its own, which compacts as soon as it may."""
    (tmp_path / "broker").mkdir()
    kafka = ApacheKafka(tmp_path / "broker", SecuredListeners(properties="log.cleaner.backoff.ms=100\n"))
    kafka.start()
    (tmp_path / "processes").mkdir()
    with running(kafka, redis_url, prefix, tmp_path / "processes") as made:
        made.environment["PENCHANT_MODEL"] = str(small_model)
        yield made
    kafka.stop()


def traces_on(system: System, topic: str) -> list[Any]:
    """The records of a topic in which one of the two is found."""
    records = (each for each in read_topic(system.bootstrap, topic))
    return [each for each in records if found(ANN, tuple(each[6:9])) or found(GUEST, tuple(each[6:9]))]


def compact(system: System, topic: str) -> None:
    """Have the broker close the topic's segments, by a record in each partition, and compact them."""
    for partition in range(system.partitions):
        system.producer.send(topic, key=b"nobody", value=None, partition=partition)
    system.producer.flush()


def test_an_erased_person_is_found_where_the_promises_say_and_nowhere_else(system: System) -> None:
    worker, topics = system.start_ready(), system.topics
    system.publish(FILMS)
    with running_api(system.folder, system.bootstrap, system.redis_url, PENCHANT_PREFIX=topics.prefix) as api:
        ready(api)
        system.click(ANN, "f0", "purchase", event_id="a1")
        system.say(ANN, "I love westerns", event_id="a2")
        system.click(ANN, "not-there-yet", event_id="a3")
        system.click(GUEST, "f1", event_id="g1")
        system.send(topics.commands, {"command_id": "m", "type": "merge", "user_id": ANN, "anonymous_id": GUEST})
        for user, event_id in ((ANN, "m"), (ANN, "a3"), (GUEST, "g1")):
            system.list_for(user, event_id)
        assert until(lambda: api.list_of(ANN).status == 200)
        assert traces_on(system, topics.recommendations), "the search finds what is there"

        assert penchant("erase", ANN, environment=system.environment).exit_code == 0
        with open_admin(system.bootstrap) as admin:
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topics.recommendations, AT_ONCE)])

        def compacted() -> bool:
            compact(system, topics.recommendations)
            return not traces_on(system, topics.recommendations)

        assert until(compacted, 60)
        on = {name for name in (plan.name for plan in topics.plan(1)) if traces_on(system, name)}
        assert on == {topics.name(topic) for topic in KEPT}
        assert until(lambda: not found(ANN, everything(system)) and not found(GUEST, everything(system)), 5)
        for user in (ANN, GUEST):
            assert until(lambda user=user: api.list_of(user).status == 404)  # type: ignore[misc]
            assert api.ask(f"/v1/users/{user}/interests").status == 404
        told = [page(f"http://127.0.0.1:{worker.port}/metrics"), page(f"{api.address}/metrics")]
        told += [file.read_text("utf-8") for file in system.folder.rglob("*.log")]
        assert len(told) >= 4
        assert not found(ANN, told)
        assert not found(GUEST, told)


def page(url: str) -> str:
    with urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())
