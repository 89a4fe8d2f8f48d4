"""Reads single records of a topic, of which it is known where they stand."""

import logging
import time
from collections.abc import Mapping
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from penchant.kafka.blocking import BlockingConsumer
from penchant.kafka.reachable import check_reachable

__all__ = ["PlacedRecords"]

_ANSWER_S = 2.0
_AT_ONCE_BYTES = 64 * 1024  # of a partition: one batch, and little behind it
_log = logging.getLogger(__name__)


class PlacedRecords:
    """For one thread at a time."""

    def __init__(self, options: Mapping[str, Any], topic: str) -> None:
        self._options = {**options, "max_partition_fetch_bytes": _AT_ONCE_BYTES, "bootstrap_timeout_ms": 2_000}
        self._topic = topic
        self._consumer: BlockingConsumer | None = None

    def read(self, partition: int, offset: int, key: bytes) -> bytes | None:
        """The value of the record that stands there; None if it is not there, or the broker does not answer in time."""
        try:
            return self._read(TopicPartition(self._topic, partition), offset, key)
        except (KafkaError, OSError) as error:
            _log.warning("offset %d of partition %d cannot be read: %s", offset, partition, error)
            self.close()
            return None

    def close(self) -> None:
        """Hang up."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _read(self, partition: TopicPartition, offset: int, key: bytes) -> bytes | None:
        if self._consumer is None:
            check_reachable(self._options["bootstrap_servers"], _ANSWER_S, self._options)
            self._consumer = BlockingConsumer(**self._options)
        consumer = self._consumer
        consumer.assign([partition])
        consumer.seek(partition, offset)
        deadline = time.monotonic() + _ANSWER_S
        while (left_s := deadline - time.monotonic()) > 0:
            for records in consumer.poll(timeout_ms=int(left_s * 1000), max_records=1).values():
                first = records[0]
                value: bytes | None = first.value if (first.offset, first.key) == (offset, key) else None
                return value
        return None
