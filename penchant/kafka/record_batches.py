"""Record batches as a broker's fetch answers them, opened one by one. Pure: bytes in, records out, nothing raised.

What cannot be read is data, too: a record or a batch that the format does not explain comes out as `Unreadable`, with
its place and its bytes, and reading goes on behind it. Transactions that were aborted, and the markers that end
transactions, are passed over. The format: Kafka's documentation, "Record Batch" (magic 2).
"""

import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from crc32c import crc32c

from penchant.kafka.batch_records import HEADER, BatchHeader, Fetched, Unreadable, cut_of, records
from penchant.kafka.codecs import Unopenable, decompress

__all__ = ["KEPT_BYTES", "Aborted", "has_batch", "read"]

MOST_OPENED_BYTES = 32 * 1024 * 1024  # of one batch; a producer's are 16 KiB to 1 MiB before they are packed
MOST_RECORD_BYTES = 8 * 1024 * 1024  # of one record's value: four times what a topic takes of packed ones
KEPT_BYTES = 64 * 1024  # of a value that is larger than that

_FRAME = struct.Struct(">qi")  # base offset, bytes that follow: the same in every version
_LEAST_BYTES = 14  # of what follows a frame in the oldest version
_MOST_BATCH_BYTES = 1 << 30
_CRC_FROM = 21
_CODEC, _TRANSACTIONAL, _CONTROL = 0x07, 0x10, 0x20
_ABORT = 0
_MOST_RECORDS = 1_000_000  # in a batch, as far as a header is believed that may be broken


class Batch(NamedTuple):
    """What one batch holds, in order, and the offset that reading goes on from behind it.

    epoch: of the leader that wrote it; -1: not known.
    """

    pieces: Sequence[Any]
    following: int
    epoch: int = -1


# The records of an opened batch, by a client's own parser, which may raise whatever it likes. The second argument is
# the batch's version.
Parse = Callable[[bytes, int], Iterable[Any]]


@dataclass
class Aborted:
    """Which batches belong to transactions that were aborted: by producer id, and the offset each begins at."""

    starts: deque[tuple[int, int]] = field(default_factory=deque)  # first offset, producer id
    producers: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, transactions: Iterable[tuple[int, int]]) -> "Aborted":
        """Producer id and first offset of each, as the fetch names them."""
        return cls(deque(sorted((first, producer) for producer, first in transactions)))

    def covers(self, header: BatchHeader) -> bool:
        """Whether a batch is not to be read. Batches come in order."""
        while self.starts and self.starts[0][0] <= header.last:
            self.producers.add(self.starts.popleft()[1])
        return bool(header.attributes & _TRANSACTIONAL) and header.producer_id in self.producers

    def end(self, producer_id: int) -> None:
        """An abort marker came: the producer's next transaction is another."""
        self.producers.discard(producer_id)


def has_batch(raw: bytes) -> bool:
    """Whether there is a whole batch, or bytes that cannot become one: something for `read` to say."""
    if len(raw) < _FRAME.size:
        return False
    _, length = _FRAME.unpack_from(raw)
    return not _LEAST_BYTES <= length <= _MOST_BATCH_BYTES or _FRAME.size + length <= len(raw)


def read(raw: bytes, since: int, aborted: Aborted, parse: Parse) -> Iterator[Batch]:
    """Open the batches of one fetch, what lies before offset `since` left out.

    The last batch may be cut short, as brokers do: it comes with the next fetch. parse: see `Parse`, `records` is one;
    what it raises is contained, and the batch read again by `records`.
    """
    at = 0
    while len(raw) - at >= _FRAME.size:
        length = _FRAME.unpack_from(raw, at)[1]
        if not _LEAST_BYTES <= length <= _MOST_BATCH_BYTES:
            why = f"a batch says that it is {length} bytes long: where the next one begins is not known"
            yield _Closed(bytes(raw[at:]), since, None).unreadable(why)
            return
        end = at + _FRAME.size + length
        if end > len(raw):
            return
        behind = _FRAME.unpack_from(raw, end)[0] if len(raw) - end >= _FRAME.size else None
        batch = _open(_Closed(bytes(raw[at:end]), since, behind), aborted, parse)
        yield batch
        since = max(since, batch.following)
        at = end


@dataclass(frozen=True, slots=True)
class _Closed:
    """A batch as it stands on the log. since: from which offset on it is read. behind: where the next one begins."""

    raw: bytes
    since: int
    behind: int | None

    def unreadable(self, why: str, head: BatchHeader | None = None) -> Batch:
        """It is unreadable as a whole. What its own header says of its end is believed only if it is likely."""
        following = self.since + 1
        if self.behind is not None and self.behind > self.since:
            following = self.behind
        elif head is not None and 0 < head.size <= head.last_delta + 1 <= _MOST_RECORDS and head.last >= self.since:
            following = head.last + 1
        first = max(self.since, min(_FRAME.unpack_from(self.raw)[0], following - 1))
        return Batch([Unreadable(first, following - 1, why, self.raw, whole=True)], following)


def _open(closed: _Closed, aborted: Aborted, parse: Parse) -> Batch:
    raw, since = closed.raw, closed.since
    magic = raw[16]
    if magic < 2:
        return _legacy(closed, parse)
    if len(raw) < HEADER.size or magic > 2:
        return closed.unreadable(f"a batch of the format {magic}, which is not known")
    head = BatchHeader._make(HEADER.unpack_from(raw))
    if why := _why_closed(raw, head):
        return closed.unreadable(why, head)
    following = max(head.last + 1, since)
    skipped = aborted.covers(head) or following == since
    if head.attributes & _CONTROL and _is_abort(raw):
        aborted.end(head.producer_id)
    if skipped or head.attributes & _CONTROL:
        return Batch((), following)
    try:
        opened = _unpacked(raw, head)
    except Unopenable as error:
        return closed.unreadable(f"a batch cannot be opened: {error}", head)
    pieces = [_bounded(piece) for piece in _parsed(opened, parse, head) if _last(piece) >= since]
    return Batch(pieces, following, head.epoch)


def _why_closed(raw: bytes, head: BatchHeader) -> str:
    """Why a batch is not even to be opened; empty if it is."""
    if head.crc != crc32c(memoryview(raw)[_CRC_FROM:]):
        return "its checksum is wrong: the bytes were altered"
    return ""


def _unpacked(raw: bytes, head: BatchHeader) -> bytes:
    """The batch as if its producer had not packed it. Its checksum is not that of the log any more."""
    codec = head.attributes & _CODEC
    if not codec:
        return raw
    plain = head._replace(attributes=head.attributes & ~_CODEC)
    return HEADER.pack(*plain) + decompress(codec, raw[HEADER.size :], MOST_OPENED_BYTES)


def _parsed(opened: bytes, parse: Parse, head: BatchHeader) -> Sequence[Any]:
    try:
        found = list(parse(opened, 2))
    except Exception:  # noqa: BLE001 - another library's parser over anybody's bytes: read again, record by record
        return list(records(opened, 2))
    places = [head.base - 1, *map(_last, found), head.last + 1]
    in_order = all(before < after for before, after in pairwise(places))
    return found if in_order else list(records(opened, 2))


def _legacy(closed: _Closed, parse: Parse) -> Batch:
    """A message of before Kafka 0.11, or a packed set of them, whose offset is that of the last."""
    raw, since = closed.raw, closed.since
    try:
        found = list(parse(raw, raw[16]))
    except Exception as error:  # noqa: BLE001 - as above
        return closed.unreadable(f"an old message cannot be read: {error}")
    following = max(since, max((piece.offset for piece in found), default=since - 1) + 1)
    return Batch([_bounded(piece) for piece in found if piece.offset >= since], following)


def _bounded(piece: Any) -> Any:
    """What one record may take of memory; the rest of a larger one is not kept."""
    if isinstance(piece, Unreadable):
        return piece
    size = len(piece.value or b"") + len(piece.key or b"") + sum(len(name) + len(v or b"") for name, v in piece.headers)
    if size <= MOST_RECORD_BYTES:
        return piece
    return Unreadable(
        piece.offset,
        piece.offset,
        f"a record of {size} bytes; {MOST_RECORD_BYTES} is the most",
        (piece.value or b"")[:KEPT_BYTES],
        key=piece.key,
        headers=tuple(piece.headers),
        timestamp=piece.timestamp,
        too_large=True,
        cut=cut_of(piece.value or b""),
    )


def _last(piece: Any) -> int:
    return int(piece.last if isinstance(piece, Unreadable) else piece.offset)


def _is_abort(raw: bytes) -> bool:
    """Whether a control batch ends a transaction by aborting it; one that cannot be read ends nothing."""
    for each in records(raw, 2):
        if isinstance(each, Fetched) and each.key is not None and len(each.key) >= 4:
            return bool(struct.unpack_from(">hh", each.key)[1] == _ABORT)
    return False
