"""The user partitions that a worker owns: leases are acquired on assignment, and released as another worker takes over.

The store's offsets say where reading stands; the group's commits only show lag. A refused write is dropped:

- the token is mine, the offsets are not (the store was restored from an older copy): acquire, and read again from there
- the token is another's: a rebalance is on its way. Should none come within a session, the partition is mine by the
  group's word, and the other a zombie that came late (or the store lost the token): acquire, and read again

What lies behind a gap is not processed, since a saved offset says that all before it was. Faust makes gaps: a record
that it fetched before a rebalance or a seek may come after it, and what lies before that record would then never come.
Offsets that are not there are no gap: markers of transactions and compaction leave such. A record says where the one
before it ended (`Record.follows`), and nothing that could be read lies between that and itself.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from faust.types import TP

from penchant.topics import Topics
from stream.containment.quarantine import Quarantine
from stream.events.records import Record
from stream.retry import Retries
from stream.store.pending_index import PendingIndex
from stream.store.redis import Store

_BELIEVED_AFTER = 3  # times that reading from before a gap gave the record behind it: retention took what was there
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """How far a consumer has read a partition: its position, and the last record that it delivered; -1: none."""

    position: int = 0
    last: int = -1


@dataclass(slots=True)
class _Awaited:
    """Where a record is due that has not come: the first one that came instead, and how often."""

    behind: int | None = None
    times: int = 0


class Consumer(Protocol):
    """What is asked of the consumer of this worker's topics."""

    async def go_to(self, positions: Mapping[TP, int | None]) -> None:
        """Read on from these offsets; None: from the partition's start."""
        ...

    def reading(self, partition: TP) -> Reading:
        """How far a partition was read since the consumer was last sent elsewhere."""
        ...

    async def commit_passed(self) -> None:
        """Have the group's offsets pass what is no record."""
        ...

    def let_flow(self) -> None:
        """Hand out records of user topics from now on."""
        ...


class Partitions:
    """See the module."""

    def __init__(
        self,
        topics: Topics,
        store: Store,
        waiting: PendingIndex,
        consumer: Consumer,
        session_timeout_s: float,
        quarantine: Quarantine | None = None,
        retries: Retries | None = None,
    ) -> None:
        self.acquired: list[int] = []  # partitions whose last lists may not be out; taken by the worker
        self._topics = {topics.clicks, topics.reviews, topics.commands, topics.transfers}
        self._store = store
        self._consumer = consumer
        self._waiting = waiting
        self._quarantine = quarantine
        self._retries = retries or Retries()
        self._session_timeout_s = session_timeout_s
        self._assigned: set[TP] = set()
        self._awaited: dict[TP, _Awaited] = {}
        self._gaps: set[TP] = set()
        self._lost_at: dict[int, float] = {}  # partition -> when the store said that it is another's

    @property
    def owned(self) -> set[int]:
        """The partitions that are this worker's, as far as it knows."""
        return self._store.owned_partitions()

    def of_users(self, assigned: Iterable[TP]) -> set[TP]:
        """Those of the assigned partitions that belong to user topics."""
        return {tp for tp in assigned if tp.topic in self._topics}

    async def begin(self, assigned: set[TP]) -> dict[TP, int | None]:
        """Acquire what is new or was taken, release what is gone. Returns the next offset that each's states need."""
        self._assigned = self.of_users(assigned)
        self._awaited.clear()
        self._lost_at.clear()
        numbers = {tp.partition for tp in self._assigned}
        for number in self._store.owned_partitions() - numbers:
            self._store.release(number)
            self._waiting.forget(number)
        for number in sorted(numbers):
            if not await self._store.owns(number):
                await self._acquire(number)
        return self.positions(numbers)

    def positions(self, numbers: Iterable[int]) -> dict[TP, int | None]:
        """The next offset of each user topic in some partitions; None where the store knows of none."""
        mine = {number: self._store.lease(number).offsets for number in numbers}
        return {tp: mine[tp.partition].get(tp.topic) for tp in self._assigned if tp.partition in mine}

    def stands(self, numbers: Iterable[int]) -> dict[tuple[str, int], int]:
        """The next offset of each user topic in some partitions, where the store knows of one."""
        return {(tp.topic, tp.partition): at for tp, at in self.positions(numbers).items() if at is not None}

    def reached(self, numbers: Iterable[int]) -> dict[TP, int]:
        """How far each user topic is processed: all records before that, whatever else of offsets there is."""
        stands = {tp: following or 0 for tp, following in self.positions(numbers).items()}
        readings = {tp: self._consumer.reading(tp) for tp in stands}
        return {
            tp: max(offset, readings[tp].position) if readings[tp].last < offset else offset
            for tp, offset in stands.items()
        }

    def current(self, records: Sequence[Record]) -> list[Record]:
        """The records that go on from where the states stand, or repeat what they have; `fill` reads what is missing.

        A topic and partition's records come here batch by batch, each when the last one was saved.
        """
        mine = self._store.owned_partitions() - self._lost_at.keys()
        due: dict[TP, int] = {}
        taken: list[Record] = []
        gaps: set[TP] = set()
        for record in records:
            tp = TP(record.topic, record.partition)
            stands = self._store.lease(record.partition).offsets.get(record.topic, 0)
            expected = due.get(tp, stands)
            if record.partition not in mine or stands <= record.offset < expected:
                continue  # another worker's by now; or a second time in one batch
            if not self._goes_on(record, expected) and (tp in gaps or not self._is_next(tp, record.offset)):
                gaps.add(tp)
                continue
            if record.offset >= expected:
                self._awaited.pop(tp, None)
            due[tp] = max(expected, record.offset + 1)
            taken.append(record)
        self._gaps |= gaps & self._awaited.keys()
        return taken

    async def fill(self) -> None:
        """Read again from before the gaps that were found."""
        gaps, self._gaps = self._gaps, set()
        await self._send_back(gaps & self._awaited.keys())

    async def refused(self, number: int, token: str) -> None:
        """Deal with a write that the store refused; `token`: the one that it was tried with."""
        if await self._store.owns(number):
            if token == self._store.lease(number).token:
                _log.warning("partition %d: the store is not where it was left; reading again from there", number)
                await self._go_back(number)
            return
        self._lost_at.setdefault(number, time.monotonic())
        _log.warning("partition %d: another worker acquired it; waiting for the group to say so", number)

    async def look(self) -> None:
        """Find what was taken or restored; acquire what the group still says is mine a session later; press what lags.

        A partition in which nothing is written would not be refused, and what the store lost would stay lost.

        Faust may overwrite a seek with the record that it is just delivering, and would then drop what lies before it:
        as long as nothing has come from where reading was to go on, the consumer is sent there again.
        """
        mine = sorted(self._store.owned_partitions() - self._lost_at.keys())
        tokens = [self._store.lease(number).token for number in mine]
        behind = await asyncio.gather(*map(self._store.is_behind, mine))
        for number, token, is_behind in zip(mine, tokens, behind, strict=True):
            if is_behind:
                await self.refused(number, token)
        for number, since in list(self._lost_at.items()):
            if time.monotonic() - since > self._session_timeout_s:
                del self._lost_at[number]
                if any(tp.partition == number for tp in self._assigned):
                    await self._go_back(number)
        for tp in list(self._awaited):
            reading = self._consumer.reading(tp)
            if reading.last < 0 and reading.position > (self.positions([tp.partition]).get(tp) or 0):
                del self._awaited[tp]  # nothing is there but markers
        if not self._retries.busy:  # what came may be waiting for the store
            await self._send_back({tp for tp in self._awaited if tp.partition not in self._lost_at})

    async def _go_back(self, number: int) -> None:
        await self._acquire(number)
        back = {tp for tp in self._assigned if tp.partition == number}
        self._awaited.update((tp, _Awaited()) for tp in back)
        await self._send_back(back)

    async def _send_back(self, awaited: set[TP]) -> None:
        positions = self.positions({tp.partition for tp in awaited})
        if awaited:
            await self._consumer.go_to({tp: positions[tp] for tp in awaited if tp in positions})

    async def give_back(self) -> None:
        """The group is about to assign partitions again: who owned them before is not to be thought dead."""
        if self._quarantine is not None:
            for number in self._store.owned_partitions():
                await self._quarantine.given_back(str(number))

    async def _acquire(self, number: int) -> None:
        stands = await self._store.acquire(number)
        if self._quarantine is not None:
            await self._quarantine.acquired(str(number), number, stands)
        self._waiting.replace(number, await self._store.waiting(number))
        self.acquired.append(number)

    def _goes_on(self, record: Record, expected: int) -> bool:
        return record.offset <= expected or (record.follows is not None and record.follows <= expected)

    def _is_next(self, tp: TP, offset: int) -> bool:
        """Whether nothing lies before a record that came behind a gap: retention leaves such gaps."""
        awaited = self._awaited.setdefault(tp, _Awaited())
        if awaited.behind is None or offset < awaited.behind:
            awaited.behind, awaited.times = offset, 0
        awaited.times += offset == awaited.behind
        _log.info("%s-%d: offset %d came too early; reading again from before it", tp.topic, tp.partition, offset)
        return awaited.times >= _BELIEVED_AFTER
