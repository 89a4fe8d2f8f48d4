"""One user does what a thousand do: the others of the partition get their lists all the same."""

import random

import pytest

from penchant.partitioner import partition_of
from tests.acceptance.test_events_to_lists import FILMS
from tests.support.system import System
from tests.support.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.model]
BURST = 3_000
HOT = "hot"


def beside(user: str, partitions: int) -> str:
    """Another user of the same partition."""
    number = partition_of(user, partitions)
    names = (f"by-{n}" for n in range(1000))
    return next(name for name in names if partition_of(name, partitions) == number)


def pour(system: System, first: int, count: int) -> None:
    """Clicks of the one user, as fast as they can be sent."""
    choice = random.Random(first)
    for n in range(first, first + count):
        system.click(HOT, f"f{choice.randrange(len(FILMS))}", event_id=f"h{n}")
    system.producer.flush()


def named(system: System) -> int:
    """How many events the lists of the one user have named."""
    return sum(len(made["folded"]) + made.get("folded_more", 0) for made in system.lists(HOT))


def test_a_burst_that_waits_makes_few_lists(system: System) -> None:
    """Given 3,000 clicks of one user that wait, and one of another behind them, then some hundreds make one list."""
    worker = system.start_ready()
    system.publish(FILMS)
    assert worker.child.stop(60) == 0, worker.child.last_lines()
    other = beside(HOT, system.partitions)
    pour(system, 0, BURST)
    system.click(other, "f1", event_id="other")
    system.producer.flush()

    worker = system.start_ready()

    system.list_for(other, "other", 90)
    assert until(lambda: named(system) == BURST, 30), f"{named(system)} were named"
    lists = system.lists(HOT)
    assert len(lists) <= BURST // 375, [len(made["folded"]) + made.get("folded_more", 0) for made in lists]
    counted = "penchant_statistics_events"
    assert until(lambda: worker.metric(counted) == BURST + 1, 30), worker.metric(counted)


def test_others_do_not_wait_for_as_many_lists_as_a_burst_has_events(system: System) -> None:
    """Given clicks of one user that pour in, then whoever clicks meanwhile waits for a few lists, not for hundreds."""
    system.start_ready()
    system.publish(FILMS)
    other = beside(HOT, system.partitions)

    for n in range(3):
        pour(system, n * BURST // 3, BURST // 3)
        before = len(system.lists(HOT))
        system.click(other, "f2", event_id=f"meanwhile-{n}")
        system.producer.flush()
        system.list_for(other, f"meanwhile-{n}", 90)
        made = len(system.lists(HOT)) - before
        assert made <= BURST / 3 / 50, f"behind {BURST // 3} clicks of one user: after {made} lists"

    assert until(lambda: named(system) == BURST, 30)
