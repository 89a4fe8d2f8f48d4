"""A circuit breaker: after a failure nothing is tried for a pause, twice as long each time."""

import time
from collections.abc import Callable

__all__ = ()

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


class CircuitBreaker:
    """Closed while things work; open for a pause after a failure; then one trial closes it or opens it for longer.

    The caller makes one attempt at a time, and says how each went. `clock`: seconds, monotonic.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        first_pause_s: float = FIRST_PAUSE_S,
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> None:
        self._clock = clock
        self._first_pause_s = first_pause_s
        self._longest_pause_s = longest_pause_s
        self._pause_s = 0.0  # 0: closed
        self._until_s = 0.0

    @property
    def closed(self) -> bool:
        """Whether the last attempt worked; one that never was made counts as one that did."""
        return self._pause_s == 0.0

    @property
    def remaining_s(self) -> float:
        """How long nothing may be tried yet; 0: now."""
        return 0.0 if self.closed else max(0.0, self._until_s - self._clock())

    def worked(self) -> None:
        """Note that an attempt worked."""
        self._pause_s = 0.0

    def failed(self) -> None:
        """Note that an attempt failed."""
        self._pause_s = min(2 * self._pause_s, self._longest_pause_s) or self._first_pause_s
        self._until_s = self._clock() + self._pause_s
