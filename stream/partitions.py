"""The user partitions that a worker owns: claimed on assignment, given up when another worker takes over.

The store's offsets say where reading stands; the group's commits only show lag. A refused write is dropped:

- the token is mine, the offsets are not (the store was restored from an older copy): claim, and read again from there
- the token is another's: a rebalance is on its way. Should none come within a session, the partition is mine by the
  group's word, and the other a zombie that claimed late (or the store lost the token): claim, and read again
"""

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from faust.types import TP

from serving.topics import Topics
from stream.records import Record
from stream.store import Store
from stream.waiting import WaitingIndex

Seek = Callable[[Mapping[TP, int | None]], Awaitable[None]]
_log = logging.getLogger(__name__)


async def _not_connected(_: Mapping[TP, int | None]) -> None:
    raise RuntimeError("this is a bug: partitions were claimed before a consumer was there to seek")


class Partitions:
    """See the module. `seek` is set by the app: it moves the consumer; None means the topic's start."""

    def __init__(self, topics: Topics, store: Store, waiting: WaitingIndex, session_timeout_s: float) -> None:
        self.seek: Seek = _not_connected
        self.claimed: list[int] = []  # partitions whose last lists may not be out; taken by the worker
        self._topics = {topics.clicks, topics.reviews, topics.commands, topics.transfers}
        self._store = store
        self._waiting = waiting
        self._session_timeout_s = session_timeout_s
        self._assigned: set[TP] = set()
        # topic and partition -> an offset: after going back, nothing counts until a record at or before it comes.
        self._back_to: dict[TP, int] = {}
        self._lost_at: dict[int, float] = {}  # partition -> when the store said that it is another's

    def of_users(self, assigned: Iterable[TP]) -> set[TP]:
        """Those of the assigned partitions that belong to user topics."""
        return {tp for tp in assigned if tp.topic in self._topics}

    async def begin(self, assigned: set[TP]) -> dict[TP, int | None]:
        """Claim what is new or was taken, forget what is gone. Returns the next offset that each one's states need."""
        self._assigned = self.of_users(assigned)
        self._back_to.clear()
        self._lost_at.clear()
        numbers = {tp.partition for tp in self._assigned}
        for number in self._store.held() - numbers:
            self._store.release(number)
            self._waiting.forget(number)
        for number in sorted(numbers):
            if not await self._store.is_mine(number):
                await self._claim(number)
        return self.positions(numbers)

    def positions(self, numbers: Iterable[int]) -> dict[TP, int | None]:
        """The next offset of each user topic in some partitions; None where the store knows of none."""
        mine = {number: self._store.hold(number).offsets for number in numbers}
        return {tp: mine[tp.partition].get(tp.topic) for tp in self._assigned if tp.partition in mine}

    def current(self, records: Sequence[Record]) -> list[Record]:
        """The records without those that were fetched before going back."""
        return [record for record in records if not self._stale(record)] if self._back_to else list(records)

    async def refused(self, number: int, records: Sequence[Record]) -> None:
        """Deal with a write that the store refused; `records` are those of the partition in it, in order."""
        if await self._store.is_mine(number):
            _log.warning("partition %d: the store is not where it was left; reading again from where it stands", number)
            await self._go_back(number, records)
            return
        self._lost_at.setdefault(number, time.monotonic())
        for record in records:
            self._remember(TP(record.topic, number), record.offset)
        _log.warning("partition %d: another worker claimed it; waiting for the group to say so", number)

    async def look(self) -> None:
        """Claim again what the group still says is mine a session after the store said it is not; press what lags.

        Faust may overwrite a seek with the record that it is just delivering, and would then drop what lies before it:
        as long as nothing has come from where reading was to go on, the consumer is sent there again.
        """
        for number, since in list(self._lost_at.items()):
            if time.monotonic() - since > self._session_timeout_s:
                del self._lost_at[number]
                if any(tp.partition == number for tp in self._assigned):
                    await self._go_back(number, ())
        for number in {tp.partition for tp in self._back_to} - self._lost_at.keys():
            await self._send_back(number)

    async def _go_back(self, number: int, records: Sequence[Record]) -> None:
        reached = self.positions([number])
        for record in records:
            self._remember(TP(record.topic, number), record.offset)
        await self._claim(number)
        for tp, position in self.positions([number]).items():
            before = reached[tp]
            if before is not None and (position is None or position < before):
                self._remember(tp, before - 1)  # what this worker had read further may be on its way to it still
        await self._send_back(number)

    async def _send_back(self, number: int) -> None:
        positions = {tp: position for tp, position in self.positions([number]).items() if tp in self._back_to}
        await self.seek(
            {
                tp: min(position, self._back_to[tp]) if position is not None else None
                for tp, position in positions.items()
            }
        )

    async def _claim(self, number: int) -> None:
        await self._store.claim(number)
        self._waiting.replace(number, await self._store.waiting(number))
        self.claimed.append(number)

    def _remember(self, tp: TP, offset: int) -> None:
        self._back_to[tp] = min(offset, self._back_to.get(tp, offset))

    def _stale(self, record: Record) -> bool:
        tp = TP(record.topic, record.partition)
        back_to = self._back_to.get(tp)
        if back_to is None:
            return False
        if record.offset > back_to:
            return True
        del self._back_to[tp]
        return False
