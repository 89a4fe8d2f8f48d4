"""The examples in other languages, run: they follow lists on Apache Kafka, and from an API that reads it."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.performance.apache_kafka import ApacheKafka
from deploy.local.processes import ChildProcess
from penchant.errors import Misconfigured
from tests.conftest import missing
from tests.foreign.programs import example_in_java, example_in_javascript
from tests.support.api import ready, running_api
from tests.support.client_topics import ListTopics, a_list
from tests.support.waiting import until

pytestmark = pytest.mark.kafka
Command = Callable[[], list[str]]


@pytest.fixture
def topics(kafka: ApacheKafka) -> ListTopics:
    return ListTopics(kafka.bootstrap, f"test-{secrets.token_hex(4)}")


@contextmanager
def _running(command: Command, folder: Path, *arguments: str) -> Iterator[Callable[[], list[str]]]:
    """What an example has printed so far."""
    try:
        built = command()
    except Misconfigured as error:
        missing(error)
    child = ChildProcess("example", [*built, *arguments], folder / "example.log", {})
    try:
        yield lambda: (folder / "example.log").read_text().splitlines()
    finally:
        child.kill()


def _follows(printed: Callable[[], list[str]], topics: ListTopics) -> None:
    """It tells the newest list of a user, no older one, and that a user was erased."""
    assert until(lambda: "u1 v2 live: i9, i3" in printed()), printed()
    topics.publish(("u1", a_list("u1", 1, "i1")), ("u1", a_list("u1", 3, "i5")))
    assert until(lambda: "u1 v3 live: i5" in printed()), printed()
    topics.publish(("u1", None))
    assert until(lambda: "u1 was erased" in printed()), printed()
    said = [line for line in printed() if line.startswith("u1 ")]  # the clients log lines of their own
    assert said == ["u1 v2 live: i9, i3", "u1 v3 live: i5", "u1 was erased"]


def _over_kafka() -> list[str]:
    return example_in_javascript("follow-kafka.mjs")


def _over_http() -> list[str]:
    return example_in_javascript("follow-http.mjs")


@pytest.mark.parametrize("command", [_over_kafka, example_in_java])
def test_a_client_of_kafka(command: Command, topics: ListTopics, tmp_path: Path) -> None:
    topics.publish(("u1", a_list("u1", 2, "i9", "i3")))
    with _running(command, tmp_path, topics.bootstrap, topics.topics.prefix) as printed:
        _follows(printed, topics)


def test_a_client_of_the_api(topics: ListTopics, redis_url: str, tmp_path: Path) -> None:
    topics.publish(("u1", a_list("u1", 2, "i9", "i3")))
    with running_api(tmp_path, topics.bootstrap, redis_url, PENCHANT_PREFIX=topics.topics.prefix) as api:
        ready(api)
        with _running(_over_http, tmp_path, api.address, "u1") as printed:
            _follows(printed, topics)
