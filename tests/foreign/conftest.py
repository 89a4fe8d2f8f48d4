"""A running system that clients of other people write to; most of it on Apache Kafka only."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.performance.apache_kafka import ApacheKafka
from penchant.errors import Misconfigured
from tests.acceptance.test_events_to_lists import FILMS
from tests.conftest import ON_APACHE, Broker, missing
from tests.foreign.plans import KafkaClient, SendPlan
from tests.foreign.programs import franz_go, java
from tests.support.system import System, running

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All but one file here needs Apache Kafka."""
    for item in items:
        if HERE in item.path.parents and item.path.name != "test_embedded.py" and not ON_APACHE:
            item.add_marker(pytest.mark.skip(reason="needs Apache Kafka: `make test-kafka`"))


@pytest.fixture(scope="session")
def kafka(broker: Broker) -> ApacheKafka:
    """The session's broker, whose folder is looked into."""
    assert isinstance(broker, ApacheKafka)
    return broker


@pytest.fixture(scope="module")
def system(
    broker: Broker, redis_url: str, tmp_path_factory: pytest.TempPathFactory, small_model: Path
) -> Iterator[System]:
    """One system with a small catalogue and one worker, which may be held for a while without losing its partitions."""
    with running(broker, redis_url, f"test-{secrets.token_hex(4)}", tmp_path_factory.mktemp("foreign")) as made:
        made.environment["PENCHANT_MODEL"] = str(small_model)
        if ON_APACHE:  # on the embedded broker a group forms after half of it
            made.environment["PENCHANT_SESSION_TIMEOUT_S"] = "30"
        made.start_ready()
        made.publish(FILMS)
        yield made


def built(program: KafkaClient) -> KafkaClient:
    """A client that is skipped on a laptop where it cannot be built."""

    def produce(bootstrap: str, plan: SendPlan) -> None:
        try:
            program(bootstrap, plan)
        except Misconfigured as error:
            missing(error)

    return produce


@pytest.fixture(scope="session")
def by_franz_go() -> KafkaClient:
    return built(franz_go)


@pytest.fixture(scope="session")
def by_java() -> KafkaClient:
    return built(java)
