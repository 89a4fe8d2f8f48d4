"""Producers of several kinds side by side: plain, with a codec, one batch a message, in transactions.

Each takes messages and says where they lie once the broker has confirmed them.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Protocol

from confluent_kafka import KafkaException, Producer
from kafka import KafkaProducer

from tests.faults.load import CLICKS, REVIEWS, LoadMessage

Position = tuple[str, int, int]  # full topic name, partition, offset
OnConfirmed = Callable[[LoadMessage, Position], None]
PATIENCE_S = 90.0
LARGEST = 256 * 2**20
_TRY_S = 20.0


@dataclass(frozen=True)
class SendTarget:
    """Where a pump sends. names: topic -> full name. told: called for each message that was confirmed."""

    bootstrap: str
    names: Mapping[str, str]
    told: OnConfirmed


class LoadProducer(Protocol):
    """One producer."""

    def send(self, message: LoadMessage, partition: int | None) -> None:
        """Begin to send."""
        ...

    def close(self) -> None:
        """Wait until all was confirmed. Raises the client's errors if it was not."""
        ...


class Plain:
    """kafka-python, as most tests have it."""

    def __init__(self, target: SendTarget) -> None:
        self._target = target
        self._producer = KafkaProducer(
            bootstrap_servers=target.bootstrap,
            linger_ms=2,
            delivery_timeout_ms=90_000,
            max_block_ms=90_000,
            reconnect_backoff_max_ms=500,  # the default is 30 s, and would be taken for the worker's time to recover
        )
        self._confirmations: list[tuple[LoadMessage, Any]] = []

    def send(self, message: LoadMessage, partition: int | None) -> None:
        """See `LoadProducer.send`."""
        confirmation = self._producer.send(
            self._target.names[message.topic],
            key=message.key_bytes,
            value=message.value(),
            partition=partition,
            timestamp_ms=message.timestamp_ms,
            headers=list(message.headers),
        )
        self._confirmations.append((message, confirmation))

    def close(self) -> None:
        """See `LoadProducer.close`."""
        try:
            for message, confirmation in self._confirmations:
                there = confirmation.get(timeout=PATIENCE_S)
                self._target.told(message, (there.topic, there.partition, there.offset))
        finally:
            self._producer.close(timeout=5)


class Packed:
    """librdkafka with a codec. `alone`: a batch for each message."""

    def __init__(self, target: SendTarget, codec: str, *, alone: bool = False) -> None:
        self._target = target
        self._alone = alone
        self._failures: list[str] = []
        self._producer = Producer(_settings(target) | {"compression.type": codec, "linger.ms": 0 if alone else 20})

    def send(self, message: LoadMessage, partition: int | None) -> None:
        """See `LoadProducer.send`."""
        _produce(self._producer, self._target, message, partition, self._failures.append)
        self._producer.poll(0)
        if self._alone:
            self._producer.flush(PATIENCE_S)

    def close(self) -> None:
        """See `LoadProducer.close`."""
        left = self._producer.flush(PATIENCE_S)
        if left or self._failures:
            raise RuntimeError(f"librdkafka: {left} messages were not confirmed; {self._failures[:3]}")


class Transactions:
    """librdkafka in transactions of `group` messages; `aborted` is the share that an aborted one precedes.

    What is aborted must never count: copies of the messages under ids of their own, and nonsense.
    """

    def __init__(self, target: SendTarget, name: str, group: int, aborted: float) -> None:
        self._target = target
        self._name = name
        self._group = group
        self._aborted = aborted
        self._random = Random(name)
        self._waiting: list[tuple[LoadMessage, int | None]] = []
        self._producer: Any = None

    def send(self, message: LoadMessage, partition: int | None) -> None:
        """See `LoadProducer.send`."""
        self._waiting.append((message, partition))
        if len(self._waiting) >= self._group:
            self._deliver()

    def close(self) -> None:
        """See `LoadProducer.close`."""
        self._deliver()

    def _deliver(self) -> None:
        """Commit what waits. Sent again until it is known to be committed: a second time it is a duplicate."""
        deadline = time.monotonic() + PATIENCE_S
        while self._waiting:
            try:
                self._attempt()
            except KafkaException:
                self._producer = None  # the next one takes its name over, and ends what it left open
                if time.monotonic() > deadline:
                    raise
            else:
                self._waiting.clear()

    def _attempt(self) -> None:
        if self._producer is None:
            mine = {"transactional.id": self._name, "transaction.timeout.ms": 10_000}
            producer = Producer(_settings(self._target) | mine)
            producer.init_transactions(_TRY_S)
            self._producer = producer
        if self._random.random() < self._aborted:
            self._producer.begin_transaction()
            self._put([(aborted_copy(message), partition) for message, partition in self._waiting])
            self._producer.flush(_TRY_S)
            self._producer.abort_transaction(_TRY_S)
        self._producer.begin_transaction()
        self._put(self._waiting)
        self._producer.commit_transaction(_TRY_S)

    def _put(self, some: Sequence[tuple[LoadMessage, int | None]]) -> None:
        for message, partition in some:
            _produce(self._producer, self._target, message, partition, lambda _: None)


def aborted_copy(message: LoadMessage) -> LoadMessage:
    """What an aborted transaction holds in place of a message: it would count, or be a dead letter, if it were read."""
    gone = f"{GONE}{message.name}"
    if message.topic in {CLICKS, REVIEWS} and isinstance(message.body, dict):
        return replace(message, name=gone, body={**message.body, "event_id": gone})
    return replace(message, name=gone, body=b"{aborted", topic=CLICKS)


GONE = "gone-"


def _settings(target: SendTarget) -> dict[str, Any]:
    return {
        "bootstrap.servers": target.bootstrap,
        "partitioner": "murmur2_random",
        "message.max.bytes": LARGEST,
        "reconnect.backoff.max.ms": 500,
        "log_level": 0,  # a broker that is away is meant to be
    }


def _produce(
    producer: Any, target: SendTarget, message: LoadMessage, partition: int | None, failed: Callable[[str], None]
) -> None:
    def told(error: object, there: Any) -> None:
        if error is not None:
            failed(str(error))
        else:
            target.told(message, (there.topic(), there.partition(), there.offset()))

    more = {"partition": partition, "timestamp": message.timestamp_ms}
    producer.produce(
        target.names[message.topic],
        key=message.key_bytes,
        value=message.value(),
        headers=list(message.headers) or None,
        on_delivery=told,
        **{name: value for name, value in more.items() if value is not None},
    )
