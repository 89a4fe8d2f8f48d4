"""`penchant local` outlasts what its Redis and its workers do; what was sent comes through, each event once."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import psutil
import pytest
import redis

from tests.acceptance.test_events_to_lists import FILMS
from tests.acceptance.test_restart import all_named, counts, send_clicks
from tests.support.local import RunningLocal, running_local
from tests.support.refusals import become_primary, become_replica, fill_up, make_room
from tests.support.system import System, running
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]
ODD = "tests.support.misbehaving_local"


@dataclass(frozen=True)
class At:
    """The broker that `local` started."""

    bootstrap: str
    fetch_wait_ms: int | None = 5


@contextmanager
def seen_by(local: RunningLocal, folder: Path, model: Path) -> Iterator[System]:
    """A producer and a consumer beside it, and films that it knows."""
    (folder / "seen").mkdir()
    where = local.where
    with running(At(where["bootstrap"]), where["redis"], where["prefix"], folder / "seen") as system:
        system.environment["PENCHANT_MODEL"] = str(model)
        system.publish(FILMS)
        yield system


def why(local: RunningLocal) -> str:
    """What its first worker says of its readiness."""
    try:
        with urlopen(f"{local.where['workers'][0]}/health/ready", timeout=2) as answer:
            found = json.load(answer)
    except HTTPError as error:
        with error:
            found = json.load(error)
    except (URLError, OSError):
        return ""
    return str(found["why"])


def restarted(local: RunningLocal, before: psutil.Process, seconds: float = 60.0) -> bool:
    """Whether another process has taken a worker's place and takes events in."""
    return until(
        lambda: (
            [each.pid for each in local.workers()] not in ([], [before.pid]) and why(local) == "events are taken in"
        ),
        seconds,
    )


def test_a_redis_that_is_full_or_read_only_for_a_while(tmp_path: Path, small_model: Path) -> None:
    """Given clicks that go on, when Redis is full, a worker starts meanwhile, and later it takes no writes for seconds,
    then `local` stays up, and every click is named and counted once.
    """
    with running_local(tmp_path, "--model", str(small_model)) as local:
        with seen_by(local, tmp_path, small_model) as system:
            with redis.Redis.from_url(system.redis_url) as client:
                send_clicks(system, 0, 200)
                assert until(lambda: all_named(system, 200), 60)
                fill_up(client)
                send_clicks(system, 200, 400)
                assert until(lambda: "Redis is full (OOM" in why(local), 30), why(local)
                (worker,) = local.workers()
                worker.kill()
                assert until(lambda: local.workers() not in ([], [worker]) and "Redis is full" in why(local), 60)
                assert not all_named(system, 600)
                make_room(client)
                assert until(lambda: all_named(system, 600), 60)

                become_replica(client)
                send_clicks(system, 600, 200)
                assert until(lambda: "Redis is a replica" in why(local), 30), why(local)
                become_primary(client)
                assert until(lambda: all_named(system, 800), 60)
            assert counts(system) == 800
        assert local.stop() == 0


def test_a_worker_that_redis_ends_is_started_again_and_the_broker_stays(tmp_path: Path, small_model: Path) -> None:
    """Given a Redis that gets another password while a worker runs, which ends with 78, then `local` says so and keeps
    all that is sent; when it has the old one again, then all of it comes through.
    """
    with running_local(tmp_path, "--model", str(small_model), module=ODD, ODD_REST_S="3") as local:
        with seen_by(local, tmp_path, small_model) as system:
            send_clicks(system, 0, 100)
            assert until(lambda: all_named(system, 100), 60)
            (worker,) = local.workers()
            with redis.Redis.from_url(system.redis_url) as client:
                own = client.config_get("requirepass")["requirepass"]
                client.config_set("requirepass", "sesame")
                client.client_kill_filter(_type="normal", skipme=True)
                send_clicks(system, 100, 100)
                assert until(lambda: local.workers() in ([], [worker]) and not worker.is_running(), 30)
                assert until(lambda: local.workers() not in ([], [worker]), 30), "it is tried again meanwhile"
                client.config_set("requirepass", own)
            assert until(lambda: all_named(system, 200), 60)
            assert counts(system) == 200
        assert local.stop() == 0
        said = errors(local)
        assert "penchant: worker-1 ended with 78: Redis does not take this user and password" in said
        assert "it is started again" in said
        assert "sesame" not in said


def test_a_worker_whose_loop_hangs_ends_itself_and_is_started_again(tmp_path: Path, small_model: Path) -> None:
    hang = tmp_path / "hang"
    variables = {"ODD_HANG": str(hang), "PENCHANT_LOOP_SILENT_S": "5"}
    with running_local(tmp_path, "--model", str(small_model), module=ODD, **variables) as local:
        with seen_by(local, tmp_path, small_model) as system:
            (worker,) = local.workers()
            hang.touch()
            assert until(lambda: not hang.exists())
            send_clicks(system, 0, 20)
            assert restarted(local, worker)
            assert until(lambda: all_named(system, 20), 60)
            log = next(tmp_path.glob("penchant-*/worker-1.log")).read_text("utf-8")
            assert "the event loop has had no turn for 5 s: this process ends (70)" in log
            assert "in look" in log, "the stack says where"
        children = local.children()
        local.stop(signal.SIGKILL)
        assert until(lambda: not any(alive(child) for child in children)), "nothing runs on when it is killed"


@pytest.mark.long
def test_a_worker_that_is_frozen_is_killed_and_started_again(tmp_path: Path, small_model: Path) -> None:
    with running_local(tmp_path, "--model", str(small_model), PENCHANT_LOOP_SILENT_S="5") as local:
        with seen_by(local, tmp_path, small_model) as system:
            (worker,) = local.workers()
            assert until(lambda: why(local) == "events are taken in")
            os.kill(worker.pid, signal.SIGSTOP)
            send_clicks(system, 0, 20)
            assert restarted(local, worker, 90)
            assert until(lambda: all_named(system, 20), 60)
            assert counts(system) == 20
        assert local.stop() == 0
        assert "worker-1 has not answered /health/live" in errors(local)


def alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def errors(local: RunningLocal) -> str:
    """What it said on standard error; it has ended."""
    said: Any = local.process.stderr
    return str(said.read())
