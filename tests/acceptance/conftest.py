"""A running system for each test, or one for all tests of a module that only add users of their own."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Broker
from tests.support.system import System, running


@pytest.fixture
def system(broker: Broker, redis_url: str, prefix: str, tmp_path: Path, small_model: Path) -> Iterator[System]:
    """Topics under a prefix of this test's own; workers are started by the test, and know no language."""
    with running(broker, redis_url, prefix, tmp_path) as made:
        made.environment["PENCHANT_MODEL"] = str(small_model)
        yield made


@pytest.fixture(scope="module")
def shared(broker: Broker, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One system with one worker that has the default model; lists of trending items twice a second."""
    with running(broker, redis_url, f"test-{secrets.token_hex(4)}", tmp_path_factory.mktemp("shared")) as made:
        made.start_ready(PENCHANT_TRENDING_EVERY_S="0.5")
        yield made


@pytest.fixture(scope="module")
def shared_small(
    broker: Broker, redis_url: str, tmp_path_factory: pytest.TempPathFactory, small_model: Path
) -> Iterator[System]:
    """The same with a worker that knows no language."""
    with running(broker, redis_url, f"test-{secrets.token_hex(4)}", tmp_path_factory.mktemp("shared")) as made:
        made.environment["PENCHANT_MODEL"] = str(small_model)
        made.start_ready(PENCHANT_TRENDING_EVERY_S="0.5")
        yield made
