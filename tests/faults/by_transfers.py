"""Merges, erasures and retractions of the same users at once, and workers killed at each point of what they cause."""

import signal
from dataclasses import replace

from tests.faults.scenario import Scenario, Unexpected
from tests.support.system import WorkerProcess
from tests.support.waiting import until

POINTS = (
    "after_announce",
    "after_publish",
    "request_after_announce",
    "merge_after_save",
    "merge_after_apply",
    "forward_after_announce",
    "erased_after_announce",
    "erase_after_save",
)
AMONG = 3  # at how manieth of them, at most
UNTIL_S = 10.0
LEAST = 4


def killed_at_each_point(scenario: Scenario) -> None:
    """A worker for each point, in an order of the run's own, killed there; each gets its share of the load."""
    points = scenario.random.sample(POINTS, len(POINTS))
    points.sort(key=lambda point: point.startswith("erase"))  # erasures come last in the load
    messages = scenario.load.messages
    share, reached = -(-len(messages) // len(points)), list[str]()
    for number, point in enumerate(points):
        at = str(scenario.random.randint(1, AMONG))
        worker = scenario.worker(FAULT_POINT=point, FAULT_AT=at, FAULT_SIGNAL="KILL")
        _wait_until_it_works(scenario, worker)
        if number == 0:
            scenario.publish_items()
        scenario.start_load(replace(scenario.load, messages=messages[number * share : (number + 1) * share]))
        if until(lambda each=worker: each.child.exit_code == -signal.SIGKILL, UNTIL_S):  # type: ignore[misc]
            reached.append(point)
        worker.child.kill()  # wherever it is, if its share had nothing of that
    scenario.measured["killed at"] = ", ".join(reached)
    if len(reached) < LEAST:
        raise Unexpected(f"of {len(POINTS)} points these were reached: {reached}")
    scenario.fault_ended()
    scenario.worker()


def _wait_until_it_works(scenario: Scenario, worker: WorkerProcess) -> None:
    """Or has ended: what the one before left may bring it to its point at once."""
    scenario.wait(lambda: worker.child.exit_code is not None or worker.ready(), 60, "a worker is not ready")
