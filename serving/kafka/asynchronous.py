"""aiokafka's consumers, made to read what other people's producers send: every codec, within bounds, committed only.

aiokafka 0.14 builds two classes by the names that its fetcher's module has for them; `prepare` puts ours in their
place, for every consumer of the process, Faust's among them. It is called before a consumer is made.
"""

import logging
from collections.abc import Iterable, Iterator
from typing import Any

import aiokafka.consumer.fetcher as _fetcher
from aiokafka import AIOKafkaConsumer
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.legacy_records import LegacyRecordBatch
from aiokafka.structs import ConsumerRecord

from penchant.kafka.batch_records import Unreadable
from penchant.kafka.record_batches import Aborted, has_batch, read
from serving.kafka.brokers import AnyBrokers, brokers_of

__all__ = ["COMMITTED", "PartitionRecords", "RawRecords", "committed_end", "consumer", "prepare", "unreadable"]

COMMITTED = "read_committed"
_AT_ONCE_BYTES = 8 * 1024 * 1024  # of one partition, handed out at once; the rest is fetched again
_log = logging.getLogger(__name__)


class UnreadableHeaders(tuple):  # type: ignore[type-arg]  # noqa: SLOT001 - a tuple can have no slots of its own
    """A record's headers, and why it could not be read: goes with it wherever a client takes the headers."""

    what: Unreadable


class FetchedRecord(ConsumerRecord):  # type: ignore[misc]
    """A record of a consumer, and the epoch of the leader that wrote it; -1: not known."""

    leader_epoch = -1


class RawRecords:
    """In place of aiokafka's MemoryRecords: the bytes as they came."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def has_next(self) -> bool:
        """Whether there is anything to read, or to say."""
        return has_batch(self.data)

    def size_in_bytes(self) -> int:
        """0: aiokafka would pass over one offset where a batch is cut short, and lose what is there."""
        return 0


class PartitionRecords(_fetcher.PartitionRecords):  # type: ignore[misc]
    """In place of aiokafka's PartitionRecords."""

    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[Any]:
        tp = self._tp
        transactions = self._aborted_transactions if self._isolation_level == _fetcher.READ_COMMITTED else ()
        handed_out = 0
        for batch in read(self._records.data, self.next_fetch_offset, Aborted.of(transactions), parsed_by_aiokafka):
            for piece in batch.pieces:
                if handed_out > _AT_ONCE_BYTES:
                    return  # the position is right: what is left comes with the next fetch
                record = _unreadable(tp, piece) if isinstance(piece, Unreadable) else _read(tp, piece)
                record.leader_epoch = batch.epoch
                self.next_fetch_offset = record.offset + 1
                handed_out += len(record.value or b"") + len(record.key or b"")
                yield record
            self.next_fetch_offset = max(self.next_fetch_offset, batch.following)


def prepare() -> None:
    """See the module. Calling it again changes nothing."""
    _fetcher.MemoryRecords = RawRecords
    _fetcher.PartitionRecords = PartitionRecords


def consumer(brokers: AnyBrokers, **options: Any) -> Any:
    """An aiokafka consumer without a group, not started yet. Any: aiokafka has no types."""
    prepare()
    return AIOKafkaConsumer(
        **brokers_of(brokers).of_aiokafka(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level=COMMITTED,
        **options,
    )


def committed_end(reader: Any, tp: Any) -> int | None:
    """Where what is committed ends, as the last fetch told; None before the first. `reader`: an aiokafka consumer.

    The embedded broker, asked in any other way, answers too low.
    """
    stable: int | None
    high: int | None
    stable, high = reader.last_stable_offset(tp), reader.highwater(tp)
    return high if stable is None or stable < 0 else stable


def unreadable(record: Any) -> Unreadable | None:
    """Why a record of a consumer could not be read; None if it could."""
    return record.headers.what if isinstance(record.headers, UnreadableHeaders) else None


def parsed_by_aiokafka(data: bytes, magic: int) -> Iterable[Any]:
    batch: Iterable[Any] = DefaultRecordBatch(data) if magic == 2 else LegacyRecordBatch(data, magic)
    return batch


def _read(tp: Any, record: Any) -> Any:
    key, value = record.key, record.value
    return FetchedRecord(
        tp.topic,
        tp.partition,
        record.offset,
        record.timestamp,
        record.timestamp_type,
        key,
        value,
        record.checksum,
        -1 if key is None else len(key),
        -1 if value is None else len(value),
        tuple(record.headers),
    )


def _unreadable(tp: Any, what: Unreadable) -> Any:
    headers = UnreadableHeaders(what.headers)
    headers.what = what
    _log.error("%s-%d: offsets %d to %d cannot be read: %s", tp.topic, tp.partition, what.first, what.last, what.why)
    raw = what.raw or b""
    return FetchedRecord(tp.topic, tp.partition, what.last, what.timestamp, 0, what.key, raw, None, -1, -1, headers)
