import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deploy import kept
from deploy.kept import MAX_DEATHS, Kept
from tests.support.waiting import until

NOWHERE = "http://127.0.0.1:1"


def keep(folder: Path, script: str, health: str = NOWHERE) -> Kept:
    return Kept("process", [sys.executable, "-c", script], folder, health, {})


def dead(process: Kept) -> bool:
    return until(lambda: process.child.exit_code is not None)


def test_what_runs_is_left_alone(tmp_path: Path) -> None:
    process = keep(tmp_path, "import time; time.sleep(60)")
    before = process.child.pid

    assert process.revive()
    assert (process.child.pid, process.restarts) == (before, 0)
    process.child.kill()


def test_it_is_started_again_five_times_and_then_given_up(tmp_path: Path) -> None:
    process = keep(tmp_path, "import sys; print('last words', flush=True); sys.exit(9)")

    for death in range(1, MAX_DEATHS + 1):
        assert dead(process)
        assert process.revive()
        assert process.restarts == death
    assert dead(process)
    assert not process.revive()
    assert process.child.exit_code == 9
    assert process.child.last_lines(1) == "last words"


def test_deaths_long_ago_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "WINDOW_S", 0.0)
    process = keep(tmp_path, "raise SystemExit(1)")

    for _ in range(MAX_DEATHS + 3):
        assert dead(process)
        assert process.revive()
    assert dead(process)


def test_what_is_misconfigured_is_not_tried_again(tmp_path: Path) -> None:
    process = keep(tmp_path, "raise SystemExit(78)")

    assert dead(process)
    assert not process.revive()


@pytest.mark.parametrize(("status", "ready"), [(200, True), (503, False)])
def test_ready_asks_the_health_port(tmp_path: Path, status: int, ready: bool) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/ready" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    process = keep(tmp_path, "import time; time.sleep(60)", f"http://127.0.0.1:{server.server_port}")

    assert process.ready() is ready

    process.child.kill()
    server.shutdown()
    server.server_close()


def test_nobody_listening_is_not_ready(tmp_path: Path) -> None:
    process = keep(tmp_path, "pass")

    assert not process.ready()
    assert dead(process)
