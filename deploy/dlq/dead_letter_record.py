"""Dead letters as data: read from a record, chosen by a filter, turned into what is sent back. No I/O."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from penchant.errors import RejectReason
from penchant.kafka.batch_records import Unreadable, records
from penchant.kafka.record_batches import Aborted, read
from penchant.partitioner import partition_of
from penchant.topics import Key, Topic, Topics, position_of
from stream.events.envelope import body_of
from stream.events.records import ORIGIN, Headers

__all__ = ["DeadLetterFilter"]

DEAD_LETTER_TOPICS = tuple(topic for topic in Topic if topic.value.dead_letters)

_OURS = "penchant."
# Headers that a dead letter adds to its original's. The count of attempts is not removed: the next one counts on.
_ADDED = frozenset(
    f"{_OURS}{name}"
    for name in (
        *("error", "message", "stage", "topic", "partition", "offset", "time", "version"),
        *("batch", "headers_left_out", "key_length", "length", "sha256"),
    )
)
# What says that a dead letter is not all of its original.
_CUT = frozenset(f"{_OURS}{name}" for name in ("headers_left_out", "key_length", "length"))


@dataclass(frozen=True, slots=True)
class DeadLetterRecord:
    """One record of a dead-letter topic: the original's key, value, headers and timestamp, and why it lies there.

    topic: the original's. partition, offset: of the dead letter. origin: partition and offset of the original; None if
    the headers do not tell, since somebody else wrote the record. time_ms: when it became a dead letter, since 1970.
    """

    topic: Topic
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    origin: tuple[int, int] | None
    reason: str
    message: str
    stage: str
    time_ms: int
    attempts: int

    @property
    def owner(self) -> bytes | None:
        """Who the partition goes by: the key, else the user or item named in the value; None if neither tells."""
        if self.key is not None:
            return self.key
        field = "item_id" if self.topic.value.key is Key.ITEM else "user_id"
        named = self._body().get(field)
        return named.encode() if isinstance(named, str) else None

    @property
    def erasure(self) -> bool:
        """Whether it asks for a user to be erased, which must not wait behind anything; not for nobody knows whom."""
        unsigned = self.reason == RejectReason.UNSIGNED.value
        return self.topic is Topic.COMMANDS and not unsigned and self._body().get("type") == "erase"

    @property
    def cut(self) -> bool:
        """Whether it was too large to be kept whole."""
        return any(name in _CUT for name, _ in self.headers)

    @property
    def whole_batch(self) -> bool:
        """Whether the value is a batch of records as it stands on the log, which could not be opened."""
        return any(name == f"{_OURS}batch" for name, _ in self.headers)

    def _body(self) -> Mapping[str, Any]:
        """The message as the worker reads it, out of its envelopes; empty if it cannot be read."""
        return body_of(self.value, self.headers)


def read_dead_letter(topic: Topic, name: str, record: Any) -> DeadLetterRecord:
    """Make a dead letter of kafka-python's ConsumerRecord. `name`: the full name of the original's topic."""
    told = {header: (value or b"").decode("utf-8", "replace") for header, value in record.headers}
    place = (told.get(f"{_OURS}partition", ""), told.get(f"{_OURS}offset", ""))
    ours = told.get(f"{_OURS}topic") == name and all(_is_number(number) for number in place)
    attempts = told.get(f"{_OURS}attempts", "")
    return DeadLetterRecord(
        topic=topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp,
        key=record.key,
        value=record.value,
        headers=tuple(record.headers),
        origin=(int(place[0]), int(place[1])) if ours else None,
        reason=told.get(f"{_OURS}error", "") if ours else "",
        message=told.get(f"{_OURS}message", ""),
        stage=told.get(f"{_OURS}stage", ""),
        time_ms=_time_ms(told.get(f"{_OURS}time", ""), record.timestamp),
        attempts=int(attempts) if _is_number(attempts) else 1,
    )


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which dead letters are meant; a field that is empty or None matches all. user: an item id for item topics.

    since_ms, until_ms: when the record became a dead letter, since 1970; the first included, the second not.
    """

    topics: frozenset[Topic] = frozenset()
    reasons: frozenset[str] = frozenset()
    user: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    def matches(self, dead_letter: DeadLetterRecord) -> bool:
        """Whether a dead letter is one of them."""
        return (
            (not self.topics or dead_letter.topic in self.topics)
            and (not self.reasons or dead_letter.reason in self.reasons)
            and (self.since_ms is None or dead_letter.time_ms >= self.since_ms)
            and (self.until_ms is None or dead_letter.time_ms < self.until_ms)
            and (self.user is None or dead_letter.owner == self.user.encode("utf-8", "surrogatepass"))
        )


@dataclass(frozen=True, slots=True)
class RedriveCopy:
    """A dead letter's original as it is sent to its topic again."""

    topic: Topic
    partition: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def copy_of(dead_letter: DeadLetterRecord, topics: Topics, partitions: int) -> RedriveCopy:
    """Undo what the dead letters added, and choose the partition: murmur2 of the user or item, as producers do.

    A user's event takes along the place of its original, which makes the id of one that has none of its own: it counts
    once, wherever the copy lies. An item does not: copies with an origin are skipped by a replay, and the original
    behind a copy may be compacted away. ValueError if the dead letter does not tell its origin.
    """
    if dead_letter.origin is None:
        raise ValueError("a dead letter without an origin cannot be sent back")
    partition, offset = dead_letter.origin
    headers = tuple(header for header in dead_letter.headers if header[0] not in _ADDED)
    if dead_letter.topic.user_keyed and all(name != ORIGIN for name, _ in headers):
        headers += ((ORIGIN, position_of(topics.name(dead_letter.topic), partition, offset).encode()),)
    owner = dead_letter.owner
    home = partition % partitions if owner is None else partition_of(owner, partitions)
    return RedriveCopy(dead_letter.topic, home, dead_letter.timestamp_ms, dead_letter.key, dead_letter.value, headers)


def originals(dead_letter: DeadLetterRecord) -> list[DeadLetterRecord]:
    """What a dead letter holds: itself, or the records of a batch that can be opened by now.

    ValueError, with the reason, if it cannot be sent back: it was cut, or its batch still cannot be opened.
    """
    if dead_letter.origin is None:
        raise ValueError("its headers do not tell where it came from: a worker did not write it")
    if dead_letter.cut:
        raise ValueError("it was too large to be kept whole: only its producer can send it again")
    if not dead_letter.whole_batch:
        if dead_letter.key is None and dead_letter.value is None:
            raise ValueError("it has neither key nor value")
        return [dead_letter]
    partition, offset = dead_letter.origin
    pieces = [
        piece for batch in read(dead_letter.value or b"", offset, Aborted.of([]), records) for piece in batch.pieces
    ]
    broken = next((piece for piece in pieces if isinstance(piece, Unreadable)), None)
    if broken is not None or not pieces:
        raise ValueError(f"it still cannot be read: {broken.why if broken is not None else 'there is no record in it'}")
    return [
        replace(
            dead_letter,
            key=piece.key,
            value=piece.value,
            headers=tuple((name, value if value is not None else b"") for name, value in piece.headers),
            timestamp_ms=piece.timestamp,
            origin=(partition, piece.offset),
        )
        for piece in pieces
    ]


class Offsets:
    """A set of offsets, kept as disjoint ranges: dead letters are mostly redriven in runs.

    >>> some = Offsets([(0, 3)])
    >>> some.add(5), some.add(4), 5 in some, 6 in some, some.ranges()
    (None, None, True, False, [(0, 5)])
    """

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        """Begin with ranges (first, last), both included, in order and apart from each other."""
        self._ranges = list(ranges)

    def __contains__(self, offset: int) -> bool:
        at = self._before(offset)
        return at >= 0 and offset <= self._ranges[at][1]

    def add(self, offset: int) -> None:
        """Add one; adding it again changes nothing."""
        if offset in self:
            return
        at = self._before(offset)
        first = last = offset
        if at + 1 < len(self._ranges) and self._ranges[at + 1][0] == offset + 1:
            last = self._ranges.pop(at + 1)[1]
        if at >= 0 and self._ranges[at][1] == offset - 1:
            first = self._ranges.pop(at)[0]
            at -= 1
        self._ranges.insert(at + 1, (first, last))

    def drop_below(self, offset: int) -> None:
        """Forget ranges that end below `offset`: the dead letters are gone."""
        self._ranges = [(first, last) for first, last in self._ranges if last >= offset]

    def ranges(self) -> list[tuple[int, int]]:
        """The ranges in order, first and last offset of each."""
        return list(self._ranges)

    def _before(self, offset: int) -> int:
        """The index of the last range that begins at `offset` or before; -1 if none does."""
        return bisect_right(self._ranges, offset, key=lambda each: each[0]) - 1


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 20


def _time_ms(text: str, otherwise: int) -> int:
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        return otherwise
