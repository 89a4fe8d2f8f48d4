"""Sends a load at a steady pace from a thread of its own, so that faults come in the middle of it."""

import threading
import time
from collections.abc import Callable
from typing import Any
from zlib import crc32

from kafka import KafkaProducer

from serving.topics import Topics
from tests.faults.load import ITEMS, Load, Message

Partitioner = Callable[[Message], int | None]


def by_murmur2(_: Message) -> int | None:
    """Leave it to kafka-python, which does as Java does."""
    return None


def by_crc32(message: Message, partitions: int = 4) -> int | None:
    """As librdkafka's default does; items stay with kafka-python."""
    return None if message.topic == ITEMS else crc32(message.key.encode()) % partitions


class Pump:
    """Starts sending at once; `sent` counts. `close` waits until the broker has confirmed everything."""

    def __init__(self, bootstrap: str, topics: Topics, load: Load, rate: float, choose: Partitioner) -> None:
        self.sent = 0
        self.total = len(load.messages)
        self._names = {topic: f"{topics.prefix}.{topic}.v1" for topic in {each.topic for each in load.messages}}
        self._producer = KafkaProducer(
            bootstrap_servers=bootstrap,
            linger_ms=2,
            delivery_timeout_ms=90_000,
            max_block_ms=90_000,
            reconnect_backoff_max_ms=500,  # the default is 30 s, and would be taken for the worker's time to recover
        )
        self._confirmations: list[Any] = []
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, args=(load.messages, rate, choose), daemon=True)
        self._thread.start()

    @property
    def share(self) -> float:
        """How much of the load was sent so far, 0 to 1."""
        return self.sent / self.total

    def close(self) -> None:
        """Wait until all was sent and confirmed. Raises kafka-python's errors if it was not."""
        self._thread.join(timeout=180)
        try:
            if self._failure is not None:
                raise self._failure
            for confirmation in self._confirmations:
                confirmation.get(timeout=90)
        finally:
            self._producer.close(timeout=5)

    def _run(self, messages: tuple[Message, ...], rate: float, choose: Partitioner) -> None:
        begun = time.monotonic()
        try:
            for number, message in enumerate(messages):
                time.sleep(max(0.0, begun + number / rate - time.monotonic()))
                self._confirmations.append(self._send(message, choose(message)))
                self.sent = number + 1
        except Exception as error:  # noqa: BLE001 - raised again where the pump is closed
            self._failure = error

    def _send(self, message: Message, partition: int | None) -> Any:
        return self._producer.send(
            self._names[message.topic],
            key=message.key.encode(),
            value=message.value(),
            partition=partition,
            timestamp_ms=message.timestamp_ms,
        )
