"""Quarantines what ends processes: a record over which two ended is not read a third time.

A process that is killed over a record (out of memory, a fault in native code, a loop that never returns) says nothing,
and neither does the next owner, who reads the same record. So the places of a batch are written beside the users'
states before it is read, under a topic's name, and what a partition was left with says what its owner died over:

    what was under way when the last owner ended       is taken in record by record, each with a mark of its own
    the one record that was under way when another     is a dead letter (`quarantined`) with its bytes; it is not read
    owner ended over it alone, after that

A mark says whose it is. A process that was frozen, or so slow that its partitions were given to another, did not end:
when it gets them again its own marks count for nothing.

A mark is written over by the next batch, and taken away when a partition is given back in order; one of records that
the states have already (their offsets say so) counts for nothing, but for the lists that may be unpublished: if two
ended over those, these users keep the lists they have until their next events. Pending events are marked likewise.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import msgspec

from stream.events.records import Record

__all__ = ["Quarantine", "items_scope"]

WAITING, LISTS = "waiting", "lists"  # beside topics' names
_log = logging.getLogger(__name__)
_Position = tuple[str, int, int]  # topic, partition, offset


def items_scope(number: int) -> str:
    """How marks of an items partition are kept apart from those of the user partition with that number."""
    return f"items-{number}"


class Mark(msgspec.Struct, array_like=True, frozen=True):
    """What is under way: the first and last place of a batch, or the places of what waits. again: one died over it.

    owners: whose it was, the last one's first, then who died over it before, each by a number of its own; none in marks
    of earlier versions.
    """

    first: int = 0
    last: int = 0
    again: bool = False
    places: list[_Position] = []
    owners: list[int] = []


class Marks(Protocol):
    """Where marks are kept: by scope (a user partition, or one of items) and name (a topic, `WAITING`, `LISTS`)."""

    async def write_marks(self, marks: Mapping[str, Mapping[str, bytes]]) -> None:
        """Add marks, or write over those of the same scope and name."""
        ...

    async def read_marks(self, scope: str) -> Mapping[str, bytes]:
        """The marks of a scope, by name."""
        ...

    async def clear_marks(self, scope: str, names: Sequence[str] = ()) -> None:
        """Take some away, or all."""
        ...


class Unwatched:
    """In the place of a quarantine where no process is at stake: a replay, tests of other things."""

    def condemned(self, _: Record) -> bool:
        """No record is."""
        return False

    def suspected(self, _: Record) -> bool:
        """No record is."""
        return False

    @asynccontextmanager
    async def waiting(self, *_: object) -> AsyncIterator[None]:
        """Mark nothing."""
        yield

    @asynccontextmanager
    async def lists(self, _: int) -> AsyncIterator[bool]:
        """Mark nothing; lists may be made."""
        yield True


class Quarantine:
    """See the module. Marks are those of one worker; `acquired` reads what the owner before it left."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._me = secrets.randbits(63)
        # Of what was under way, who died over it.
        self._suspects: dict[tuple[str, int], tuple[range, list[int]]] = {}  # topic and partition -> offsets
        self._waiting: dict[_Position, list[int]] = {}
        self._lists: dict[int, list[int]] = {}  # partition -> who died while its lists may have been unpublished
        self._condemned: set[_Position] = set()
        self._alone = asyncio.Lock()

    async def acquired(self, scope: str, partition: int, stands: Mapping[str, int]) -> None:
        """Find out what the owner before may have died over. stands: topic -> the next offset of the states."""
        over_lists: list[int] = []
        for name, raw in (await self._marks.read_marks(scope)).items():
            mark = _read(raw)
            if mark is None:
                _log.error(
                    "action=left_out the mark %s of partition %d cannot be read: nobody is suspected", name, partition
                )
            elif not (died := self._died(mark)):
                continue
            elif name == LISTS:
                over_lists = died
            elif name == WAITING:
                self._died_over(mark.places, died)
            elif mark.last >= stands.get(name, 0):
                first = max(mark.first, stands.get(name, 0))
                if len(died) > 1:
                    self._condemn((name, partition, first))
                else:
                    self._suspects[name, partition] = range(first, mark.last + 1), died
            else:
                over_lists = over_lists or died[:1]
        self._lists[partition] = over_lists

    def condemned(self, record: Record) -> bool:
        """Whether a record is not to be read."""
        return bool(self._condemned) and (record.topic, record.partition, record.offset) in self._condemned

    async def marked(
        self, records: Sequence[Record], scope: Callable[[int], str]
    ) -> AsyncGenerator[Sequence[Record], None]:
        """Yield records of one topic, marked while they are taken in: together, or alone what somebody died over."""
        if not self._suspects and not self._condemned:
            await self._mark(records, scope, [])
            yield records
            await self._survived(records, scope)
            return
        async with self._alone:  # so that what was under way is one record, whatever its topic
            for some, died in self._apart(records):
                await self._mark(some, scope, died or [])
                yield some
                await self._survived(some, scope)

    @asynccontextmanager
    async def waiting(self, partitions: Sequence[int], records: Sequence[Record]) -> AsyncIterator[None]:
        """Mark what waits in the states of some partitions while it is taken in."""
        places = [(record.topic, record.partition, record.offset) for record in records]
        died = self._waiting.get(places[0], []) if len(places) == 1 else []
        mark = Mark(again=bool(died), places=places, owners=[self._me, *died])
        await self._write({str(number): {WAITING: mark} for number in partitions})
        yield
        for place in places:
            self._waiting.pop(place, None)
        self._condemned.difference_update(places)
        for number in partitions:
            await self._marks.clear_marks(str(number), [WAITING])

    def suspected(self, record: Record) -> bool:
        """Whether what waits is to be taken in by itself."""
        return bool(self._waiting) and (record.topic, record.partition, record.offset) in self._waiting

    @asynccontextmanager
    async def lists(self, partition: int) -> AsyncIterator[bool]:
        """Mark that the unpublished lists of a partition are being made. Yields whether they may be."""
        died = self._lists.pop(partition, [])
        await self._write({str(partition): {LISTS: Mark(again=bool(died), owners=[self._me, *died])}})
        if len(died) > 1:
            _log.error(
                "action=quarantined two processes ended over the unpublished lists of partition %d: left out", partition
            )
        yield len(died) <= 1
        await self._marks.clear_marks(str(partition), [LISTS])

    async def given_back(self, scope: str) -> None:
        """Take the marks of a scope away: its owner goes in order."""
        await self._marks.clear_marks(scope)

    def _apart(self, records: Sequence[Record]) -> list[tuple[list[Record], list[int] | None]]:
        """Records in groups, with who died over the one that is alone; of several that are together, None."""
        groups: list[tuple[list[Record], list[int] | None]] = []
        for record in records:
            offsets, died = self._suspects.get((record.topic, record.partition), (range(0), []))
            # What is condemned, too, so that it is saved whatever becomes of the rest.
            if record.offset in offsets or self.condemned(record):
                groups.append(([record], died))
            elif not groups or groups[-1][1] is not None:
                groups.append(([record], None))
            else:
                groups[-1][0].append(record)
        return groups

    async def _mark(self, records: Sequence[Record], scope: Callable[[int], str], died: Sequence[int]) -> None:
        topic, owners = records[0].topic if records else "", [self._me, *died]
        spans = _spans(records)
        marks = {scope(n): {topic: Mark(first, last, bool(died), owners=owners)} for n, (first, last) in spans.items()}
        await self._write(marks)

    async def _survived(self, records: Sequence[Record], scope: Callable[[int], str]) -> None:
        """What was taken in is under suspicion no more, and its mark must not stand when somebody dies over another."""
        topic = records[0].topic if records else ""
        for number, (_, last) in _spans(records).items() if self._suspects else ():
            suspects, died = self._suspects.get((topic, number), (None, []))
            if suspects is not None:
                await self._marks.clear_marks(scope(number), [topic])
                left = range(last + 1, suspects.stop)
                if left:
                    self._suspects[topic, number] = left, died
                else:
                    del self._suspects[topic, number]
        self._condemned.difference_update((topic, record.partition, record.offset) for record in records)

    def _died(self, mark: Mark) -> list[int]:
        """Who died over it: whose mark it was, and who did before, but for this process, which lives."""
        return [owner for owner in mark.owners or [0] * (1 + mark.again) if owner != self._me]

    def _died_over(self, places: Sequence[_Position], died: list[int]) -> None:
        for place in places:
            if len(died) > 1:
                self._condemn(place)
            else:
                self._waiting[place] = died

    def _condemn(self, place: _Position) -> None:
        _log.error("action=quarantined two processes ended over %s-%d-%d: it is not read", *place)
        self._condemned.add(place)

    async def _write(self, marks: Mapping[str, Mapping[str, Mark]]) -> None:
        encoded = {
            scope: {name: msgspec.msgpack.encode(mark) for name, mark in named.items()}
            for scope, named in marks.items()
        }
        await self._marks.write_marks(encoded)


def _read(raw: bytes) -> Mark | None:
    try:
        return msgspec.msgpack.decode(raw, type=Mark)
    except (ValueError, RecursionError):  # of a newer Penchant, or altered
        return None


def _spans(records: Iterable[Record]) -> dict[int, tuple[int, int]]:
    """First and last offset by partition."""
    spans: dict[int, tuple[int, int]] = {}
    for record in records:
        first, last = spans.get(record.partition, (record.offset, record.offset))
        spans[record.partition] = (min(first, record.offset), max(last, record.offset))
    return spans
