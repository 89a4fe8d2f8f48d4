import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deploy.local import supervisor
from deploy.local.processes import ChildProcess
from deploy.local.supervisor import MAX_DEATHS, SupervisedProcess
from tests.support.waiting import until

NOWHERE = "http://127.0.0.1:1"


def supervise(folder: Path, script: str, health: str = NOWHERE) -> SupervisedProcess:
    return SupervisedProcess("process", [sys.executable, "-c", script], folder, health, {})


def dead(process: SupervisedProcess) -> bool:
    return until(lambda: process.child.exit_code is not None)


def runs(child: ChildProcess) -> bool:
    return child.exit_code is None


def test_what_runs_is_left_alone(tmp_path: Path) -> None:
    process = supervise(tmp_path, "import time; time.sleep(60)")
    before = process.child.pid

    assert process.restart_if_dead()
    assert (process.child.pid, process.restarts) == (before, 0)
    process.child.kill()


def test_it_is_started_again_five_times_and_then_given_up(tmp_path: Path) -> None:
    process = supervise(tmp_path, "import sys; print('last words', flush=True); sys.exit(9)")

    for death in range(1, MAX_DEATHS + 1):
        assert dead(process)
        assert process.restart_if_dead()
        assert process.restarts == death
    assert dead(process)
    assert not process.restart_if_dead()
    assert process.child.exit_code == 9
    assert process.child.last_lines(1) == "last words"


def test_deaths_long_ago_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "WINDOW_S", 0.0)
    process = supervise(tmp_path, "raise SystemExit(1)")

    for _ in range(MAX_DEATHS + 3):
        assert dead(process)
        assert process.restart_if_dead()
    assert dead(process)


def test_what_is_misconfigured_is_not_tried_again(tmp_path: Path) -> None:
    process = supervise(tmp_path, "raise SystemExit(78)")

    assert dead(process)
    assert not process.restart_if_dead()


class Health:
    """A health port; `statuses` can be changed."""

    def __init__(self) -> None:
        self.statuses = {"/health/ready": 200, "/health/live": 200}
        health = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(health.statuses.get(self.path, 404))
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def health() -> Iterator[Health]:
    made = Health()
    yield made
    made.close()


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
def test_ready_asks_the_health_port(tmp_path: Path, health: Health, status: int, ready: bool) -> None:
    health.statuses["/health/ready"] = status
    process = supervise(tmp_path, "import time; time.sleep(60)", health.url)

    assert process.ready() is ready

    process.child.kill()


@pytest.mark.parametrize("code", [75, 78])
def test_what_its_dependencies_end_is_started_once_a_minute_for_ever(
    tmp_path: Path, health: Health, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Given a process that was ready, when Redis ends it, then it rests, is started again, and never given up."""
    monkeypatch.setattr(supervisor, "REST_S", 3600.0)
    process = supervise(
        tmp_path, f"print('ERROR stream.app: Redis is full', flush=True); raise SystemExit({code})", health.url
    )
    assert process.ready()
    assert dead(process)
    for _ in range(3):
        assert process.restart_if_dead()
        assert process.child.exit_code == code, "it rests"
    (told,) = process.drain_messages()
    assert told.startswith(f"process ended with {code}: Redis is full; it is started again in 3600 s")

    monkeypatch.setattr(supervisor, "REST_S", 0.0)
    for _ in range(MAX_DEATHS + 3):
        before = process.child.pid
        assert dead(process)
        assert process.restart_if_dead()
        assert process.child.pid != before
    assert dead(process)


def test_the_rest_keeps_within_five_starts_in_five_minutes() -> None:
    assert supervisor.WINDOW_S / supervisor.REST_S <= MAX_DEATHS


def test_who_stopped_answering_is_killed_and_started_again(tmp_path: Path, health: Health) -> None:
    process = supervise(tmp_path, "import time; time.sleep(60)", health.url)
    first = process.child
    health.statuses["/health/live"] = 503
    for _ in range(2 * supervisor.MISSES):
        process.probe()
    process.kill_if_hung(0.0)
    assert runs(first), "it has never answered: it is still starting"

    health.statuses["/health/live"] = 200
    process.probe()
    health.statuses["/health/live"] = 503
    for _ in range(supervisor.MISSES - 1):
        process.probe()
    process.kill_if_hung(0.0)
    assert runs(first), "a few probes may be lost"
    process.probe()
    process.kill_if_hung(3600.0)
    assert runs(first)
    process.kill_if_hung(0.0)
    assert first.exit_code == -9
    assert process.restart_if_dead()
    assert runs(process.child)
    assert [words.partition(" ")[0] for words in process.drain_messages()] == ["process", "process"]
    process.kill_if_hung(0.0)
    assert runs(process.child), "its successor has a time of its own"
    process.child.kill()


def test_nobody_listening_is_not_ready(tmp_path: Path) -> None:
    process = supervise(tmp_path, "pass")

    assert not process.ready()
    assert dead(process)
