"""Waiting for surroundings that went away: the same call again, with back-off, for a minute; then the process stops."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from serving.errors import Unavailable

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
GIVE_UP_AFTER_S = 60.0

_T = TypeVar("_T")
_log = logging.getLogger(__name__)


async def persist(
    call: Callable[[], Awaitable[_T]],
    transient: tuple[type[BaseException], ...],
    what: str,
    give_up_after_s: float = GIVE_UP_AFTER_S,
) -> _T:
    """Await `call` until it succeeds.

    Raises Unavailable once one of the `transient` errors has gone on for `give_up_after_s`; other errors at once.
    """
    pause_s = FIRST_PAUSE_S
    since: float | None = None
    while True:
        try:
            return await call()
        except transient as error:
            now = time.monotonic()
            since = since or now
            if now - since >= give_up_after_s:
                raise Unavailable(f"{what} has been away for {now - since:.0f} s: {error}") from error
            _log.warning("%s does not answer (%s); trying again in %.1f s", what, error, pause_s)
            await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - spreads the workers, hides nothing
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
