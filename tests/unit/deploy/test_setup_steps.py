"""`make setup`: what it says and does, on a Makefile whose steps take no time."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy import setup_steps
from tests.architecture.tree import ROOT
from tests.support.waiting import until

MAKEFILE = """
.venv/installed: constraints.txt
	mkdir -p .venv && $(INSTALL) touch $@
.cache/wheels/fetched:
	mkdir -p .cache/wheels && $(FETCH) touch $@
.cache/models/default/manifest.json:
	mkdir -p .cache/models/default && $(EXPORT) touch $@
.cache/models/default/sentiment.npz:
	$(LEARN) touch $@
"""
FETCHED = sum(step.download_mb for step in setup_steps.STEPS)
VARIABLES = ("INSTALL", "FETCH", "EXPORT", "LEARN")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "Makefile").write_text(MAKEFILE, "utf-8")
    (tmp_path / "constraints.txt").touch()
    return tmp_path


def start(clone: Path, **said: str) -> "subprocess.Popen[str]":
    """A setup in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, ROOT / "deploy" / "setup_steps.py"],
        cwd=clone,
        env=os.environ | said,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(clone: Path, **said: str) -> tuple[int | None, list[str], str]:
    """Its exit code, the lines that it printed, and what it complained of."""
    with start(clone, **said) as process:
        out, complaint = process.communicate(timeout=300)
    return process.returncode, out.splitlines(), complaint


def test_it_says_what_it_needs_then_a_line_a_step(clone: Path) -> None:
    code, lines, complaint = run(clone)

    assert (code, complaint) == (0, "")
    assert lines[0].startswith(f"setup: up to {FETCHED} MB to download, ")
    assert lines[0].endswith(f"are free in {clone}")
    assert [line.partition(":")[0] for line in lines[1:-1]] == [f"setup {n}/4" for n in (1, 2, 3, 4)]
    first = setup_steps.STEPS[0]
    sizes = re.escape(f"(up to {first.download_mb} MB to download, {first.disk_mb} MB on disk)")
    assert re.search(rf"packages into \.venv {sizes} \.\.\. \d+ s$", lines[1])
    assert re.fullmatch(
        r"setup: done in \d+ s; \.venv 0 MB, \.cache/wheels 0 MB, \.cache/models/default 0 MB", lines[-1]
    )
    assert not (clone / setup_steps.SCRATCH).exists()


def test_what_is_done_is_neither_done_again_nor_spoken_of(clone: Path) -> None:
    run(clone)
    assert run(clone) == (0, ["setup: nothing to do"], "")

    (clone / ".cache" / "wheels" / "fetched").unlink()
    assert run(clone)[1] == ["setup: nothing to do"]

    now = time.time() + 5
    os.utime(clone / "constraints.txt", (now, now))
    lines = run(clone)[1]
    assert [line.partition(":")[0] for line in lines] == ["setup", "setup 1/4", "setup"]


def test_a_wheelhouse_is_named_instead_of_a_download(clone: Path) -> None:
    assert run(clone, WHEELHOUSE="wheels")[1][0].startswith(f"setup: up to {FETCHED} MB from wheels, ")


def test_a_step_that_fails_shows_its_words_and_is_gone_on_with(clone: Path) -> None:
    code, _, complaint = run(clone, EXPORT="echo below the gate; exit 3;", WHEELHOUSE="wheels")

    assert code == 1
    assert "below the gate" in complaint
    assert complaint.splitlines()[-1] == (
        "setup: setup 3/4 failed, its words are above; `make setup` goes on with it; "
        "wheels is filled anew by `make wheelhouse`, and not used with WHEELHOUSE="
    )
    assert [line.partition(":")[0] for line in run(clone)[1][1:-1]] == ["setup 3/4", "setup 4/4"]


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_disk_that_fills_up_is_told_in_one_sentence(clone: Path, variable: str) -> None:
    failing = "echo 'OSError: [Errno 28] No space left on device'; exit 1;"

    code, _, complaint = run(clone, **{variable: failing})

    assert code == 1
    assert complaint.count("\n") == 1
    assert complaint.startswith("setup: the disk is full: ")
    assert f"are free in {clone}: free some, and run `make setup` again" in complaint
    assert run(clone)[0] == 0


def test_a_disk_that_is_too_small_is_told_before_anything_is_done(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(clone)
    monkeypatch.setattr(setup_steps, "free_mb", lambda: 200)

    assert setup_steps.main() == 1

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"setup: {setup_steps.most_mb(setup_steps.STEPS):,} MB of disk are needed in {clone} and 200 are free: "
        "free some, or clone onto a larger disk, and run `make setup` again\n"
    )


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("variable", VARIABLES)
def test_interrupted_anywhere_it_goes_on_from_there(clone: Path, variable: str, sent: signal.Signals) -> None:
    with start(clone, **{variable: "touch here; sleep 60;"}) as process:
        assert until((clone / "here").exists)
        os.killpg(process.pid, sent)
        _, complaint = process.communicate(timeout=300)

    assert process.returncode == (-9 if sent is signal.SIGKILL else 130)
    assert ("interrupted; `make setup` goes on from here" in complaint) == (sent is not signal.SIGKILL)
    code, lines, _ = run(clone)
    assert code == 0
    left = len(VARIABLES) - VARIABLES.index(variable)
    assert len(lines) == 2 + left


def test_two_at_once_do_not_install_into_one_folder(clone: Path) -> None:
    with start(clone, INSTALL="touch here; sleep 60;") as first:
        assert until((clone / "here").exists)
        second = run(clone)
        os.killpg(first.pid, signal.SIGKILL)

    assert second == (1, [], "setup: another `make setup` is at work in this folder: wait for it\n")
