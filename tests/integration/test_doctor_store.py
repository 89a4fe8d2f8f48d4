"""What `penchant doctor` says of a store that answers, and would not do what workers ask of it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from deploy.doctor import store_checks
from deploy.local.services import EmbeddedStore, start_store
from penchant.errors import Misconfigured
from serving.connections import Connections
from tests.support.refusals import REFUSALS


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    made = start_store(tmp_path_factory.mktemp("store"))
    yield made
    made.stop()


@pytest.fixture
def client(server: EmbeddedStore) -> Iterator[Any]:
    with redis.Redis.from_url(server.url) as made:
        yield made


@pytest.mark.parametrize(
    ("refusal", "found"),
    [("full", "is full"), ("read-only", "is a replica, and takes no writes"), ("no disk", "cannot save to its disk")],
)
def test_a_store_that_takes_no_writes_is_not_well(
    server: EmbeddedStore, client: Any, tmp_path: Path, refusal: str, found: str
) -> None:
    settings = Connections(redis=server.url)
    assert store_checks.store(settings).ok
    REFUSALS[refusal].begin(client)
    ill = store_checks.store(settings)
    REFUSALS[refusal].end(client)
    assert not ill.ok
    assert found in ill.found
    assert ill.do != "nothing"
    client.config_set("dir", str(tmp_path))
    client.save()


def test_a_store_that_would_throw_users_away_is_not_well(server: EmbeddedStore, client: Any) -> None:
    client.config_set("maxmemory-policy", "allkeys-lru")
    ill = store_checks.store(Connections(redis=server.url))
    client.config_set("maxmemory-policy", "noeviction")
    assert (ill.ok, ill.do.partition(":")[0]) == (False, "set maxmemory-policy noeviction")


def test_a_store_that_wants_a_password_says_so(server: EmbeddedStore, client: Any) -> None:
    client.config_set("requirepass", "sesame")
    with pytest.raises(Misconfigured, match="wants a password"):
        store_checks.store(Connections(redis=server.url))
    known = Connections(redis=server.url.replace("://", "://:sesame@"))
    assert store_checks.store(known).ok
    assert "sesame" not in str(store_checks.store(known))
    client.config_set("requirepass", "")


def test_clocks_are_compared(server: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Connections(redis=server.url)
    well = store_checks.clock(settings)
    assert well.ok
    assert abs(well.figures["skew_ms"]) < 60_000
    now_ns = time.time_ns
    monkeypatch.setattr("deploy.doctor.store_checks.time.time_ns", lambda: now_ns() - 25 * 3_600_000_000_000)
    ill = store_checks.clock(settings)
    assert not ill.ok
    assert ill.figures["skew_ms"] < -24 * 3_600_000
    assert "25.0 h apart" in ill.found
    assert ill.do.startswith("set the wrong one")
