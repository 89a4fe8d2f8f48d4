"""Reads the dead letters of a broker, sends chosen ones back to where they came from, and remembers which."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Any, Self

import msgspec
from kafka import TopicPartition
from kafka.errors import MessageSizeTooLargeError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.dlq.dead_letter_record import (
    DEAD_LETTER_TOPICS,
    DeadLetterFilter,
    DeadLetterRecord,
    Offsets,
    RedriveCopy,
    copy_of,
    originals,
    read_dead_letter,
)
from deploy.events.confirmed_producer import DELIVERY_TIMEOUT_MS, confirmed_producer
from penchant.errors import Misconfigured, Unavailable
from penchant.kafka.blocking import BlockingConsumer
from penchant.kafka.missing_rights import missing_right
from penchant.topics import MAX_MESSAGE_BYTES, Topic, Topics
from serving.kafka.admin import describe, end_offsets, open_admin, partitions_of, read_topic, reader, translated
from serving.kafka.brokers import AnyBrokers
from serving.terminal.printing import console

__all__ = ["RedrivePlan", "open_dead_letters", "preview", "redrive"]

_MARK_EVERY = 500  # dead letters; also the most that a redrive that is killed sends again
_MARK_EVERY_S = 1.0


class _RedrivenRanges(msgspec.Struct, frozen=True):
    """The value on meta.v1 under `redriven TOPIC.dlq PARTITION`: ranges of offsets whose dead letters were sent back.

    topic_id: which topic of that name is meant; one that was created again begins without ranges.
    """

    topic_id: str
    ranges: list[tuple[int, int]]


class RedriveLog:
    """Which dead letters were sent back, as far as `meta.v1` tells. They die with the topics they speak of."""

    def __init__(self, brokers: AnyBrokers, topics: Topics) -> None:
        """Read them. Raises `Unavailable`; `Misconfigured` if a dead-letter topic is missing."""
        self._topics = topics
        names = [topics.meta, *(topics.dlq(topic) for topic in DEAD_LETTER_TOPICS)]
        with open_admin(brokers) as admin:
            found = describe(admin, names)
        if missing := [name for name in names if name not in found]:
            raise Misconfigured(
                f"topics are missing: {', '.join(missing)}; "
                "create them with `penchant topics create`, or check --prefix"
            )
        self._ids = {name: str(topic.get("topic_id")) for name, topic in found.items()}
        newest = {record.key: record.value for record in read_topic(brokers, topics.meta) if record.value is not None}
        self._offsets: dict[tuple[Topic, int], Offsets] = {}
        for topic in DEAD_LETTER_TOPICS:
            name = topics.dlq(topic)
            for partition in range(len(found[name]["partitions"])):
                value = newest.get(self._key(topic, partition))
                mark = _RedrivenRanges("", []) if value is None else msgspec.json.decode(value, type=_RedrivenRanges)
                self._offsets[topic, partition] = Offsets(mark.ranges if mark.topic_id == self._ids[name] else ())

    def __contains__(self, dead_letter: DeadLetterRecord) -> bool:
        return dead_letter.offset in self._offsets[dead_letter.topic, dead_letter.partition]

    def add(self, dead_letters: list[DeadLetterRecord]) -> list[tuple[bytes, bytes]]:
        """Note dead letters as sent back. Returns the keys and values that have to be written for it."""
        for dead_letter in dead_letters:
            self._offsets[dead_letter.topic, dead_letter.partition].add(dead_letter.offset)
        places = dict.fromkeys((dead_letter.topic, dead_letter.partition) for dead_letter in dead_letters)
        return [(self._key(*place), msgspec.json.encode(self._mark(*place))) for place in places]

    def forget_below(self, topic: Topic, partition: int, offset: int) -> None:
        """Forget dead letters that the topic no longer holds."""
        self._offsets[topic, partition].drop_below(offset)

    def _mark(self, topic: Topic, partition: int) -> _RedrivenRanges:
        return _RedrivenRanges(self._ids[self._topics.dlq(topic)], self._offsets[topic, partition].ranges())

    def _key(self, topic: Topic, partition: int) -> bytes:
        return f"redriven {self._topics.dlq(topic)} {partition}".encode()


class DeadLetters:
    """The dead letters that stood on their topics at one moment; read as often as is needed."""

    def __init__(
        self, consumer: BlockingConsumer, topics: Topics, chosen: DeadLetterFilter, redrive_log: RedriveLog
    ) -> None:
        self._consumer = consumer
        self._topics = topics
        self._of = {topics.dlq(topic): topic for topic in DEAD_LETTER_TOPICS}
        self._chosen = chosen
        names = [name for name, topic in self._of.items() if topic in (chosen.topics or self._of.values())]
        partitions = [partition for name in names for partition in partitions_of(consumer, name)]
        for partition, first in consumer.beginning_offsets(partitions).items():
            redrive_log.forget_below(self._of[partition.topic], partition.partition, first)
        self._ends: dict[TopicPartition, int] = end_offsets(consumer, partitions)

    def read(self, *only: Topic) -> Iterator[DeadLetterRecord]:
        """The chosen dead letters, of all topics or of some; each partition's from the oldest on."""
        ends = {at: end for at, end in self._ends.items() if not only or self._of[at.topic] in only}
        if not ends:
            return
        self._consumer.assign(list(ends))
        self._consumer.seek_to_beginning(*ends)
        while any(self._consumer.position(partition) < end for partition, end in ends.items()):
            for partition, records in self._consumer.poll(timeout_ms=1000).items():
                topic = self._of[partition.topic]
                for record in records:
                    dead_letter = read_dead_letter(topic, self._topics.name(topic), record)
                    if record.offset < ends[partition] and self._chosen.matches(dead_letter):
                        yield dead_letter


@contextmanager
def open_dead_letters(
    brokers: AnyBrokers, topics: Topics, chosen: DeadLetterFilter
) -> Iterator[tuple[DeadLetters, RedriveLog]]:
    """Open the dead letters that `chosen` means, and what is known of earlier redrives.

    Raises `Unavailable`; `Misconfigured` if a dead-letter topic is missing.
    """
    redrive_log = RedriveLog(brokers, topics)
    with reader(brokers) as consumer:
        yield DeadLetters(consumer, topics, chosen, redrive_log), redrive_log


@dataclass(frozen=True, slots=True)
class RedrivePlan:
    """What a redrive is to do. most: dead letters at most. per_s: dead letters a second at most. None: no bound.

    again: also those that were sent back before.
    """

    most: int | None = None
    per_s: float | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Unsent:
    """Where a dead letter lies that cannot be sent back, and why."""

    topic: Topic
    partition: int
    offset: int
    why: str


@dataclass(frozen=True, slots=True)
class Redriven:
    """The result: how many were sent back (or would be) by topic and reason, and which were not."""

    sent: Counter[tuple[Topic, str]]
    left: list[Unsent]


def _in_order(dead_letters: DeadLetters, redrive_log: RedriveLog, plan: RedrivePlan) -> Iterator[DeadLetterRecord]:
    """The dead letters of a redrive: erasures first, so that nobody waits to be forgotten behind a million clicks."""
    erasures = (dead_letter for dead_letter in dead_letters.read(Topic.COMMANDS) if dead_letter.erasure)
    others = (dead_letter for dead_letter in dead_letters.read() if not dead_letter.erasure)
    meant = (
        dead_letter
        for some in (erasures, others)
        for dead_letter in some
        if plan.again or dead_letter not in redrive_log
    )
    return islice(meant, plan.most)


def preview(dead_letters: DeadLetters, redrive_log: RedriveLog, plan: RedrivePlan) -> Redriven:
    """Tell what `redrive` would do; nothing is sent."""
    result = Redriven(Counter(), [])
    for dead_letter in _in_order(dead_letters, redrive_log, plan):
        _count(result, dead_letter, _unsendable(dead_letter))
    return result


def redrive(
    brokers: AnyBrokers, topics: Topics, dead_letters: DeadLetters, redrive_log: RedriveLog, plan: RedrivePlan
) -> Redriven:
    """Send dead letters back, each once; on a terminal with a progress bar on standard error.

    Raises `Unavailable` if the broker does not confirm; what it confirmed before is remembered.
    """
    total = sum(1 for _ in _in_order(dead_letters, redrive_log, plan))
    result = Redriven(Counter(), [])
    bar = Progress(
        TextColumn("redriving"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("letters"),
        TimeElapsedColumn(),
        console=console(err=True),
        disable=not sys.stderr.isatty(),
    )
    with bar, _Sender(brokers, topics, redrive_log, plan.per_s) as sender:
        for dead_letter in bar.track(_in_order(dead_letters, redrive_log, plan), total=total):
            _count(result, dead_letter, _unsendable(dead_letter) or sender.send(dead_letter))
    return result


def _count(result: Redriven, dead_letter: DeadLetterRecord, why_not: str | None) -> None:
    if why_not is None:
        result.sent[dead_letter.topic, dead_letter.reason] += 1
    else:
        result.left.append(Unsent(dead_letter.topic, dead_letter.partition, dead_letter.offset, why_not))


def _unsendable(dead_letter: DeadLetterRecord) -> str | None:
    try:
        originals(dead_letter)
    except ValueError as error:
        return str(error)
    return None


class _Sender:
    """A producer for one block, which notes what the broker confirmed: every second, and at the end."""

    def __init__(self, brokers: AnyBrokers, topics: Topics, redrive_log: RedriveLog, per_s: float | None) -> None:
        self._brokers = brokers
        self._topics = topics
        self._redrive_log = redrive_log
        self._interval_s = 0.0 if per_s is None else 1 / per_s
        self._due = self._marked = time.monotonic()
        self._pending: list[tuple[DeadLetterRecord, Any]] = []

    def __enter__(self) -> Self:
        names = {topic: self._topics.name(topic) for topic in DEAD_LETTER_TOPICS}
        with open_admin(self._brokers) as admin:
            found = describe(admin, list(names.values()))
        if missing := [name for name in names.values() if name not in found]:
            raise Misconfigured(f"topics are missing: {', '.join(missing)}; create them with `penchant topics create`")
        self._partitions = {topic: len(found[name]["partitions"]) for topic, name in names.items()}
        self._producer = confirmed_producer(self._brokers)
        return self

    def send(self, dead_letter: DeadLetterRecord) -> str | None:
        """Send one, no sooner than the rate allows. What comes back says why it cannot be sent."""
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = max(self._due, time.monotonic() - self._interval_s) + self._interval_s
        for original in originals(dead_letter):
            if why := self._send(dead_letter, copy_of(original, self._topics, self._partitions[dead_letter.topic])):
                return why
        if len(self._pending) >= _MARK_EVERY or time.monotonic() - self._marked > _MARK_EVERY_S:
            self._settle()
        return None

    def _send(self, dead_letter: DeadLetterRecord, copy: RedriveCopy) -> str | None:
        try:
            with translated(self._brokers):
                future = self._producer.send(
                    self._topics.name(copy.topic),
                    key=copy.key,
                    value=copy.value,
                    headers=list(copy.headers),
                    partition=copy.partition,
                    timestamp_ms=copy.timestamp_ms,
                )
        except Unavailable as error:
            if isinstance(error.__cause__, MessageSizeTooLargeError):
                return f"with its headers it is larger than {MAX_MESSAGE_BYTES} bytes"
            raise
        self._pending.append((dead_letter, future))
        return None

    def _settle(self) -> None:
        """Wait for the broker, mark what it confirmed, and raise `Unavailable` if it did not confirm everything."""
        pending, self._pending = self._pending, []
        with translated(self._brokers):
            try:
                self._producer.flush(timeout=DELIVERY_TIMEOUT_MS / 1000)
            finally:
                lost = {id(dead_letter) for dead_letter, future in pending if not future.succeeded()}
                confirmed = [
                    dead_letter for dead_letter, _ in pending if id(dead_letter) not in lost
                ]  # of a batch every record
                marked = [
                    self._producer.send(self._topics.meta, key=key, value=value, partition=0)
                    for key, value in self._redrive_log.add(confirmed)
                ]
            for future in marked:
                future.get(timeout=DELIVERY_TIMEOUT_MS / 1000)
        self._marked = time.monotonic()
        if any(refusals := [missing_right(future.exception) for _, future in pending if not future.succeeded()]):
            raise Misconfigured(next(filter(None, refusals)))
        if failed := [future.exception for _, future in pending if not future.succeeded()]:
            raise Unavailable(
                f"{len(failed)} dead letters were not confirmed ({failed[0]}): run it again, those that were confirmed "
                "are not sent twice"
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._settle()  # after an interrupt too: what went out is remembered
        finally:
            self._producer.close(timeout=1)
