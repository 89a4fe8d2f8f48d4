"""A producer whose every record a caller waits for: what `produce` and `dlq redrive` send with."""

from kafka import KafkaProducer

from penchant.topics import MAX_MESSAGE_BYTES
from serving.kafka.admin import translated
from serving.kafka.brokers import AnyBrokers, brokers_of

DELIVERY_TIMEOUT_MS = 60_000


def confirmed_producer(brokers: AnyBrokers) -> KafkaProducer:
    """Connect. A record counts once all replicas have it. Raises Unavailable if the broker is away."""
    with translated(brokers):
        return KafkaProducer(
            **brokers_of(brokers).of_kafka_python(),
            acks="all",
            linger_ms=5,
            max_request_size=MAX_MESSAGE_BYTES,
            delivery_timeout_ms=DELIVERY_TIMEOUT_MS,
        )
