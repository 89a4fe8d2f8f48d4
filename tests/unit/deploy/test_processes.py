import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from deploy.local.processes import ChildProcess
from tests.support.waiting import until


def test_output_and_errors_stand_in_the_log(tmp_path: Path) -> None:
    script = "import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(7)"
    child = ChildProcess("talker", [sys.executable, "-c", script], tmp_path / "log")

    assert until(lambda: child.exit_code is not None)
    assert child.exit_code == 7
    assert child.last_lines() == "out\nerr"
    assert child.last_lines(1) == "err"


def test_stop_asks_first(tmp_path: Path) -> None:
    script = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(4)); print('up', flush=True); time.sleep(60)"
    )
    child = ChildProcess("polite", [sys.executable, "-c", script], tmp_path / "log")
    assert until(lambda: child.last_lines() == "up")

    assert child.stop() == 4


def test_stop_kills_what_does_not_listen(tmp_path: Path) -> None:
    script = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    child = ChildProcess("deaf", [sys.executable, "-c", script], tmp_path / "log")
    assert until(lambda: child.last_lines() == "up")

    assert child.stop(patience_s=0.1) == -signal.SIGKILL


def test_environment_is_added_to_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "1")
    script = "import os; print(os.environ['OURS'], os.environ['THEIRS'])"
    child = ChildProcess("env", [sys.executable, "-c", script], tmp_path / "log", {"THEIRS": "2"})

    assert until(lambda: child.exit_code == 0)
    assert child.last_lines() == "1 2"


def test_a_missing_command_says_so(tmp_path: Path) -> None:
    child = ChildProcess("nobody", ["no-such-command-anywhere"], tmp_path / "log")

    assert until(lambda: child.exit_code is not None)
    assert "no-such-command-anywhere" in child.last_lines()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's promise is Linux's")
def test_children_end_when_the_parent_is_killed(tmp_path: Path) -> None:
    script = f"""
        import sys, time
        from pathlib import Path
        from deploy.local.processes import ChildProcess
        child = ChildProcess("sleeper", ["sleep", "60"], Path({str(tmp_path / "log")!r}))
        print(child.pid, flush=True)
        time.sleep(60)
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, cwd=Path.cwd())
    with parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert until(lambda: child.name() == "sleep")

        os.kill(parent.pid, signal.SIGKILL)

        assert until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
