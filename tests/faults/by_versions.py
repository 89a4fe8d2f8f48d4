"""A rolling upgrade from the last commit before clusters, and back: old and new workers beside each other."""

import io
import subprocess
import tarfile
from pathlib import Path

from benchmarks.performance.apache_kafka import ROOT
from tests.faults.scenario import Scenario, Skipped
from tests.support.system import WorkerProcess

FIRST_FILE = "serving/kafka/brokers.py"  # which came with the work on clusters
RATE = 20.0  # messages/s: some go to each pair of workers
READY_S = 180.0  # an old worker compiles what it computes with


def upgraded_and_back(scenario: Scenario) -> None:
    """Two old workers, replaced one by one by new ones, which are replaced by old ones."""
    tree = _tree_before(scenario.system.folder / "before")
    workers = [_start(scenario, tree) for _ in range(2)]
    _wait_until_ready(scenario, workers)
    scenario.publish_items()
    scenario.start_load(rate=RATE)
    for number, into in ((0, None), (1, None), (0, tree), (1, tree)):
        scenario.midway(0.1 + 0.15 * number, 0.12 + 0.15 * number)
        leaving, workers[number] = workers[number], _start(scenario, into)
        leaving.child.ask_to_stop()
        scenario.wait_for_exit(leaving, 0)
        _wait_until_ready(scenario, workers)  # one of three would be spare, and have no partition
    scenario.fault_ended()


def _start(scenario: Scenario, tree: Path | None) -> WorkerProcess:
    model = str(Path(scenario.environment.model).resolve())
    scenario.system.tree = tree
    return scenario.system.start(PENCHANT_MODEL=model, PENCHANT_ENCODER_THREADS="1")


def _wait_until_ready(scenario: Scenario, workers: list[WorkerProcess]) -> None:
    for worker in workers:
        scenario.wait(worker.ready, READY_S, "a worker is not ready")


def _tree_before(folder: Path) -> Path:
    """The files of that commit. Raises Skipped in a clone that does not have it."""
    first = _git("log", "--diff-filter=A", "--format=%H", "--", FIRST_FILE).split()
    shallow = _git("rev-parse", "--is-shallow-repository").strip() != b"false"
    if shallow or not first:
        raise Skipped("the clone has no commit of before the work on clusters (git fetch --unshallow)")
    with tarfile.open(fileobj=io.BytesIO(_git("archive", f"{first[-1].decode()}^"))) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=False)
    if done.returncode != 0:
        raise Skipped(f"git cannot tell of the commit before: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
