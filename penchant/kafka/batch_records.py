"""The records of one opened batch, each read by itself, so that one that is broken hides no other. Pure.

The format: Kafka's documentation, "Record" (magic 2).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

__all__ = ["Unreadable", "cut_of", "records"]

HEADER = struct.Struct(">qiibIhiqqqhii")
_LOG_APPEND_TIME = 0x08

WireHeaders = tuple[tuple[str, bytes | None], ...]


class BatchHeader(NamedTuple):
    """A batch's header, as it stands before its records. Times in ms since 1970."""

    base: int
    length: int
    epoch: int
    magic: int
    crc: int
    attributes: int
    last_delta: int
    first_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    sequence: int
    size: int

    @property
    def last(self) -> int:
        """The batch's last offset, also if its record has gone by compaction."""
        return self.base + max(self.last_delta, 0)

    @property
    def appended(self) -> bool:
        """Whether the broker's time counts instead of the producer's."""
        return bool(self.attributes & _LOG_APPEND_TIME)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A record that was read. The names are those of aiokafka's records. timestamp: ms since 1970."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: WireHeaders
    checksum: None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What could not be read: the offsets `first` to `last`, why, and the bytes that are left of it.

    raw: of a batch (`whole`) as it stands on the log, else of a record's value. too_large: nothing is wrong with it but
    its size, and of the value `raw` has the beginning; cut: what that was before.
    """

    first: int
    last: int
    why: str
    raw: bytes | None = None
    key: bytes | None = None
    headers: WireHeaders = ()
    timestamp: int = 0
    whole: bool = False
    too_large: bool = False
    cut: "Cut | None" = None


@dataclass(frozen=True, slots=True)
class Cut:
    """Of a value that was too long to be kept: its length in bytes, and its SHA-256 in hexadecimal."""

    length: int
    sha256: str


def cut_of(value: bytes) -> Cut:
    """What is said of a value of which not all is kept."""
    return Cut(len(value), sha256(value).hexdigest())


def records(opened: bytes, magic: int) -> Iterator[Fetched | Unreadable]:
    """The records of a batch that is not packed.

    Where a length is broken what follows cannot be found: that is one `Unreadable` up to the end of the batch.
    ValueError if its format (`magic`) is older than 2.
    """
    if magic < 2:
        raise ValueError("it has the format of before Kafka 0.11")
    head = BatchHeader._make(HEADER.unpack_from(opened))
    at, offset = HEADER.size, head.base - 1
    for _ in range(head.size):
        if offset >= head.last:  # more than the batch has places: brokers count by these
            return
        try:
            start, end = _span(opened, at)
        except (IndexError, ValueError) as error:
            why = f"the batch is broken from here on: {error}"
            yield Unreadable(offset + 1, head.last, why, opened[at:], timestamp=head.first_timestamp)
            return
        piece = RecordReader(head, offset + 1).read(opened, start, end)
        offset, at = piece.last if isinstance(piece, Unreadable) else piece.offset, end
        yield piece


@dataclass
class RecordReader:
    """One record, as far as it could be read. `offset`: where it is, if its own delta cannot be read."""

    head: BatchHeader
    offset: int
    timestamp: int = 0
    key: bytes | None = None
    value: bytes | None = None
    headers: WireHeaders = ()
    why: str = ""

    def read(self, data: bytes, at: int, end: int) -> Fetched | Unreadable:
        """Read the record between two places of an opened batch."""
        self.timestamp = self.head.first_timestamp
        try:
            self._read(data, at, end)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is one record's
            self.why = f"a record is broken: {error!r}"
            self.value = self.value if self.value is not None else data[at:end]
        if self.why:
            return Unreadable(
                self.offset,
                self.offset,
                self.why,
                self.value,
                key=self.key,
                headers=self.headers,
                timestamp=self.timestamp,
            )
        return Fetched(self.offset, self.timestamp, int(self.head.appended), self.key, self.value, self.headers)

    def _read(self, data: bytes, at: int, end: int) -> None:
        head = self.head
        delta, at = _varint(data, at + 1)  # the first byte is not used
        self.timestamp = head.max_timestamp if head.appended else head.first_timestamp + delta
        delta, at = _varint(data, at)
        if not self.offset <= head.base + delta <= head.last:  # what comes behind would be passed over, or come twice
            raise ValueError(f"it says that it stands {delta} behind the first of its batch")
        self.offset = head.base + delta
        self.key, at = _bytes(data, at, end)
        self.value, at = _bytes(data, at, end)
        count, at = _varint(data, at)
        if not 0 <= count <= end - at:  # a header takes two bytes at least
            raise ValueError(f"it says that it has {count} headers")
        for _ in range(count):
            name, at = _bytes(data, at, end)
            content, at = _bytes(data, at, end)
            self.headers += ((self._name(name or b""), content),)
        if at != end:
            raise ValueError(f"{end - at} bytes are left over")

    def _name(self, name: bytes) -> str:
        try:
            return name.decode()
        except UnicodeDecodeError:
            self.why = "a header's name is not UTF-8"
            return name.decode("utf-8", "backslashreplace")


def _span(data: bytes, at: int) -> tuple[int, int]:
    """Where the record that begins at `at` has its fields, and where it ends."""
    length, start = _varint(data, at)
    if length < 0 or start + length > len(data):
        raise ValueError(f"a record says that it is {length} bytes long")
    return start, start + length


def _bytes(data: bytes, at: int, end: int) -> tuple[bytes | None, int]:
    length, at = _varint(data, at)
    if length < 0:
        return None, at
    if at + length > end:
        raise ValueError(f"a field says that it is {length} bytes long")
    return data[at : at + length], at + length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Protocol Buffers' zigzag: the number, and where it ends. IndexError at the end of the data."""
    raw = shift = 0
    while True:
        byte = data[at]
        at += 1
        raw |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (raw >> 1) ^ -(raw & 1), at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
