"""What a worker says at start when something is missing: one sentence, what to do, and exit code 78."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import redis
from kafka.admin import KafkaAdminClient

from deploy.local.services import free_port, start_store
from serving.catalogue import Catalogue
from serving.ranking import snapshots
from serving.ranking.statistics import Statistics
from tests.support.newer import newer
from tests.support.system import System
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]


def refused(system: System, environment: Mapping[str, str]) -> str:
    """Start a worker that is expected to refuse; what it said."""
    worker = system.start(**environment)
    assert until(lambda: worker.child.exit_code is not None, 60)
    assert worker.child.exit_code == 78, worker.child.last_lines()
    said = worker.child.last_lines(3)
    assert "Traceback" not in said
    return said


def test_no_redis(system: System) -> None:
    assert "--redis" in refused(system, {"PENCHANT_REDIS": f"redis://127.0.0.1:{free_port()}/0"})


def test_redis_wants_a_password(system: System, tmp_path: Path) -> None:
    store = start_store(tmp_path)
    with redis.Redis.from_url(store.url) as client:
        client.config_set("requirepass", "sesame")
    assert "Redis wants a password (HELLO must be called" in refused(system, {"PENCHANT_REDIS": store.url})
    wrong = store.url.replace("://", "://:wrong@")
    assert "does not take this user and password" in refused(system, {"PENCHANT_REDIS": wrong})
    store.stop()


def test_an_address_with_a_slash_in_its_password(system: System) -> None:
    said = refused(system, {"PENCHANT_REDIS": "redis://:sec/ret@127.0.0.1:6379/0"})
    assert said.count("\n") == 0, "one sentence"
    assert "PENCHANT_REDIS" in said
    assert "%2F" in said
    assert "sec" not in said


def test_no_broker(system: System) -> None:
    assert "--bootstrap" in refused(system, {"PENCHANT_BOOTSTRAP": f"127.0.0.1:{free_port()}"})


def test_no_topics(system: System) -> None:
    said = refused(system, {"PENCHANT_PREFIX": "nothing-here"})
    assert "penchant topics create" in said


def test_unequal_partitions(system: System, prefix: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=system.bootstrap)
    admin.delete_topics([system.topics.reviews])
    until(lambda: system.topics.reviews not in admin.list_topics())
    admin.create_topics({system.topics.reviews: {"num_partitions": 3, "replication_factor": 1}})
    admin.close()
    said = refused(system, {})
    assert "3 partitions" in said


def test_no_model(system: System, tmp_path: Path) -> None:
    said = refused(system, {"PENCHANT_MODEL": str(tmp_path / "nothing")})
    assert "penchant export" in said or "make setup" in said


def test_wrong_setting(system: System) -> None:
    assert "k" in refused(system, {"PENCHANT_K": "0"})


def test_an_experiment_that_cannot_be_run(system: System, tmp_path: Path) -> None:
    file = tmp_path / "experiment.toml"
    file.write_text('name = "e"\n[[variant]]\nname = "a"\nshare = 0.5\n')
    said = refused(system, {"PENCHANT_EXPERIMENT": str(file)})
    assert "experiment.toml: the shares add up to 0.5: they must add up to 1" in said


def test_store_of_another_model(system: System) -> None:
    with redis.Redis.from_url(system.redis_url) as client:
        client.set(f"{system.topics.prefix}:fingerprint", "other-12345678")
    assert "other-12345678" in refused(system, {})


def test_item_statistics_of_a_newer_version(system: System) -> None:
    header, *_ = snapshots.encode(Statistics(Catalogue(8, "words-8"), {}).snapshot("covisits", 0, 0))
    pointer = snapshots.pointer(system.topics.prefix)
    with redis.Redis.from_url(system.redis_url) as client:
        client.hset(f"{pointer}:newer", "0", newer(header))
        client.set(pointer, f"{pointer}:newer")
    assert "penchant statistics forget" in refused(system, {})
