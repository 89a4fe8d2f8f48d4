"""Faults of workers: killed, stopped, joined, left, frozen."""

import os
import signal
import time

from tests.faults.scenario import PARTITIONS, Scenario, Unexpected
from tests.support.system import WorkerProcess

REACHED = {  # point -> at how manieth record, of about 600, or of a merge's own; batches are larger on a busy machine
    "after_announce": (20, 300),
    "after_save": (20, 300),
    "after_publish": (20, 300),
    "merge_after_save": (1, 6),
    "merge_after_apply": (1, 6),
}
SLOW = 90.0  # messages/s: the load lasts until a second worker has its share of the partitions


def killed(scenario: Scenario) -> None:
    """kill -9 at a random moment."""
    (worker,) = scenario.start_workers()
    scenario.start_load()
    scenario.midway()
    worker.kill()
    scenario.fault_ended()
    scenario.worker()


def killed_at(point: str, scenario: Scenario) -> None:
    """kill -9 at a named point, of the batch with a random record."""
    worker = scenario.worker(FAULT_POINT=point, FAULT_AT=_record(scenario, point), FAULT_SIGNAL="KILL")
    scenario.wait_until_ready(worker)
    scenario.publish_items()
    scenario.start_load()
    scenario.wait_for_exit(worker, -signal.SIGKILL)
    scenario.fault_ended()
    scenario.worker()


def terminated(scenario: Scenario) -> None:
    """SIGTERM under load: it ends within 10 s, with 0."""
    (worker,) = scenario.start_workers()
    scenario.start_load()
    scenario.midway()
    began = time.monotonic()
    code = worker.child.stop(patience_s=20)
    if code != 0 or time.monotonic() - began > 10:
        seconds = time.monotonic() - began
        raise Unexpected(f"SIGTERM: it ended with {code} after {seconds:.1f} s\n{worker.child.last_lines()}")
    scenario.fault_ended()
    scenario.worker()


def one_of_two_killed(scenario: Scenario) -> None:
    """Two workers share the partitions; one dies."""
    workers = scenario.start_workers(2)
    shared(scenario, workers)
    scenario.start_load()
    scenario.midway()
    scenario.random.choice(workers).kill()
    scenario.fault_ended()


def one_added(scenario: Scenario) -> None:
    """A second worker joins under load."""
    workers = scenario.start_workers()
    scenario.start_load(rate=SLOW)
    scenario.midway(0.05, 0.2)
    workers.append(scenario.worker())
    scenario.wait_until_ready(workers[1])
    shared(scenario, workers)
    scenario.fault_ended()


def one_removed(scenario: Scenario) -> None:
    """One of two workers leaves under load."""
    workers = scenario.start_workers(2)
    shared(scenario, workers)
    scenario.start_load()
    scenario.midway()
    leaving = scenario.random.choice(workers)
    leaving.child.ask_to_stop()
    scenario.wait_for_exit(leaving, 0, 10)
    scenario.fault_ended()


def zombie(scenario: Scenario) -> None:
    """A worker frozen at a random moment past its session; the other takes its partitions; then it goes on."""
    sleeper, other = scenario.start_workers(2)
    shared(scenario, [sleeper, other])
    scenario.start_load(rate=SLOW)
    scenario.midway(0.1, 0.4)
    os.kill(sleeper.child.pid, signal.SIGSTOP)
    _wake_when_replaced(scenario, sleeper, other)


def zombie_at(point: str, scenario: Scenario) -> None:
    """The same, frozen at a named point: what it does next, it does as a zombie."""
    sleeper = scenario.worker(FAULT_POINT=point, FAULT_AT=_record(scenario, point), FAULT_SIGNAL="STOP")
    other = scenario.worker()
    scenario.wait_until_ready(sleeper, other)
    scenario.publish_items()
    shared(scenario, [sleeper, other])
    scenario.start_load(rate=SLOW)
    _wake_when_replaced(scenario, sleeper, other)


def _wake_when_replaced(scenario: Scenario, sleeper: WorkerProcess, other: WorkerProcess) -> None:
    scenario.wait(lambda: held(other) == PARTITIONS, 60, "the frozen worker's partitions were not taken over")
    os.kill(sleeper.child.pid, signal.SIGCONT)
    scenario.fault_ended()
    shared(scenario, [sleeper, other])


def shared(scenario: Scenario, workers: list[WorkerProcess]) -> None:
    """Wait until each of the workers has partitions, and every one is held once."""

    def well() -> bool:
        each = [held(worker) for worker in workers]
        return all(each) and sum(each) == PARTITIONS

    scenario.wait(well, 60, f"{len(workers)} workers did not share the partitions")


def _record(scenario: Scenario, point: str) -> str:
    return str(scenario.random.randint(*REACHED[point]))


def held(worker: WorkerProcess) -> float:
    return worker.metric("penchant_user_partitions")
