import json
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from kafka import KafkaConsumer

from deploy.local.services import WORKER_FETCH_WAIT_MS
from tests.conftest import Broker
from tests.support.command import penchant
from tests.support.local import RunningLocal, running_local
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]

FILMS = {
    "interstellar": ("星际穿越", ["科幻", "剧情"]),
    "wandering": ("流浪地球", ["科幻", "灾难"]),
    "inception": ("盗梦空间", ["科幻", "悬疑"]),
    "farewell": ("霸王别姬", ["剧情", "爱情"]),
    "notting": ("诺丁山", ["爱情", "喜剧"]),
    "hero": ("英雄", ["武侠", "动作"]),
    "spirited": ("千与千寻", ["动画", "奇幻"]),
    "piano": ("海上钢琴师", ["剧情", "音乐"]),
}


def items() -> str:
    lines = [
        {"item_id": item_id, "title": title, "text": title, "facets": {"genre": genres, "domain": "films"}}
        for item_id, (title, genres) in FILMS.items()
    ]
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)


def get(url: str) -> tuple[int, bytes]:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.status, answer.read()


def embedded(system: RunningLocal) -> bool:
    checks = penchant("doctor", "--json", *system.options).json
    return bool(checks["items_embedded"]["ok"] and checks["items_embedded"]["count"] == len(FILMS))


def version_with(consumer: KafkaConsumer, event_id: str) -> int:
    """Wait for a list that names an event, and return its version."""
    found: list[int] = []

    def named() -> bool:
        for records in consumer.poll(timeout_ms=200).values():
            for made in (json.loads(record.value) for record in records):
                found.extend(made["version"] for each in made["folded"] if each["event_id"] == event_id)
        return bool(found)

    assert until(named, 60.0)
    return found[0]


def gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


@contextmanager
def without_hangups() -> Iterator[None]:
    """As nohup starts what is to outlive its terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def test_from_nothing_to_a_list_and_back_to_nothing(tmp_path: Path) -> None:
    """Started to outlive its terminal, which closes at once."""
    with without_hangups(), running_local(tmp_path) as system:
        children = system.children()
        system.process.send_signal(signal.SIGHUP)
        assert set(system.where) == {"bootstrap", "redis", "api", "prefix", "workers"}
        assert all("127.0.0.1:" in system.where[name] for name in ("bootstrap", "redis", "api"))

        for path in ("/health/live", "/health/ready"):
            status, body = get(system.where["api"] + path)
            assert (status, json.loads(body)["ok"]) == (200, True)
        assert b"process_resident_memory_bytes" in get(system.where["api"] + "/metrics")[1]

        assert penchant("produce", "-", *system.options, stdin=items()).exit_code == 0
        assert until(lambda: embedded(system), 60.0)
        statement = '{"user_id": "u1", "text": "我喜欢看电影，尤其是科幻片", "event_id": "r-1"}'
        assert penchant("produce", "-", *system.options, stdin=statement).exit_code == 0
        told: dict[str, Any] = penchant("watch", "u1", "--once", "--json", "--timeout", "120", *system.options).json
        shown = penchant("watch", "u1", "--once", "--timeout", "120", *system.options)

        assert {item["item_id"] for item in told["items"][:3]} == {"interstellar", "wandering", "inception"}
        assert told["cause"]["event_id"] == "r-1"
        assert "星际穿越" in shown.out
        doctor = penchant("doctor", "--json", *system.options)
        assert doctor.exit_code == 0, doctor.out

        assert system.stop(signal.SIGTERM) == 0
        assert gone(children)
        assert list(tmp_path.iterdir()) == []
        assert "the embedded broker serves kafka-python" in system.process.communicate()[1]


def test_interrupt_stops_it_too(tmp_path: Path, small_model: Path) -> None:
    with running_local(tmp_path, "--model", str(small_model), "--workers", "2", "--partitions", "2") as system:
        children = system.children()
        assert len(system.workers()) == 2

        assert system.stop(signal.SIGINT) == 0
        assert gone(children)
        assert list(tmp_path.iterdir()) == []


def test_a_killed_worker_is_started_again_until_the_terminal_closes(tmp_path: Path, small_model: Path) -> None:
    with running_local(tmp_path, "--model", str(small_model)) as system:
        penchant("produce", "-", *system.options, stdin=items())
        click = '{"user_id": "u1", "item_id": "hero", "type": "like", "event_id": "%s"}'
        topic = f"{system.where['prefix']}.recommendations.v1"
        consumer = KafkaConsumer(
            topic, bootstrap_servers=system.where["bootstrap"], fetch_max_wait_ms=5, auto_offset_reset="earliest"
        )
        with closing(consumer):
            penchant("produce", "-", *system.options, stdin=click % "first")
            version = version_with(consumer, "first")
            (worker,) = system.workers()

            worker.kill()
            penchant("produce", "-", *system.options, stdin=click % "second")

            assert version_with(consumer, "second") > version
            (again,) = system.workers()
            assert again.pid != worker.pid

        children = system.children()
        assert system.stop(signal.SIGHUP) == 0
        assert gone(children)
        assert list(tmp_path.iterdir()) == []


def test_running_broker_and_store_are_used_and_left(
    tmp_path: Path, small_model: Path, broker: Broker, redis_url: str, prefix: str
) -> None:
    wait = {} if broker.fetch_wait_ms is None else {"PENCHANT_FETCH_WAIT_MS": str(WORKER_FETCH_WAIT_MS)}
    options = ["--bootstrap", broker.bootstrap, "--redis", redis_url, "--prefix", prefix]
    options += ["--model", str(small_model)]
    with running_local(tmp_path, *options, **wait) as system:
        assert system.where["bootstrap"] == broker.bootstrap
        assert system.where["redis"] == redis_url
        assert system.where["prefix"] == prefix
        children = system.children()
        assert sorted(child.cmdline()[2] for child in children) == ["deploy.api", "stream"]

        assert system.stop(signal.SIGQUIT) == 0
        assert gone(children)
        assert list(tmp_path.iterdir()) == []
    assert penchant("doctor", "--json", *options).json["topics"]["ok"]


def test_a_missing_model_is_said_at_once(tmp_path: Path) -> None:
    ran = penchant("local", "--json", "--model", "no-such-folder", environment={"TMPDIR": str(tmp_path)})

    assert ran.exit_code == 78
    assert ran.out == ""
    assert "no-such-folder" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_keeps_dying_ends_it_with_its_last_words(tmp_path: Path, small_model: Path) -> None:
    with running_local(tmp_path, "--model", str(small_model)) as system:
        children = system.children()
        known: set[int] = set()
        for _ in range(6):
            assert until(lambda: any(worker.pid not in known for worker in system.workers()), 20.0)
            (worker,) = (worker for worker in system.workers() if worker.pid not in known)
            known.add(worker.pid)
            worker.kill()

        said = system.process.communicate(timeout=300)[1]

        assert system.process.returncode == 128 + signal.SIGKILL
        assert "worker-1 ended with -9" in said
        assert said.count("was started again") == 5
        assert gone(children)
        assert list(tmp_path.iterdir()) == []


def test_without_its_broker_it_ends_with_75(tmp_path: Path, small_model: Path) -> None:
    with running_local(tmp_path, "--model", str(small_model)) as system:
        (broker,) = (child for child in system.children() if child.name().startswith("tansu"))

        broker.kill()

        said = system.process.communicate(timeout=300)[1]
        assert system.process.returncode == 75
        assert "broker ended with -9" in said
