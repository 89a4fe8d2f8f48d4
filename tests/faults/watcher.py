"""Reads all that a system publishes, and keeps what the checker needs of it."""

import json
from typing import Any, NamedTuple

from kafka import TopicPartition

from penchant.kafka.blocking import BlockingConsumer
from penchant.topics import Topic, Topics
from serving.catalogue import unpack
from serving.state.user_state import Vector
from stream.events.records import ORIGIN
from tests.faults.producers import Position

ListMessage = dict[str, Any]
_SAID = ("penchant.topic", "penchant.partition", "penchant.offset", "penchant.error")


class SeenDeadLetter(NamedTuple):
    """A dead letter."""

    key: bytes | None
    value: bytes | None
    reason: str


class Observed:
    """What was read so far of all that a system publishes.

    named: ids of events and commands that lists have named; named_at: where these lie. lists: user -> the last record
    under the user's key, None after an erasure. receipts: command -> its statuses. dead_letters: those of each place
    (topic, partition, offset of the original). paired: the places of the events whose pairs were announced.
    records: which event lies where. copies: place -> where a record was forwarded to.
    """

    def __init__(self, topics: Topics, before: "Observed | None" = None) -> None:
        self.named: set[str] = before.named if before else set()
        self.lists: dict[str, ListMessage | None] = before.lists if before else {}
        self.receipts: dict[str, list[str]] = before.receipts if before else {}
        self.named_at: set[Position] = before.named_at if before else set()
        self.dead_letters: dict[Position, list[SeenDeadLetter]] = before.dead_letters if before else {}
        self.items: dict[str, Vector] = {}
        self.paired: set[Position] = set()
        self.records: dict[Position, str] = {}
        self.copies: dict[str, Position] = {}  # as `topic-partition-offset`
        self._take = {
            topics.recommendations: self._list,
            topics.receipts: self._receipt,
            topics.item_vectors: self._item,
            topics.covisits: self._covisits,
            topics.clicks: self._record,
            topics.reviews: self._record,
        }

    def take(self, record: Any) -> None:
        """Take in one record; what comes from no other topic is a dead letter."""
        self._take.get(record.topic, self._dead_letter)(record)

    def _list(self, record: Any) -> None:
        made = json.loads(record.value) if record.value is not None else None
        self.lists[record.key.decode()] = made
        if made is not None:
            self.named.update(folded["event_id"] for folded in made["folded"])
            self.named_at.update((each["topic"], each["partition"], each["offset"]) for each in made["folded"])

    def _receipt(self, record: Any) -> None:
        self.receipts.setdefault(record.key.decode(), []).append(json.loads(record.value)["status"])

    def _item(self, record: Any) -> None:
        if record.value is not None:
            self.items[record.key.decode()] = unpack(json.loads(record.value)["vector"])

    def _covisits(self, record: Any) -> None:
        made = json.loads(record.value)
        self.paired.update((made["topic"], made["partition"], event[0]) for event in made["events"])

    def _record(self, record: Any) -> None:
        place = (record.topic, record.partition, record.offset)
        origin = dict(record.headers).get(ORIGIN)
        if origin is not None:
            self.copies[origin.decode("utf-8", "replace")] = place
        try:
            event_id = json.loads(record.value)["event_id"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return  # poison
        if isinstance(event_id, str):
            self.records[place] = event_id

    def _dead_letter(self, record: Any) -> None:
        said = {name: value.decode() for name, value in record.headers if name in _SAID}
        place = (said["penchant.topic"], int(said["penchant.partition"]), int(said["penchant.offset"]))
        self.dead_letters.setdefault(place, []).append(SeenDeadLetter(record.key, record.value, said["penchant.error"]))


class Watcher(Observed):
    """Reads it all, once: `look` reads on."""

    def __init__(self, bootstrap: str, topics: Topics, partitions: int, before: Observed | None = None) -> None:
        super().__init__(topics, before)
        self._consumer = BlockingConsumer(
            bootstrap_servers=bootstrap, enable_auto_commit=False, fetch_max_wait_ms=10, reconnect_backoff_max_ms=500
        )
        several = [topics.recommendations, topics.receipts, topics.item_vectors, topics.clicks, topics.reviews]
        several += [topics.dlq(topic) for topic in Topic if topic.value.dead_letters]
        places = [TopicPartition(name, number) for name in several for number in range(partitions)]
        self._consumer.assign([*places, TopicPartition(topics.covisits, 0)])
        self._consumer.seek_to_beginning()

    def look(self) -> "Watcher":
        """Read what came since."""
        for records in self._consumer.poll(timeout_ms=50, max_records=5000).values():
            for record in records:
                self.take(record)
        return self

    def close(self) -> None:
        """Hang up."""
        self._consumer.close()
