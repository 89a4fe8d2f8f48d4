"""When a worker that does nothing is told from one that has nothing to do."""

import pytest

from penchant.errors import Stuck
from stream.monitoring.watchdog import STUCK_AFTER_S, Watchdog

CLICKS = ("clicks", 0)


def test_lag_without_progress_is_stuck_after_a_while() -> None:
    dog = Watchdog(0.0)
    dog.look(0.0, {CLICKS: 5}, {CLICKS: 9}, busy=False)
    dog.look(STUCK_AFTER_S - 0.1, {CLICKS: 5}, {CLICKS: 20}, busy=False)
    with pytest.raises(Stuck, match="15 records"):
        dog.look(STUCK_AFTER_S, {CLICKS: 5}, {CLICKS: 20}, busy=False)


def test_first_events_that_are_never_taken_in_count_too() -> None:
    dog = Watchdog(0.0)
    dog.look(1.0, {}, {CLICKS: 1}, busy=True)
    with pytest.raises(Stuck):
        dog.look(1.0 + STUCK_AFTER_S, {}, {CLICKS: 1}, busy=False)


@pytest.mark.parametrize(
    ("position", "end", "busy"),
    [(6, 90, False), (5, 5, False), (5, 90, True)],
    ids=["something was taken in", "nothing to do", "waiting for dependencies"],
)
def test_time_starts_anew(position: int, end: int, busy: bool) -> None:
    dog = Watchdog(0.0)
    dog.look(0.0, {CLICKS: 5}, {CLICKS: 9}, busy=False)
    dog.look(20.0, {CLICKS: position}, {CLICKS: end}, busy=busy)
    dog.look(40.0, {CLICKS: position}, {CLICKS: 90}, busy=False)
