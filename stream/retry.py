"""Waiting for dependencies that went away: the same call again, with back-off, for a minute; then the process stops."""

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
_log = logging.getLogger(__name__)


class Retries:
    """The calls of one worker that are being tried again, and what it does that takes long."""

    def __init__(self) -> None:
        self._under_way = 0
        self._reasons: list[str] = []  # of each call that is being tried again

    @property
    def busy(self) -> bool:
        """Whether dependencies that went away are waited for, or something takes long: the worker is not stuck."""
        return self._under_way > 0

    @property
    def waited_for(self) -> str | None:
        """Why calls are being tried again right now, in words; None if none is."""
        return self._reasons[-1] if self._reasons else None

    @contextmanager
    def taking_long(self) -> Iterator[None]:
        """Say that what is done in the block takes as long as it takes."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def persist(
        self,
        call: Callable[[], Awaitable[_T]],
        transient: tuple[type[BaseException], ...],
        what: str,
        give_up_after_s: float = GIVE_UP_AFTER_S,
    ) -> _T:
        """Await `call` until it succeeds.

        Raises Unavailable once one of the `transient` errors has gone on for `give_up_after_s`; other errors at once.
        """
        try:
            return await call()
        except transient as error:
            wait = _Wait(what, give_up_after_s, self._reasons)
            wait.goes_on(error)
        pause_s = FIRST_PAUSE_S
        with self.taking_long():
            try:
                while True:
                    await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # noqa: S311 - spreads the workers
                    pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                    try:
                        answer = await call()
                    except transient as error:
                        wait.goes_on(error)
                    else:
                        wait.passed()
                        return answer
            finally:
                wait.ends()


class _Wait:
    """One call's wait for dependencies: told of each failure, and when it is over. reasons: of all that wait."""

    def __init__(self, what: str, give_up_after_s: float, reasons: list[str]) -> None:
        self._what = what
        self._give_up_after_s = give_up_after_s
        self._reasons = reasons
        self._since = time.monotonic()
        self._reason = ""

    def goes_on(self, error: BaseException) -> None:
        """Take note of a failure. Raises Unavailable once the first one is long ago."""
        waited_s = time.monotonic() - self._since
        reason = str(error) if isinstance(error, PenchantError) else f"{self._what} does not answer ({error})"
        if waited_s >= self._give_up_after_s:
            if isinstance(error, PenchantError):
                lasted = f"; this has lasted for {waited_s:.0f} s" if waited_s >= 1 else ""
                raise type(error)(f"{reason}{lasted}") from error
            raise Unavailable(f"{self._what} has been away for {waited_s:.0f} s: {error}") from error
        if reason != self._reason:
            if reason not in self._reasons:  # calls beside this one have said so
                left_s = self._give_up_after_s - waited_s
                _log.warning("%s; trying again for %.0f s", reason, left_s, extra={"action": "retry"})
            self.ends()
            self._reason = reason
            self._reasons.append(reason)

    def passed(self) -> None:
        """It was answered."""
        if self._reasons.count(self._reason) == 1:
            waited_s = time.monotonic() - self._since
            _log.info("%s does what it is asked again, after %.1f s", self._what, waited_s, extra={"action": "retry"})

    def ends(self) -> None:
        """It was answered, ran out of patience, or is not wanted any more."""
        if self._reason:
            self._reasons.remove(self._reason)
            self._reason = ""
