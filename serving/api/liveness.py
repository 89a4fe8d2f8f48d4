"""Is the event loop alive? Seen from outside of it: a loop that hangs can neither answer a probe nor notice it.

The loop beats every few seconds; a thread looks for the beat and ends the process when it stays away. What holds the
interpreter as a whole (an endless regular expression) stops that thread, too: for this there is a timer of
`faulthandler`, which is no Python, and which each beat sets again.
"""

import asyncio
import faulthandler
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from penchant.errors import Stuck

__all__ = ["watched_loop"]

_BEAT_S = 4.0  # at most: each beat costs two wake-ups, and faulthandler a thread
_LAST_RESORT = 4  # times the bound: a process that was frozen so long, as by SIGSTOP, may be ended as it thaws
_WORDS_S = 5.0  # for the last words; standard error may be what hangs


@asynccontextmanager
async def watched_loop(silent_s: float) -> AsyncIterator[None]:
    """End this process with 70 if the running loop has no turn for `silent_s` within the block."""
    pulse = Pulse(silent_s, _end)
    beating = asyncio.create_task(_beat(pulse, silent_s))
    threading.Thread(target=pulse.look_after, name="liveness", daemon=True).start()
    try:
        yield
    finally:
        pulse.stop()
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating
        faulthandler.cancel_dump_traceback_later()


class Pulse:
    """Counts beats, and calls `end` with the seconds of silence once there are `silent_s` of them.

    Only time in which the looking thread ran counts: the whole process may have been frozen, or the machine asleep.
    """

    def __init__(self, silent_s: float, end: Callable[[float], None]) -> None:
        self._silent_s = silent_s
        self._end = end
        self._beats = 0
        self._every_s = min(_BEAT_S, silent_s / 4)
        self._stopped = threading.Event()

    def beat(self) -> None:
        """The loop had a turn."""
        self._beats += 1

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def look_after(self) -> None:
        """Until stopped."""
        seen, silence_s, looked_at = self._beats, 0.0, time.monotonic()
        while not self._stopped.wait(self._every_s):
            now = time.monotonic()
            silence_s += min(now - looked_at, 2 * self._every_s)
            looked_at = now
            if self._beats != seen:
                seen, silence_s = self._beats, 0.0
            elif silence_s >= self._silent_s:
                self._end(silence_s)
                return


async def _beat(pulse: Pulse, silent_s: float) -> None:
    while True:
        pulse.beat()
        faulthandler.dump_traceback_later(_LAST_RESORT * silent_s, exit=True)
        await asyncio.sleep(min(_BEAT_S, silent_s / 4))


def _end(silence_s: float) -> None:
    """Say where every thread stands, and end the process as one that is stuck. Nothing is stopped in order."""
    given_up = threading.Timer(_WORDS_S, os._exit, (Stuck.exit_code,))
    given_up.daemon = True
    given_up.start()
    words = (
        f"penchant: the event loop has had no turn for {silence_s:.0f} s: this process ends ({Stuck.exit_code}). "
        "Where every thread stands:\n"
    )
    os.write(sys.stderr.fileno(), words.encode())  # not through a buffer whose lock the loop may hold
    faulthandler.dump_traceback(sys.stderr, all_threads=True)
    os._exit(Stuck.exit_code)
