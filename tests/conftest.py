"""The broker and the store of the tests: embedded by default, Apache Kafka with PENCHANT_TEST_KAFKA=1."""

import os
import secrets
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import settings
from xdist.remote import Producer

with warnings.catch_warnings():  # kafka-python reads its schemas, at import, in a way that Python 3.11 deprecates
    warnings.simplefilter("ignore", DeprecationWarning)
    import kafka  # noqa: F401

from benchmarks.performance.apache_kafka import ApacheKafka
from deploy.local.services import start_broker, start_store
from penchant.errors import Misconfigured
from tests.support.side_by_side import SideBySide, arranged
from tests.support.small_model import write_small_model

# No time limit for one example: machines of a build are shared, and what is compiled takes its time, once.
settings.register_profile("shared machine", deadline=None, print_blob=True)
settings.load_profile("shared machine")

# Started in the background by a shell without job control, or with nohup, which children would inherit: Ctrl-C and a
# terminal that closes are tested here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGHUP, signal.SIGQUIT):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)

ON_APACHE = os.environ.get("PENCHANT_TEST_KAFKA") == "1"


class Broker(Protocol):
    """Either broker. `fetch_wait_ms`: what clients must ask for; None leaves it to them."""

    @property
    def bootstrap(self) -> str: ...
    @property
    def fetch_wait_ms(self) -> int | None: ...


def missing(error: Misconfigured) -> None:
    """Skip on a laptop where a service cannot be had; never where CI runs, which sets CI."""
    if os.environ.get("CI"):
        pytest.fail(str(error))
    pytest.skip(str(error))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests into the order in which processes take them."""
    items[:] = arranged(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SideBySide:
    """Share them out among processes."""
    return SideBySide(config, log)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One broker for all tests: each uses topics under a prefix of its own."""
    folder = tmp_path_factory.mktemp("broker")
    if ON_APACHE:
        yield from _apache(folder)
        return
    try:
        embedded = start_broker(folder)
    except Misconfigured as error:
        return missing(error)
    yield embedded
    embedded.stop()


def _apache(folder: Path) -> Iterator[Broker]:
    try:
        kafka = ApacheKafka(folder)
        kafka.start()
    except Misconfigured as error:
        return missing(error)
    yield kafka
    kafka.stop()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One store for all tests: each uses keys under a prefix of its own."""
    try:
        store = start_store(tmp_path_factory.mktemp("store"))
    except Misconfigured as error:
        return missing(error)
    yield store.url
    store.stop()


@pytest.fixture
def prefix() -> str:
    """A prefix that no other test uses."""
    return f"test-{secrets.token_hex(4)}"


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that a worker has loaded in no time: where no text's meaning is asked for."""
    return write_small_model(tmp_path_factory.mktemp("models") / "small")
