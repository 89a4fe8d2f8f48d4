"""Encodes the texts that were missed, while the encoder reads what is new."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from stream.encoder.deadline import DeadlineEncoder
from stream.processing.pending_events import TEXTS
from stream.store.pending_index import PendingIndex

USERS_AT_ONCE = 64
PAUSE_S = 1.0
_SHORTEST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 60.0


class EncoderBacklog:
    """Asks again for what waits, some users at a time; ever more rarely if only texts are left that cannot be read.

    retry_missed_texts: of the pipeline. on_made: told how many texts were read.
    """

    def __init__(
        self,
        retry_missed_texts: Callable[[int], Awaitable[int]],
        waiting: PendingIndex,
        encoding: DeadlineEncoder,
        on_made: Callable[[int], None],
    ) -> None:
        self._retry_missed_texts = retry_missed_texts
        self._waiting = waiting
        self._encoding = encoding
        self._on_made = on_made
        self.pause_s = PAUSE_S

    async def run(self) -> None:
        """Go on for ever."""
        while True:
            await asyncio.sleep(self.pause_s)
            await self.round()

    async def round(self) -> None:
        """Ask once, if there is something to ask and the encoder may be asked; `pause_s` says when to ask again."""
        if not self._waiting.count(TEXTS) or not self._encoding.may_be_asked:
            self.pause_s = PAUSE_S
            return
        began = time.monotonic()
        made = await self._retry_missed_texts(USERS_AT_ONCE)
        self._on_made(made)
        if made:  # a pause as long as the work leaves half of the encoder's time to what is new
            self.pause_s = min(max(time.monotonic() - began, _SHORTEST_PAUSE_S), PAUSE_S)
        elif self._encoding.healthy:
            self.pause_s = min(2 * self.pause_s, LONGEST_PAUSE_S)
        else:
            self.pause_s = PAUSE_S
