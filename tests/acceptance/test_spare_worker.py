"""A worker more than the group has partitions for: a rolling upgrade starts the new one before it stops the old."""

import pytest

from tests.acceptance.test_events_to_lists import FILMS
from tests.support.system import System
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]


def test_a_spare_worker_is_ready_and_takes_over(system: System) -> None:
    """Given three workers of four partitions, then each is ready; when two stop, then the one that is left does all."""
    workers = [system.start_ready() for _ in range(3)]
    system.publish(FILMS)

    def owned() -> list[float]:
        return sorted(worker.metric("penchant_user_partitions") for worker in workers)

    assert until(lambda: sum(owned()) == system.partitions, 60), owned()
    spare = min(workers, key=lambda worker: worker.metric("penchant_user_partitions"))
    for worker in workers:
        if worker is not spare:
            worker.child.stop(30)

    assert until(lambda: spare.metric("penchant_user_partitions") == system.partitions, 60), spare.child.last_lines()
    for number in range(8):
        system.click(f"u{number}", "f1", event_id=f"c{number}")
    for number in range(8):
        system.list_for(f"u{number}", f"c{number}", 60)
