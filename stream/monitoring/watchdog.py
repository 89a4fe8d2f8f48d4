"""Notices a worker that lives but does nothing: events lie unread, none is taken in, and nothing is being retried."""

import time
from collections.abc import Mapping

from penchant.errors import Stuck

STUCK_AFTER_S = 30.0
Where = tuple[str, int]  # topic and partition


class Watchdog:
    """Fed every few seconds with where topics end and where reading stands; the clock is the caller's, in seconds."""

    def __init__(self, now_s: float | None = None) -> None:
        self._positions: dict[Where, int] = {}
        self._since_s = time.monotonic() if now_s is None else now_s

    def look(self, now_s: float, positions: Mapping[Where, int], ends: Mapping[Where, int], *, busy: bool) -> None:
        """Compare with the last look. `busy`: not ready yet, or waiting for dependencies: time does not count.

        Raises Stuck once lag has stood for `STUCK_AFTER_S` while no position moved.
        """
        behind = {where: end - positions.get(where, 0) for where, end in ends.items() if end > positions.get(where, 0)}
        if busy or not behind or positions != self._positions:
            self._positions = dict(positions)
            self._since_s = now_s
            return
        if now_s - self._since_s >= STUCK_AFTER_S:
            worst, lag = max(behind.items(), key=lambda each: each[1])
            raise Stuck(f"{lag} records of {worst} lie unread, nothing was taken in for {now_s - self._since_s:.0f} s")
