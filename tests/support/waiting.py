"""Waiting for a condition rather than for a time; on a slow machine for longer."""

import time
from collections.abc import Callable

_ADDITIONS = 400_000
_USUAL_S = 0.026  # of them, on a machine as tests are written for
_MOST = 20.0


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether the condition came true in time: so many seconds, and more if they were slow ones."""
    return _within(condition, seconds) or _within(condition, seconds * (slowness() - 1.0)) or condition()


def slowness() -> float:
    """How many times as long as usual work takes just now, 1 to 20: budgets grow by it."""
    began = time.perf_counter()
    total = 0
    for number in range(_ADDITIONS):
        total += number
    return min(max((time.perf_counter() - began) / _USUAL_S, 1.0), _MOST)


def _within(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False
