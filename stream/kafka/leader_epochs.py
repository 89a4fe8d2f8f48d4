"""Finds that other records lie where some were read: the log lost its end and has grown past it since.

Each record says in which leader's epoch it was written. With the first one of a later epoch the partition's leader is
asked where the records of those before end: ahead of where they were read up to, and the log is another one from there
on. The newest epoch that was read stands in the store before anything of it is processed, so that whoever takes a
partition over can ask the same. Brokers that count no epochs are not asked (stream/kafka/log_tail.py).
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from penchant.errors import Misconfigured, Unavailable

__all__ = ["LeaderEpochs", "ReadUpTo"]

_ASK_AGAIN_S = 1.0
Place = tuple[str, int]  # topic and partition


class EpochStore(Protocol):
    """Where epochs are kept."""

    async def epochs(self, partition: int) -> Mapping[str, int]:
        """The newest epoch that was read of each topic."""
        ...

    async def note_epoch(self, partition: int, topic: str, epoch: int) -> None:
        """Keep it, unless a newer one stands there."""
        ...


@dataclass(frozen=True, slots=True)
class ReadUpTo:
    """Records of a partition: of leaders up to an epoch, up to an offset. epoch -1: the broker counts none."""

    epoch: int
    until: int


class LeaderEpochs:
    """ends: where the records of leaders up to some epochs end; blocks, and leaves out what no leader knows.

    ask_again_s: how long after no leader answered.
    """

    def __init__(
        self,
        store: EpochStore,
        ends: Callable[[Mapping[Place, int]], Mapping[Place, int]],
        ask_again_s: float = _ASK_AGAIN_S,
    ) -> None:
        self._store = store
        self._ends = ends
        self._ask_again_s = ask_again_s
        self._read: dict[Place, ReadUpTo] = {}
        self._unchecked: set[Place] = set()
        self._lost: dict[Place, Misconfigured] = {}

    async def begin(self, stands: Mapping[Place, int]) -> None:
        """Take over from others what was read, as the store has it; `check` asks about it."""
        for number in sorted({number for _, number in stands}):
            for topic, epoch in (await self._store.epochs(number)).items():
                if (place := (topic, number)) in stands:
                    self._read[place] = ReadUpTo(epoch, stands[place])
                    self._unchecked.add(place)

    async def replaced(self, came: Mapping[Place, ReadUpTo]) -> set[Place]:
        """Of which partitions the records that just came lie where others were read; waits until that can be told."""
        later = [place for place, now in came.items() if place in self._read and now.epoch > self._read[place].epoch]
        while later and not await self._asked(later):  # noqa: ASYNC110 - a broker is no event of this process
            await asyncio.sleep(self._ask_again_s)
        for place in came.keys() - self._lost.keys():
            now, before = came[place], self._read.get(place)
            if now.epoch > (before.epoch if before is not None else -1):
                await self._store.note_epoch(place[1], place[0], now.epoch)
            if now.epoch >= 0:
                before = before or now
                self._read[place] = ReadUpTo(max(before.epoch, now.epoch), max(before.until, now.until))
        return came.keys() & self._lost.keys()

    async def check(self) -> None:
        """Ask about what was taken over. Raises Misconfigured where records were read that are not there any more."""
        if self._unchecked:
            await self._asked(self._unchecked)
        for error in self._lost.values():
            raise error

    async def _asked(self, places: Collection[Place]) -> bool:
        """Whether the leaders told."""
        known = {place: self._read[place] for place in places}
        try:
            ends = await asyncio.to_thread(self._ends, {place: read.epoch for place, read in known.items()})
        except Unavailable:
            return False
        for place, read in known.items():
            if ends.get(place, read.until) < read.until:
                self._lost[place] = Misconfigured(_lost(place, ends[place], read.until))
        self._unchecked -= known.keys()
        return True


def _lost(place: Place, end: int, until: int) -> str:
    topic, partition = place
    return (
        f"partition {partition} of {topic} was read up to offset {until}, and has other records from {end} on: the "
        "broker has lost the end of its log, and events at these offsets would be skipped; see `penchant topics adopt "
        "--lost-since` (docs/running.md, A log that lost its end)"
    )
