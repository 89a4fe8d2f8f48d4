"""Is this machine's clock that of the others? Compared with the store's, which all workers share.

Pending events and retractions expire by the wall clock: one that runs a day ahead would make dead letters of all
of them.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from penchant.times import rfc3339

_EVERY_S = 60.0
_log = logging.getLogger(__name__)
FAR_MS = 300_000  # as far as the clock of a producer may be ahead, too


class Clock:
    """The wall clock, and how far it is from the store's, whose time goes on by the monotonic clock between looks.

    now_ms: the wall clock, ms since 1970. So a step of the wall clock is seen at once, without asking the store.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._apart_ms: float | None = None  # the store's clock minus the monotonic one

    async def compare(self, store_now_ms: Callable[[], Awaitable[int]]) -> None:
        """Look at the store's clock. Raises what the store does."""
        began_s = time.monotonic()
        theirs_ms = await store_now_ms()
        self._apart_ms = theirs_ms - 500 * (began_s + time.monotonic())

    async def follow(self, store_now_ms: Callable[[], Awaitable[int]]) -> None:
        """Look again and again, for ever, and say so if the clocks are far apart. Raises what the store does."""
        while True:
            await self.compare(store_now_ms)
            if not self.healthy:
                _log.error("%s; until then nothing pending expires", self.words(), extra={"action": "clock"})
            await asyncio.sleep(_EVERY_S)

    @property
    def skew_ms(self) -> int:
        """How far this clock is ahead of the store's; 0 before the first look."""
        return 0 if self._apart_ms is None else round(self._now_ms() - self._store_now_ms())

    @property
    def healthy(self) -> bool:
        """Whether both clocks say about the same."""
        return abs(self.skew_ms) <= FAR_MS

    def latest_ms(self) -> int:
        """The later of both clocks: what is ahead of that is ahead of the time, whichever of them is wrong."""
        return self._now_ms() - min(self.skew_ms, 0)

    def words(self) -> str:
        """What both clocks say, and what to do."""
        mine_ms = self._now_ms()
        return apart(mine_ms, mine_ms if self._apart_ms is None else round(self._store_now_ms()))

    def _store_now_ms(self) -> float:
        return (self._apart_ms or 0.0) + 1000 * time.monotonic()


def apart(mine_ms: int, theirs_ms: int) -> str:
    """Two clocks that are far from each other, in words.

    >>> apart(1_790_090_000_000, 1_790_000_000_000)
    "this machine's clock says 2026-09-22T15:13:20Z, Redis's 2026-09-21T14:13:20Z, 25.0 h apart: set the wrong one"
    """
    distance = abs(mine_ms - theirs_ms)
    far = f"{distance / 3_600_000:.1f} h" if distance >= 3_600_000 else f"{distance / 60_000:.0f} min"
    mine, theirs = rfc3339(mine_ms, "seconds"), rfc3339(theirs_ms, "seconds")
    both = f"this machine's clock says {mine}, Redis's {theirs}"
    return f"{both}, {far} apart: set the wrong one"
