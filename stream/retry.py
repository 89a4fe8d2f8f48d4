"""Waiting for surroundings that went away: the same call again, with back-off, for a minute; then the process stops."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from penchant.errors import PenchantError, Unavailable

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
GIVE_UP_AFTER_S = 60.0

_T = TypeVar("_T")
_under_way = 0  # calls of this process that are being tried again right now, or take long
_reasons: list[str] = []  # why, of each call that is being tried again
_log = logging.getLogger(__name__)


def retrying() -> bool:
    """Whether this process is waiting for surroundings that went away, or does what takes long."""
    return _under_way > 0


def waited_for() -> str | None:
    """Why calls are being tried again right now, in words; None if none is."""
    return _reasons[-1] if _reasons else None


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
    pause_s = FIRST_PAUSE_S
    wait = _Wait(what, give_up_after_s)
    try:
        while True:
            try:
                answer = await call()
            except transient as error:
                wait.goes_on(error)
                await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - spreads the workers
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                wait.passed()
                return answer
    finally:
        wait.ends()


class _Wait:
    """One call's wait for surroundings: told when it begins, when its reason changes, and when it is over."""

    def __init__(self, what: str, give_up_after_s: float) -> None:
        self._what = what
        self._give_up_after_s = give_up_after_s
        self._since: float | None = None
        self._reason = ""

    def goes_on(self, error: BaseException) -> None:
        """Take note of a failure. Raises Unavailable once the first one is long ago."""
        global _under_way  # noqa: PLW0603 - one number for the whole process is what the watchdog asks for
        now = time.monotonic()
        if self._since is None:
            self._since = now
            _under_way += 1
        waited_s = now - self._since
        reason = str(error) if isinstance(error, PenchantError) else f"{self._what} does not answer ({error})"
        if waited_s >= self._give_up_after_s:
            if isinstance(error, PenchantError):
                lasted = f"; this has lasted for {waited_s:.0f} s" if waited_s >= 1 else ""
                raise type(error)(f"{reason}{lasted}") from error
            raise Unavailable(f"{self._what} has been away for {waited_s:.0f} s: {error}") from error
        if reason != self._reason:
            if reason not in _reasons:  # calls beside this one have said so
                left_s = self._give_up_after_s - waited_s
                _log.warning("%s; trying again for %.0f s", reason, left_s, extra={"action": "retry"})
            self._forget()
            self._reason = reason
            _reasons.append(reason)

    def passed(self) -> None:
        """It was answered."""
        if self._since is not None and _reasons.count(self._reason) == 1:
            waited_s = time.monotonic() - self._since
            _log.info("%s does what it is asked again, after %.1f s", self._what, waited_s, extra={"action": "retry"})

    def ends(self) -> None:
        """It was answered, ran out of patience, or is not wanted any more."""
        global _under_way  # noqa: PLW0603 - see above
        if self._since is not None:
            _under_way -= 1
            self._forget()

    def _forget(self) -> None:
        if self._reason:
            _reasons.remove(self._reason)
            self._reason = ""
