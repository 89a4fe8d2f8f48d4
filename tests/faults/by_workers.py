"""Faults of workers: killed, stopped, joined, left, frozen."""

import os
import signal
import time

from tests.faults.stage import PARTITIONS, Stage, Unexpected
from tests.support.system import WorkerProcess

REACHED = {  # point -> at how manieth record, of about 600, or of a merge's own; batches are larger on a busy machine
    "after_announce": (20, 300),
    "after_save": (20, 300),
    "after_publish": (20, 300),
    "merge_after_save": (1, 6),
    "merge_after_apply": (1, 6),
}
SLOW = 90.0  # messages/s: the load lasts until a second worker has its share of the partitions


def killed(stage: Stage) -> None:
    """kill -9 at a random moment."""
    (worker,) = stage.begin()
    stage.pour()
    stage.midway()
    worker.kill()
    stage.over()
    stage.worker()


def killed_at(point: str, stage: Stage) -> None:
    """kill -9 at a named point, of the batch with a random record."""
    worker = stage.worker(FAULT_POINT=point, FAULT_AT=_record(stage, point), FAULT_SIGNAL="KILL")
    stage.ready(worker)
    stage.publish()
    stage.pour()
    stage.ended(worker, -signal.SIGKILL)
    stage.over()
    stage.worker()


def terminated(stage: Stage) -> None:
    """SIGTERM under load: it ends within 10 s, with 0."""
    (worker,) = stage.begin()
    stage.pour()
    stage.midway()
    began = time.monotonic()
    code = worker.child.stop(patience_s=20)
    if code != 0 or time.monotonic() - began > 10:
        seconds = time.monotonic() - began
        raise Unexpected(f"SIGTERM: it ended with {code} after {seconds:.1f} s\n{worker.child.last_lines()}")
    stage.over()
    stage.worker()


def one_of_two_killed(stage: Stage) -> None:
    """Two workers share the partitions; one dies."""
    workers = stage.begin(2)
    _shared(stage, workers)
    stage.pour()
    stage.midway()
    stage.random.choice(workers).kill()
    stage.over()


def one_added(stage: Stage) -> None:
    """A second worker joins under load."""
    workers = stage.begin()
    stage.pour(rate=SLOW)
    stage.midway(0.05, 0.2)
    workers.append(stage.worker())
    stage.ready(workers[1])
    _shared(stage, workers)
    stage.over()


def one_removed(stage: Stage) -> None:
    """One of two workers leaves under load."""
    workers = stage.begin(2)
    _shared(stage, workers)
    stage.pour()
    stage.midway()
    leaving = stage.random.choice(workers)
    leaving.child.ask_to_stop()
    stage.ended(leaving, 0, 10)
    stage.over()


def zombie(stage: Stage) -> None:
    """A worker frozen at a random moment past its session; the other takes its partitions; then it goes on."""
    sleeper, other = stage.begin(2)
    _shared(stage, [sleeper, other])
    stage.pour(rate=SLOW)
    stage.midway(0.1, 0.4)
    os.kill(sleeper.child.pid, signal.SIGSTOP)
    _wake_when_replaced(stage, sleeper, other)


def zombie_at(point: str, stage: Stage) -> None:
    """The same, frozen at a named point: what it does next, it does as a zombie."""
    sleeper = stage.worker(FAULT_POINT=point, FAULT_AT=_record(stage, point), FAULT_SIGNAL="STOP")
    other = stage.worker()
    stage.ready(sleeper, other)
    stage.publish()
    _shared(stage, [sleeper, other])
    stage.pour(rate=SLOW)
    _wake_when_replaced(stage, sleeper, other)


def _wake_when_replaced(stage: Stage, sleeper: WorkerProcess, other: WorkerProcess) -> None:
    stage.wait(lambda: _held(other) == PARTITIONS, 60, "the frozen worker's partitions were not taken over")
    os.kill(sleeper.child.pid, signal.SIGCONT)
    stage.over()
    _shared(stage, [sleeper, other])


def _shared(stage: Stage, workers: list[WorkerProcess]) -> None:
    """Wait until each of the workers has partitions, and every one is held once."""

    def well() -> bool:
        held = [_held(worker) for worker in workers]
        return all(held) and sum(held) == PARTITIONS

    stage.wait(well, 60, f"{len(workers)} workers did not share the partitions")


def _record(stage: Stage, point: str) -> str:
    return str(stage.random.randint(*REACHED[point]))


def _held(worker: WorkerProcess) -> float:
    return worker.metric("penchant_user_partitions")
