"""What leaves a worker: records for Kafka, sent together, done when the broker has acknowledged every one."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    CorruptRecordException,
    InvalidTimestampError,
    KafkaConnectionError,
    KafkaStorageError,
    KafkaTimeoutError,
    LeaderNotAvailableError,
    MessageSizeTooLargeError,
    NodeNotReadyError,
    NotEnoughReplicasAfterAppendError,
    NotEnoughReplicasError,
    NotLeaderForPartitionError,
    PolicyViolationError,
    RecordListTooLargeError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedForMessageFormatError,
)

from penchant.errors import Misconfigured
from penchant.kafka.missing_rights import ROLES
from penchant.topics import DEAD_LETTER_HEADERS_BYTES, MAX_MESSAGE_BYTES
from serving.kafka.brokers import AnyBrokers, brokers_of
from stream.events.outgoing import Outgoing
from stream.retry import Retries

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
# What it answers, or the client, about one record, as often as that is sent.
_PERMANENT = (
    CorruptRecordException,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    UnsupportedForMessageFormatError,
    AssertionError,
    TypeError,
    ValueError,
)
_FOR_A_PERSON = (ClusterAuthorizationFailedError, TopicAuthorizationFailedError)
_REQUEST_TIMEOUT_MS = 10_000
_BESIDE = 2
_BATCH_BYTES = 256 * 1024  # of a partition: the client has one batch of it under way, and waits for its answer
_KEPT_BYTES = 1024  # of a value that the broker does not take, and of what no header may be left out of
_log = logging.getLogger(__name__)


@dataclass
class _Client:
    """aiokafka's producer, and how many `send`s use it just now."""

    producer: Any
    busy: int = 0


class KafkaLog:
    """The broker. `start` before the first `send`. `on_left_out` is told the topic of a record that it never took.

    Two clients, as one has a single request under way to each broker: what one batch of events announces does not wait
    for the lists of another. What is sent to a partition in order comes from one `send`, or from one after the other.
    """

    def __init__(
        self, brokers: AnyBrokers, on_left_out: Callable[[str], None] = lambda _: None, retries: Retries | None = None
    ) -> None:
        self._brokers = brokers_of(brokers)
        self._persist = (retries or Retries()).persist
        self._on_left_out = on_left_out
        self._clients: list[_Client] = []

    async def start(self) -> None:
        """Connect."""
        for _ in range(_BESIDE):
            producer = AIOKafkaProducer(
                **self._brokers.of_aiokafka(),
                acks="all",
                request_timeout_ms=_REQUEST_TIMEOUT_MS,
                max_batch_size=_BATCH_BYTES,
                max_request_size=MAX_MESSAGE_BYTES + 2 * DEAD_LETTER_HEADERS_BYTES,
            )
            self._clients.append(_Client(producer))
            await self._persist(producer.start, TRANSIENT, "the broker")

    async def stop(self) -> None:
        """Send what is left and hang up."""
        for client in self._clients:
            await client.producer.stop()

    async def send(self, records: Sequence[Outgoing]) -> None:
        """See `Log.send`. What was sent before a broker went away is sent again: readers know repeated records."""
        if not records:
            return
        refused = await self._persist(lambda: self._once(records), TRANSIENT, "the broker")
        for record, error in refused:
            await self._alone(record, error)

    async def _once(self, records: Sequence[Outgoing]) -> list[tuple[Outgoing, Exception]]:
        """Send all. Returns those that the broker refuses for good; raises what can pass."""
        client = min(self._clients, key=lambda each: each.busy)
        client.busy += 1
        try:
            sent = [await self._begin(client.producer, record) for record in records]
            answers = await asyncio.gather(*sent, return_exceptions=True)
        finally:
            client.busy -= 1
        refused: list[tuple[Outgoing, Exception]] = []
        for record, answer in zip(records, answers, strict=True):
            if isinstance(answer, _FOR_A_PERSON):
                raise Misconfigured(f"the broker gives us no right to write to {record.topic}: {ROLES}") from answer
            if isinstance(answer, _PERMANENT):
                refused.append((record, answer))
            elif isinstance(answer, BaseException):
                raise answer
        return refused

    async def _begin(self, producer: Any, record: Outgoing) -> "asyncio.Future[Any]":
        try:
            begun: asyncio.Future[Any] = await producer.send(
                record.topic,
                value=record.value,
                key=record.key,
                partition=record.partition,
                timestamp_ms=record.timestamp_ms,
                headers=list(record.headers),
            )
        except _PERMANENT as error:  # before it is sent
            begun = asyncio.get_running_loop().create_future()
            begun.set_exception(error)
        return begun

    async def _alone(self, record: Outgoing, error: Exception) -> None:
        """Send a record by itself, as another in its batch may be at fault; then ever less of it; then leave it out."""
        for less in (record, *_lesser(record)):
            refused = await self._persist(lambda less=less: self._once([less]), TRANSIENT, "the broker")  # type: ignore[misc]
            if not refused:
                return
            error = refused[0][1]
        _log.error("action=left_out the broker never takes a record of %s: %r", record.topic, error)
        self._on_left_out(record.topic)


def _lesser(record: Outgoing) -> list[Outgoing]:
    """What may be taken instead: without a time that the topic refuses; of a dead letter less of the original."""
    untimed = replace(record, timestamp_ms=None)
    instead = [untimed] if record.timestamp_ms is not None else []
    if record.topic.endswith(".dlq"):
        small = tuple((name, value[:_KEPT_BYTES]) for name, value in record.headers if name.startswith("penchant."))
        instead.append(replace(untimed, value=(record.value or b"")[:_KEPT_BYTES], headers=small))
        instead.append(replace(untimed, key=None, value=None, headers=small))
    return instead
