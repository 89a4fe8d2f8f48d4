"""What stands on the topics in the end, and so what became of each record that was sent."""

import json
import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kafka import TopicPartition

from penchant.kafka.blocking import BlockingConsumer
from penchant.topics import Topic, Topics
from stream.events.decoder import CommandEvent, Decoder, Event
from stream.events.records import ORIGIN, Record, Reroute
from stream.events.weights import load_weights
from tests.support.system import now_ms

Position = tuple[str, int, int]
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Account:
    """What became of the records of the topics that people write to. `left`: those of which nothing is known."""

    counts: Counter[str] = field(default_factory=Counter)
    left: list[Position] = field(default_factory=list)


class Ledger:
    """Reads everything, from its beginning on, with a reader that withstands what workers withstand."""

    def __init__(self, bootstrap: str, topics: Topics, partitions: int) -> None:
        self._topics = topics
        self._decoder = Decoder(topics, load_weights(), partitions, {}, clock=now_ms)
        self.inputs: dict[Position, Record] = {}
        self.dead_letters: list[Any] = []
        self.named: set[Position] = set()
        self.named_more = 0
        self.event_seen_s: dict[str, float] = {}  # event id -> when a list that names it was read
        self.receipts: set[str] = set()
        self.vectors: set[str] = set()
        self._ours = {topics.name(topic): topic for topic in Topic if topic.value.dead_letters}
        dead = {topics.dlq(topic) for topic in self._ours.values()}
        names = {*self._ours, *dead, topics.recommendations, topics.receipts, topics.item_vectors}
        self._dead = dead
        self._consumer = BlockingConsumer(
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            fetch_max_wait_ms=10,
            max_partition_fetch_bytes=8 * 1024 * 1024,
        )
        self._consumer.assign([TopicPartition(name, n) for name in names for n in range(partitions)])
        self._consumer.seek_to_beginning()

    def read(self) -> int:
        """Take in what has come. Returns how many records that were."""
        found = 0
        for partition, records in self._consumer.poll(timeout_ms=20, max_records=5000).items():
            found += len(records)
            for record in records:
                self._take(partition.topic, record)
        return found

    def close(self) -> None:
        """Hang up."""
        self._consumer.close()

    def _take(self, topic: str, record: Any) -> None:
        if topic in self._ours:
            headers = tuple((name, value or b"") for name, value in record.headers)
            self.inputs[topic, record.partition, record.offset] = Record(
                topic, record.partition, record.offset, record.timestamp, record.key, record.value, headers
            )
        elif topic in self._dead:
            self.dead_letters.append(record)
        elif topic == self._topics.recommendations and record.value is not None:
            made = json.loads(record.value)
            self.named_more += made.get("folded_more", 0)
            now_s = time.monotonic()
            for each in made["folded"]:
                self.named.add((each["topic"], each["partition"], each["offset"]))
                self.event_seen_s.setdefault(each["event_id"], now_s)
        elif topic == self._topics.receipts:
            self.receipts.add(json.loads(record.value)["command_id"])
        elif topic == self._topics.item_vectors:
            self.vectors.add(record.key.decode("utf-8", "replace"))

    def dead_places(self) -> Iterator[Position]:
        """Of which records dead letters tell."""
        for dead_letter in self.dead_letters:
            told = dict(dead_letter.headers)
            at = [told.get(f"penchant.{name}", b"").decode("utf-8", "replace") for name in ("partition", "offset")]
            if all(each.isdecimal() for each in at):
                yield told["penchant.topic"].decode(), int(at[0]), int(at[1])

    def reasons(self) -> Counter[str]:
        """How many dead letters there are of each reason."""
        return Counter(dict(each.headers).get("penchant.error", b"none").decode() for each in self.dead_letters)

    def users(self, places: Iterable[Position]) -> set[str]:
        """Whose records lie there, as far as they can be read."""
        records = (self.inputs[place] for place in places if place in self.inputs)
        events = (self._event(record) for record in records if record.topic != self._topics.items)
        return {event.user_id for event in events if event is not None}

    def account(self, sent: Iterable[Position]) -> Account:
        """What became of what was sent; a record that was forwarded is followed to where its copy lies."""
        account = Account()
        dead, copies, erased = set(self.dead_places()), self._copies(), self._erased()
        for place in sorted(sent):
            what = self._fate(copies.get(place, place), dead, erased)
            if place in copies:
                account.counts["forwarded"] += 1
            account.counts[what or "left"] += 1
            if what is None:
                account.left.append(place)
        return account

    def _fate(self, place: Position, dead: set[Position], erased: set[str]) -> str | None:
        record = self.inputs.get(place)
        if place in dead or place in self.named:
            return "dead letter" if place in dead else "named by a list"
        if record is None:
            return None
        if place[0] == self._topics.items:
            return "item" if self._item_is_there(record) else None
        event = self._event(record)
        if isinstance(event, CommandEvent) and event.event_id in self.receipts:
            return "receipt"
        return "erased" if event is not None and event.user_id in erased else None

    def _item_is_there(self, record: Record) -> bool:
        """Of several in one batch the newest counts, so any vector of that id will do."""
        named = record.key.decode("utf-8", "replace") if record.key is not None else ""
        try:
            body = json.loads(record.value or b"null")
        except ValueError:
            body = None
        ids = [named, *_ids(body)]
        return any(each in self.vectors for each in ids)

    def _copies(self) -> dict[Position, Position]:
        """Where the copy of a record lies that was forwarded."""
        copies = {}
        for place, record in self.inputs.items():
            topic, partition, offset = (record.header(ORIGIN) or "").rsplit("-", 2) if _came_over(record) else ("",) * 3
            if topic in self._ours and partition.isdecimal() and offset.isdecimal():
                copies[topic, int(partition), int(offset)] = place
        return copies

    def _erased(self) -> set[str]:
        """Who was erased, and whoever was one person with them by any merge."""
        person: dict[str, set[str]] = {}
        erased: set[str] = set()
        for record in self.inputs.values():
            if record.topic != self._topics.commands:
                continue
            event = self._event(record)
            if not isinstance(event, CommandEvent):
                continue
            user, other = event.user_id, event.command.anonymous_id
            if event.command.type == "erase":
                erased.add(user)
            elif event.command.type == "merge" and other:
                both = person.get(user, {user}) | person.get(other, {other})
                person |= dict.fromkeys(both, both)
        return erased | {each for user in erased for each in person.get(user, set())}

    def _event(self, record: Record) -> Event | CommandEvent | Reroute | None:
        """What a worker reads in it; None if nothing."""
        try:
            return self._decoder.decode(record)
        except Exception:  # noqa: BLE001 - what a worker makes of it is what is looked for
            return None


def _came_over(record: Record) -> bool:
    return (record.header(ORIGIN) or "").count("-") >= 2


def _ids(body: Any) -> Iterator[str]:
    """Every item id that a message may mean, in whatever it is wrapped."""
    if isinstance(body, dict):
        for name, value in body.items():
            if name == "item_id" and isinstance(value, str):
                yield value
            yield from _ids(value)
