"""One producer and one consumer, as any program beside Penchant would have them: events out, lists in."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec
from kafka import KafkaProducer

from penchant.errors import Unavailable
from penchant.kafka.blocking import BlockingConsumer
from penchant.messages import RecommendationList
from penchant.topics import Topics
from serving.kafka.admin import end_offsets, partitions_of, translated
from serving.kafka.brokers import Brokers

__all__ = ()

_FETCH_WAIT_MS = 5  # the embedded broker answers a fetch only after about half of this
_ANSWER_S = 30.0

_lists = msgspec.json.Decoder(RecommendationList)


@dataclass(frozen=True, slots=True)
class ReceivedList:
    """A list as it came: when, by the monotonic clock in seconds."""

    made: RecommendationList
    at_s: float

    @property
    def events(self) -> list[str]:
        """The events that it names as folded, without those that are pending."""
        return [folded.event_id for folded in self.made.folded if not folded.waiting]


@dataclass(slots=True)
class DemoClient:
    """Sends messages and keeps the newest list of each user."""

    topics: Topics
    producer: KafkaProducer
    consumer: BlockingConsumer
    newest: dict[str, RecommendationList] = field(default_factory=dict)

    def send(self, topic: str, key: str, message: object) -> float:
        """Send one message, without waiting; returns when, by the monotonic clock in seconds."""
        now = time.monotonic()
        self.producer.send(topic, key=key.encode(), value=msgspec.json.encode(message))
        return now

    def receive(self, timeout_ms: int = 20) -> list[ReceivedList]:
        """The lists that came since the last call; waits at most `timeout_ms` for one."""
        answers = []
        polled = self.consumer.poll(timeout_ms=timeout_ms)
        now = time.monotonic()
        for record in (record for records in polled.values() for record in records if record.value is not None):
            made = _lists.decode(record.value)
            known = self.newest.get(made.user_id)
            if known is None or made.version > known.version:  # a lower one is from a worker that lost its partition
                self.newest[made.user_id] = made
                answers.append(ReceivedList(made, now))
        return answers

    def until_named(self, event_id: str) -> ReceivedList:
        """Wait for the list that names the event. Raises Unavailable if none comes in 30 s."""
        deadline = time.monotonic() + _ANSWER_S
        while time.monotonic() < deadline:
            for answer in self.receive():
                if event_id in answer.events:
                    return answer
        raise Unavailable(
            f"no list named the event {event_id} in {_ANSWER_S:.0f} s: see the worker's log and dead letters"
        )


@contextmanager
def connected(brokers: Brokers, topics: Topics) -> Iterator[DemoClient]:
    """Connect to a broker and follow the lists from now on."""
    with translated(brokers):
        producer = KafkaProducer(**brokers.of_kafka_python(), acks="all", linger_ms=0)
        consumer = BlockingConsumer(
            **brokers.of_kafka_python(), group_id=None, enable_auto_commit=False, fetch_max_wait_ms=_FETCH_WAIT_MS
        )
        try:
            ends = end_offsets(consumer, partitions_of(consumer, topics.recommendations))
            for partition, end in ends.items():
                consumer.seek(partition, end)
            yield DemoClient(topics, producer, consumer)
            producer.flush(timeout=_ANSWER_S)
        finally:
            producer.close(timeout=1)
            consumer.close()
