"""`make test-setup`: a fresh clone's `make setup` killed at five points, each time run again; it has to end well.

python -m tests.setup_interrupted --wheelhouse .cache/wheelhouse --signal KILL
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from deploy.setup_steps import MODEL, VENV, WHEELS, size_mb
from serving.model.encoder import load_encoder
from tests.architecture.tree import ROOT
from tests.support.waiting import until


def any_of(pattern: str, least: int = 1) -> Callable[[Path], bool]:
    """Whether so many files of the clone are named so."""
    return lambda clone: len(list(clone.glob(pattern))) >= least


def has_begun_a_head(clone: Path) -> bool:
    return (clone / MODEL / "manifest.json").exists() and any_of(f"{MODEL.parent}/.default.*/folder")(clone)


# What is being done, when it has begun, and how many seconds later the signal comes.
POINTS: list[tuple[str, Callable[[Path], bool], float]] = [
    ("the environment", any_of(f"{VENV}/pyvenv.cfg"), 0.5),
    ("packages", any_of(f"{VENV}/lib/*/site-packages/*.dist-info", 30), 0.0),
    ("weights and texts", any_of(f"{WHEELS}/*"), 0.0),
    ("the model folder", any_of(f"{MODEL.parent}/.default.*"), 15.0),
    ("the head", has_begun_a_head, 5.0),
]


@click.command()
@click.option("--wheelhouse", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--signal", "name", type=click.Choice(["INT", "TERM", "KILL"]), default="KILL", show_default=True)
def main(wheelhouse: Path, name: str) -> None:
    """Kill it, run it again, and look at what it made."""
    with tempfile.TemporaryDirectory(prefix="penchant-setup-") as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        for words, has_begun, later_s in POINTS:
            interrupt(clone, wheelhouse, signal.Signals[f"SIG{name}"], has_begun, later_s)
            click.echo(f"-- SIG{name} while it made {words}")
        with start(clone, wheelhouse) as last:
            code = last.wait()
        sys.exit(code or look(clone))


def start(clone: Path, wheelhouse: Path) -> "subprocess.Popen[bytes]":
    command = ["make", "setup", f"WHEELHOUSE={wheelhouse.absolute()}"]
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "MAKEFLAGS"}}
    return subprocess.Popen(command, cwd=clone, env=environment, start_new_session=True)


def interrupt(
    clone: Path, wheelhouse: Path, sent: signal.Signals, has_begun: Callable[[Path], bool], later_s: float
) -> None:
    with start(clone, wheelhouse) as process:
        assert until(lambda: has_begun(clone), 300), "it never came that far"
        time.sleep(later_s)
        os.killpg(process.pid, sent)
    assert process.returncode != 0, "it was done before it was interrupted"


def look(clone: Path) -> int:
    """Whether packages fit together, commands are there, and the folder is one that a worker takes."""
    python = str(clone / VENV / "bin" / "python")
    for command in (["pip", "check"], ["ruff", "--version"], ["mypy", "--version"], ["pytest", "--version"]):
        subprocess.run([python, "-m", *command], check=True, stdout=subprocess.DEVNULL)
    assert load_encoder(clone / MODEL, "cpu").sentiment is not None
    assert not any_of(f"{VENV}/lib/*/site-packages/torch*")(clone)
    assert size_mb(clone) <= 1000, f"{size_mb(clone)} MB"
    left = [str(path) for path in (clone / MODEL.parent).iterdir() if path.name != "default"]
    assert not left, f"left behind: {left}"
    again = subprocess.run(["make", "setup"], cwd=clone, capture_output=True, text=True, check=True)
    assert again.stdout == "setup: nothing to do\n"
    click.echo(f"-- it ended well: packages are whole, the model folder loads, {size_mb(clone)} MB with the clone")
    return 0


if __name__ == "__main__":
    main()
