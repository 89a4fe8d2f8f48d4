"""What leaves a worker: records for Kafka, sent together, done when the broker has acknowledged every one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaStorageError,
    KafkaTimeoutError,
    LeaderNotAvailableError,
    NodeNotReadyError,
    NotEnoughReplicasAfterAppendError,
    NotEnoughReplicasError,
    NotLeaderForPartitionError,
    RequestTimedOutError,
    UnknownTopicOrPartitionError,
)

from serving.topics import DEAD_LETTER_HEADERS_BYTES, MAX_MESSAGE_BYTES
from stream.records import Headers
from stream.retry import persist

# What a broker answers, beside nothing, while it starts or hands its partitions over.
TRANSIENT = (
    KafkaConnectionError,
    KafkaStorageError,
    KafkaTimeoutError,
    LeaderNotAvailableError,
    NodeNotReadyError,
    NotEnoughReplicasAfterAppendError,
    NotEnoughReplicasError,
    NotLeaderForPartitionError,
    RequestTimedOutError,
    UnknownTopicOrPartitionError,
    OSError,
)
_REQUEST_TIMEOUT_MS = 10_000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to be sent. `partition` None: by the key, as every Kafka producer does. `timestamp_ms` None: now."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    timestamp_ms: int | None = None
    headers: Headers = ()


class Log(Protocol):
    """Where records go: Kafka, or the list in memory that tests use (stream/testing.py)."""

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Return once every record is acknowledged, in order by partition.

        Raises Unavailable if the broker stays away.
        """
        ...


class KafkaLog:
    """The broker. `start` before the first `send`."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: Any = None

    async def start(self) -> None:
        """Connect."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
            max_request_size=MAX_MESSAGE_BYTES + 2 * DEAD_LETTER_HEADERS_BYTES,
        )
        await persist(self._producer.start, TRANSIENT, "the broker")

    async def stop(self) -> None:
        """Send what is left and hang up."""
        if self._producer is not None:
            await self._producer.stop()

    async def send(self, records: Sequence[Outgoing]) -> None:
        """See `Log.send`. What was sent before a broker went away is sent again: readers know repeated records."""
        if records:
            await persist(lambda: self._once(records), TRANSIENT, "the broker")

    async def _once(self, records: Sequence[Outgoing]) -> None:
        acknowledged = [
            await self._producer.send(
                record.topic,
                value=record.value,
                key=record.key,
                partition=record.partition,
                timestamp_ms=record.timestamp_ms,
                headers=list(record.headers),
            )
            for record in records
        ]
        await asyncio.gather(*acknowledged)
