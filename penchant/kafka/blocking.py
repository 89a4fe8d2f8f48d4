"""kafka-python's consumer, made to read what other people's producers send, as serving/kafka/asynchronous.py does.

What cannot be read is left out here, and said in the log: who reads with it (commands, clients) shows what is there.
Three seams of kafka-python 3.0 are used, all of one consumer's fetcher: the class of a partition's records, the method
that makes them of a fetch, and its `fetch_max_wait_ms`. Other consumers of the process stay as they are.
"""

import logging
import struct
import time
from collections.abc import Iterable, Iterator
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord, Fetcher
from kafka.record.legacy_records import LegacyRecordBatch

from penchant.kafka.batch_records import Unreadable, records
from penchant.kafka.record_batches import Aborted, read

__all__ = ["BlockingConsumer"]

COMMITTED = "read_committed"
# Before every answer: kafka-python raises where its first batch is not whole, or not one at all.
_LEAD = struct.pack(">qi", 0, 14) + bytes(14)
_log = logging.getLogger(__name__)


class BlockingConsumer(KafkaConsumer):  # type: ignore[misc]
    """Reads records of committed transactions, in every codec. heard_s: of the last fetch, by `time.monotonic`."""

    def __init__(self, *topics: str, **options: Any) -> None:
        super().__init__(*topics, isolation_level=COMMITTED, **options)
        self._ends: dict[TopicPartition, int] = {}
        self.heard_s = 0.0
        fetcher = self._fetcher
        fetcher.PartitionRecords = _Records
        parse = fetcher._parse_fetched_data

        def told(completed: Any) -> Any:
            data = completed.partition_data
            if data.error_code == 0:
                self.heard_s = time.monotonic()
                stable, high = data.last_stable_offset, data.high_watermark
                self._ends[completed.topic_partition] = high if stable is None or stable < 0 else stable
                if data.records:
                    data.records = _LEAD + bytes(data.records)
            return parse(completed)

        fetcher._parse_fetched_data = told

    def end(self, partition: TopicPartition) -> int | None:
        """The offset behind the last record that can be read, as the last fetch told; None before the first."""
        return self._ends.get(partition)

    def hold(self, wait_ms: int) -> None:
        """Have the broker keep the fetches from now on for so long, where nothing comes."""
        self._fetcher.config["fetch_max_wait_ms"] = wait_ms

    def topic_id(self, topic: str) -> object:
        """What tells a topic from another of its name, as far as metadata tells; None from brokers that have no ids."""
        return self._cluster.topic_id(topic)

    def forget_ends(self) -> None:
        """Have `end` answered afresh."""
        self._ends.clear()


class _Records(Fetcher.PartitionRecords):  # type: ignore[misc]
    next_fetch_offset: int

    def _unpack_records(self, tp: Any, fetched: Any, *_: object) -> Iterator[Any]:
        transactions = [(each.producer_id, each.first_offset) for each in self.aborted_transactions]
        for batch in read(
            bytes(fetched._buffer[len(_LEAD) :]),
            self.next_fetch_offset,
            Aborted.of(transactions),
            parsed_by_kafka_python,
        ):
            for piece in batch.pieces:
                if isinstance(piece, Unreadable):
                    self.next_fetch_offset = piece.last + 1
                    place = f"{tp.topic}-{tp.partition}, offsets {piece.first} to {piece.last}"
                    _log.warning("%s cannot be read and are left out: %s", place, piece.why)
                    continue
                self.next_fetch_offset = piece.offset + 1
                self.records_read += 1
                key, value = piece.key, piece.value
                sizes = (-1 if key is None else len(key), -1 if value is None else len(value))
                self.bytes_read += sum(map(abs, sizes))
                yield ConsumerRecord(
                    tp.topic,
                    tp.partition,
                    self.leader_epoch,
                    piece.offset,
                    piece.timestamp,
                    piece.timestamp_type,
                    key,
                    value,
                    list(piece.headers),
                    None,
                    *sizes,
                    -1,
                )
            self.next_fetch_offset = max(self.next_fetch_offset, batch.following)
        self.drain()


def parsed_by_kafka_python(data: bytes, magic: int) -> Iterable[Any]:
    return records(data, magic) if magic == 2 else LegacyRecordBatch(data, magic)
