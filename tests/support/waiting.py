"""Waiting for a condition rather than for a time; on a slow machine for longer."""

import time
from collections.abc import Callable

_ADDITIONS = 400_000
_USUAL_S = 0.026  # of them, on a machine as tests are written for
_MOST = 20.0
_PATIENCE = 4.0  # times what is usual: other processes take the machine now and then, and looks are few then
_END_S = 600.0


def until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether the condition came true. `seconds`: in how many it usually does; it fails after several times as many,
    and yet more where work is slow just now.
    """
    if _within(condition, seconds):
        return True
    return _within(condition, min(_PATIENCE * slowness() * seconds, _END_S) - seconds) or condition()


def never(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition stays untrue for so many seconds."""
    return not _within(condition, seconds)


def slowness() -> float:
    """How many times as long as usual work takes just now, 1 to 20: budgets grow by it."""
    began = time.perf_counter()
    total = 0
    for number in range(_ADDITIONS):
        total += number
    return min(max((time.perf_counter() - began) / _USUAL_S, 1.0), _MOST)


class Stopwatch:
    """How long something takes, in seconds of a machine that is as fast as usual and does nothing else.

    Work is timed before and after, and the slower of both counts: one of them alone may have had the machine to itself.
    """

    def __init__(self) -> None:
        self._slowness = slowness()
        self._began = time.monotonic()

    def usual_s(self) -> float:
        """Since it was made."""
        took_s = time.monotonic() - self._began
        return took_s / max(self._slowness, slowness())


def _within(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False
