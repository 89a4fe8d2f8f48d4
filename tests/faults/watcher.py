"""Reads all that a system publishes, once, and keeps what a verdict needs of it."""

import json
from collections import Counter
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from serving.catalogue import unpack
from serving.state import Vector
from serving.topics import Topic, Topics

Message = dict[str, Any]


class Watcher:
    """`look` reads on; the rest is what was read so far.

    named: ids of events and commands that lists have named. lists: user -> the last record under the user's key, None
    after an erasure. receipts: command -> its statuses. letters: (topic, value) -> how often. paired: (topic,
    partition, offset) of the events whose pairs were announced. records: where events lie, by topic and partition.
    """

    def __init__(self, bootstrap: str, topics: Topics, partitions: int, before: "Watcher | None" = None) -> None:
        self.named: set[str] = before.named if before else set()
        self.lists: dict[str, Message | None] = before.lists if before else {}
        self.receipts: dict[str, list[str]] = before.receipts if before else {}
        self.letters: Counter[tuple[str, bytes]] = before.letters if before else Counter()
        self.items: dict[str, Vector] = {}
        self.paired: set[tuple[str, int, int]] = set()
        self.records: dict[tuple[str, int, int], str] = {}
        self._topics = topics
        self._consumer = KafkaConsumer(
            bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_max_wait_ms=10, reconnect_backoff_max_ms=500
        )
        several = [topics.recommendations, topics.receipts, topics.item_vectors, topics.clicks, topics.reviews]
        several += [topics.dlq(topic) for topic in Topic if topic.value.dead_letters]
        places = [TopicPartition(name, number) for name in several for number in range(partitions)]
        self._consumer.assign([*places, TopicPartition(topics.covisits, 0)])
        self._consumer.seek_to_beginning()

    def look(self) -> "Watcher":
        """Read what came since."""
        take = {
            self._topics.recommendations: self._list,
            self._topics.receipts: self._receipt,
            self._topics.item_vectors: self._item,
            self._topics.covisits: self._pairs,
            self._topics.clicks: self._record,
            self._topics.reviews: self._record,
        }
        for partition, records in self._consumer.poll(timeout_ms=50, max_records=5000).items():
            for record in records:
                take.get(partition.topic, self._letter)(record)
        return self

    def close(self) -> None:
        """Hang up."""
        self._consumer.close()

    def _list(self, record: Any) -> None:
        made = json.loads(record.value) if record.value is not None else None
        self.lists[record.key.decode()] = made
        if made is not None:
            self.named.update(folded["event_id"] for folded in made["folded"])

    def _receipt(self, record: Any) -> None:
        self.receipts.setdefault(record.key.decode(), []).append(json.loads(record.value)["status"])

    def _item(self, record: Any) -> None:
        if record.value is not None:
            self.items[record.key.decode()] = unpack(json.loads(record.value)["vector"])

    def _pairs(self, record: Any) -> None:
        made = json.loads(record.value)
        self.paired.update((made["topic"], made["partition"], event[0]) for event in made["events"])

    def _record(self, record: Any) -> None:
        try:
            event_id = json.loads(record.value)["event_id"]
        except (ValueError, KeyError):
            return  # poison
        self.records[record.topic, record.partition, record.offset] = event_id

    def _letter(self, record: Any) -> None:
        self.letters[record.topic, record.value] += 1
