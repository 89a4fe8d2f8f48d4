"""What a broker keeps on disk, batch by batch: in which codec it lies there, and ways to spoil it.

A batch of Kafka's message format v2: base offset (8 bytes), length of what follows (4), leader epoch (4), magic (1),
CRC-32C of all after it (4), attributes (2), offset of the last record less the base (4), times and producer (30), the
number of records (4), then the records, compressed together.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from crc32c import crc32c

from benchmarks.performance.apache_kafka import ApacheKafka

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
_HEAD = struct.Struct(">qiibIhi")  # as far as the last record's offset
_CRC_AT, _CHECKED_FROM, _RECORDS_AT = 17, 21, 61
_CONTROL = 0x20


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """One batch: `size` bytes from byte `at` of a file."""

    file: Path
    at: int
    size: int
    first: int
    last: int
    attributes: int

    @property
    def codec(self) -> str:
        """In which codec the records lie."""
        return CODECS[self.attributes & 0x07]

    @property
    def control(self) -> bool:
        """Whether it is a transaction's commit or abort marker."""
        return bool(self.attributes & _CONTROL)


def batches(kafka: ApacheKafka, topic: str, partition: int | None = None) -> list[StoredBatch]:
    """All batches of a topic, markers among them, by partition and offset."""
    number = "*" if partition is None else str(partition)
    files = sorted((kafka.folder / "logs").glob(f"{topic}-{number}/*.log"))
    return [batch for file in files for batch in _read(file)]


def _read(file: Path) -> Iterator[StoredBatch]:
    content, at = file.read_bytes(), 0
    while at + _RECORDS_AT <= len(content):
        first, length, _, _, _, attributes, delta = _HEAD.unpack_from(content, at)
        yield StoredBatch(file, at, 12 + length, first, first + delta, attributes)
        at += 12 + length


Spoil = Callable[[bytes], bytes]  # the records of a batch as they lie there -> as many bytes


def spoil(batch: StoredBatch, how: Spoil, *, mend_crc: bool) -> None:
    """Overwrite a batch's records; the broker must be stopped. With its checksum right, only reading it shows that."""
    content = bytearray(batch.file.read_bytes())
    end = batch.at + batch.size
    records = bytes(content[batch.at + _RECORDS_AT : end])
    spoiled = how(records)
    if len(spoiled) != len(records) or spoiled == records:
        raise ValueError("this is a bug: a batch is spoiled by as many other bytes")
    content[batch.at + _RECORDS_AT : end] = spoiled
    if mend_crc:
        checksum = crc32c(bytes(content[batch.at + _CHECKED_FROM : end]))
        content[batch.at + _CRC_AT : batch.at + _CHECKED_FROM] = checksum.to_bytes(4, "big")
    batch.file.write_bytes(content)


def flipped(records: bytes) -> bytes:
    """One bit in the middle."""
    middle = len(records) // 2
    return records[:middle] + bytes([records[middle] ^ 0x10]) + records[middle + 1 :]


def junk(records: bytes) -> bytes:
    """No record begins like this: its length says more than there is."""
    return b"\xff" * len(records)


def nothing(records: bytes) -> bytes:
    """Zeros, which a disk that lost a page gives back."""
    return bytes(len(records))
