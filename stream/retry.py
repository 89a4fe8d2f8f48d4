"""Waiting for surroundings that went away: the same call again, with back-off, for a minute; then the process stops."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from serving.errors import Unavailable

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
GIVE_UP_AFTER_S = 60.0

_T = TypeVar("_T")
_under_way = 0  # calls of this process that are being tried again right now, or take long
_log = logging.getLogger(__name__)


def retrying() -> bool:
    """Whether this process is waiting for surroundings that went away, or does what takes long."""
    return _under_way > 0


@contextmanager
def taking_long() -> Iterator[None]:
    """Say that what is done in the block takes as long as it takes: the process is not stuck."""
    global _under_way  # noqa: PLW0603 - see `persist`
    _under_way += 1
    try:
        yield
    finally:
        _under_way -= 1


async def persist(
    call: Callable[[], Awaitable[_T]],
    transient: tuple[type[BaseException], ...],
    what: str,
    give_up_after_s: float = GIVE_UP_AFTER_S,
) -> _T:
    """Await `call` until it succeeds.

    Raises Unavailable once one of the `transient` errors has gone on for `give_up_after_s`; other errors at once.
    """
    global _under_way  # noqa: PLW0603 - one number for the whole process is what the watchdog asks for
    pause_s = FIRST_PAUSE_S
    since: float | None = None
    try:
        while True:
            try:
                return await call()
            except transient as error:
                now = time.monotonic()
                if since is None:
                    since = now
                    _under_way += 1
                if now - since >= give_up_after_s:
                    raise Unavailable(f"{what} has been away for {now - since:.0f} s: {error}") from error
                _log.warning("%s does not answer (%s); trying again in %.1f s", what, error, pause_s)
                await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - spreads the workers
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    finally:
        if since is not None:
            _under_way -= 1
