"""Producers as others have them: kafka-python and librdkafka, which chooses other partitions, in every codec."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from confluent_kafka import KafkaException, Producer
from kafka import KafkaProducer
from kafka.errors import KafkaError

from stream.events.records import Record

_MOST_BYTES = 8 * 1024 * 1024
_NOW = -1


@dataclass(slots=True)
class Sent:
    """What was taken by the broker: topic, partition and offset of each; and how many were not, by the error's name."""

    places: set[tuple[str, int, int]] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)


class Sender(Protocol):
    """Sends records, and notes where each came to lie. packs: whether it has a codec."""

    name: str
    packs: bool

    def send(self, record: Record) -> None:
        """Hand one over."""
        ...

    def finish(self) -> None:
        """Wait until all are acknowledged, or refused."""
        ...


class RawName(str):
    """A header's name whose bytes are no UTF-8, as clients in C and Go may write them."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        """As it goes on the wire."""
        return b"tr\xffce"


class ByKafkaPython:
    """`compression`: none, or what Python's standard library has."""

    def __init__(self, bootstrap: str, sent: Sent, compression: str | None) -> None:
        self.name = f"kafka-python {compression or 'none'}"
        self.packs = compression is not None
        self._sent = sent
        self._producer = KafkaProducer(
            bootstrap_servers=bootstrap,
            compression_type=compression,
            linger_ms=20,
            max_request_size=_MOST_BYTES,
        )

    def send(self, record: Record) -> None:
        """See `Sender`."""
        headers = [(RawName(name) if name == "x" else name, value) for name, value in record.headers]
        timestamp = record.timestamp_ms if record.timestamp_ms >= 0 else None
        try:
            future = self._producer.send(
                record.topic, key=record.key, value=record.value, headers=headers, timestamp_ms=timestamp
            )
        except (KafkaError, ValueError, AssertionError) as error:  # larger than a request may be
            self._refused(error)
            return
        future.add_callback(self._taken)
        future.add_errback(self._refused)

    def finish(self) -> None:
        """See `Sender`."""
        self._producer.flush(timeout=30)
        self._producer.close()

    def _taken(self, at: Any) -> None:
        self._sent.places.add((at.topic, at.partition, at.offset))

    def _refused(self, error: BaseException) -> None:
        self._sent.refused[type(error).__name__] += 1


class ByLibrdkafka:
    """confluent-kafka, with a codec of its own, and CRC32 as partitioner unless told otherwise."""

    def __init__(self, bootstrap: str, sent: Sent, codec: str, partitioner: str) -> None:
        self.name = f"librdkafka {codec} {partitioner}"
        self.packs = codec != "none"
        self._sent = sent
        settings = {"bootstrap.servers": bootstrap, "compression.type": codec, "partitioner": partitioner}
        self._producer = Producer(settings | {"linger.ms": 50, "log_level": 0, "message.max.bytes": _MOST_BYTES})

    def send(self, record: Record) -> None:
        """See `Sender`."""
        timestamp = max(record.timestamp_ms, 0)  # 0: now
        options = {"key": record.key, "value": record.value, "headers": list(record.headers), "timestamp": timestamp}
        try:
            self._producer.produce(record.topic, on_delivery=self._told, **options)
        except KafkaException as error:
            self._sent.refused[error.args[0].name()] += 1
        self._producer.poll(0)

    def finish(self) -> None:
        """See `Sender`."""
        self._producer.flush(30)

    def _told(self, error: Any, message: Any) -> None:
        if error is not None:
            self._sent.refused[error.name()] += 1
        else:
            self._sent.places.add((message.topic(), message.partition(), message.offset()))


def senders(bootstrap: str, sent: Sent) -> Sequence[Sender]:
    """One of each."""
    return [
        *(ByKafkaPython(bootstrap, sent, each) for each in (None, "gzip")),
        *(ByLibrdkafka(bootstrap, sent, each, "consistent_random") for each in ("lz4", "none")),
        *(ByLibrdkafka(bootstrap, sent, each, "murmur2_random") for each in ("zstd", "snappy", "gzip")),
    ]
