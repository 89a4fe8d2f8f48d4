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
from kafka import KafkaProducer, TopicPartition
from kafka.errors import MessageSizeTooLargeError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.dlq.letter import DEAD_LETTER_TOPICS, Copy, Filter, Letter, Offsets, copy_of, originals, read_letter
from penchant.errors import Misconfigured, Unavailable
from penchant.topics import MAX_MESSAGE_BYTES, Topic, Topics
from serving.kafka.admin import describe, end_offsets, open_admin, partitions_of, read_topic, reader, translated
from serving.kafka.blocking import Consumer
from serving.terminal.printing import console

MARK_EVERY = 500  # letters; also the most that a redrive that is killed sends again
MARK_EVERY_S = 1.0
DELIVERY_TIMEOUT_MS = 60_000


class Mark(msgspec.Struct, frozen=True):
    """What stands on meta.v1 under `redriven TOPIC.dlq PARTITION`: ranges of the letters' offsets that were sent back.

    topic_id: which topic of that name is meant; one that was made anew begins without marks.
    """

    topic_id: str
    ranges: list[tuple[int, int]]


class Marks:
    """Which letters were sent back, as far as `meta.v1` tells. They die with the topics they speak of."""

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        """Read them. Raises `Unavailable`; `Misconfigured` if a dead-letter topic is missing."""
        self._topics = topics
        names = [topics.meta, *(topics.dlq(topic) for topic in DEAD_LETTER_TOPICS)]
        with open_admin(bootstrap) as admin:
            found = describe(admin, names)
        if missing := [name for name in names if name not in found]:
            raise Misconfigured(
                f"topics are missing: {', '.join(missing)}; "
                "create them with `penchant topics create`, or check --prefix"
            )
        self._ids = {name: str(topic.get("topic_id")) for name, topic in found.items()}
        newest = {record.key: record.value for record in read_topic(bootstrap, topics.meta) if record.value is not None}
        self._offsets: dict[tuple[Topic, int], Offsets] = {}
        for topic in DEAD_LETTER_TOPICS:
            name = topics.dlq(topic)
            for partition in range(len(found[name]["partitions"])):
                value = newest.get(self._key(topic, partition))
                mark = Mark("", []) if value is None else msgspec.json.decode(value, type=Mark)
                self._offsets[topic, partition] = Offsets(mark.ranges if mark.topic_id == self._ids[name] else ())

    def __contains__(self, letter: Letter) -> bool:
        return letter.offset in self._offsets[letter.topic, letter.partition]

    def add(self, letters: list[Letter]) -> list[tuple[bytes, bytes]]:
        """Note letters as sent back. Returns the keys and values that have to be written for it."""
        for letter in letters:
            self._offsets[letter.topic, letter.partition].add(letter.offset)
        places = dict.fromkeys((letter.topic, letter.partition) for letter in letters)
        return [(self._key(*place), msgspec.json.encode(self._mark(*place))) for place in places]

    def forget_below(self, topic: Topic, partition: int, offset: int) -> None:
        """Forget letters that the topic no longer holds."""
        self._offsets[topic, partition].drop_below(offset)

    def _mark(self, topic: Topic, partition: int) -> Mark:
        return Mark(self._ids[self._topics.dlq(topic)], self._offsets[topic, partition].ranges())

    def _key(self, topic: Topic, partition: int) -> bytes:
        return f"redriven {self._topics.dlq(topic)} {partition}".encode()


class DeadLetters:
    """The letters that stood on their topics at one moment; read as often as is needed."""

    def __init__(self, consumer: Consumer, topics: Topics, chosen: Filter, marks: Marks) -> None:
        self._consumer = consumer
        self._topics = topics
        self._of = {topics.dlq(topic): topic for topic in DEAD_LETTER_TOPICS}
        self._chosen = chosen
        names = [name for name, topic in self._of.items() if topic in (chosen.topics or self._of.values())]
        partitions = [partition for name in names for partition in partitions_of(consumer, name)]
        for partition, first in consumer.beginning_offsets(partitions).items():
            marks.forget_below(self._of[partition.topic], partition.partition, first)
        self._ends: dict[TopicPartition, int] = end_offsets(consumer, partitions)

    def read(self, *only: Topic) -> Iterator[Letter]:
        """The chosen letters, of all topics or of some; each partition's from the oldest on."""
        ends = {at: end for at, end in self._ends.items() if not only or self._of[at.topic] in only}
        if not ends:
            return
        self._consumer.assign(list(ends))
        self._consumer.seek_to_beginning(*ends)
        while any(self._consumer.position(partition) < end for partition, end in ends.items()):
            for partition, records in self._consumer.poll(timeout_ms=1000).items():
                topic = self._of[partition.topic]
                for record in records:
                    letter = read_letter(topic, self._topics.name(topic), record)
                    if record.offset < ends[partition] and self._chosen.matches(letter):
                        yield letter


@contextmanager
def open_dead_letters(bootstrap: str, topics: Topics, chosen: Filter) -> Iterator[tuple[DeadLetters, Marks]]:
    """Open the letters that `chosen` means, and what is known of earlier redrives.

    Raises `Unavailable`; `Misconfigured` if a dead-letter topic is missing.
    """
    marks = Marks(bootstrap, topics)
    with reader(bootstrap) as consumer:
        yield DeadLetters(consumer, topics, chosen, marks), marks


@dataclass(frozen=True, slots=True)
class Plan:
    """What a redrive is to do. most: letters at most. per_s: letters a second at most. None: no bound.

    again: also those that were sent back before.
    """

    most: int | None = None
    per_s: float | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """Where a letter lies that cannot be sent back, and why."""

    topic: Topic
    partition: int
    offset: int
    why: str


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of the letters: how many were sent back (or would be) by topic and reason, and which were not."""

    sent: Counter[tuple[Topic, str]]
    left: list[Left]


def in_order(letters: DeadLetters, marks: Marks, plan: Plan) -> Iterator[Letter]:
    """The letters of a redrive: erasures first, so that nobody waits to be forgotten behind a million clicks."""
    erasures = (letter for letter in letters.read(Topic.COMMANDS) if letter.erasure)
    others = (letter for letter in letters.read() if not letter.erasure)
    meant = (letter for some in (erasures, others) for letter in some if plan.again or letter not in marks)
    return islice(meant, plan.most)


def preview(letters: DeadLetters, marks: Marks, plan: Plan) -> Redriven:
    """Tell what `redrive` would do; nothing is sent."""
    result = Redriven(Counter(), [])
    for letter in in_order(letters, marks, plan):
        _count(result, letter, _unsendable(letter))
    return result


def redrive(bootstrap: str, topics: Topics, letters: DeadLetters, marks: Marks, plan: Plan) -> Redriven:
    """Send letters back, each once; on a terminal with a progress bar on standard error.

    Raises `Unavailable` if the broker does not confirm; what it confirmed before is remembered.
    """
    total = sum(1 for _ in in_order(letters, marks, plan))
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
    with bar, _Sender(bootstrap, topics, marks, plan.per_s) as sender:
        for letter in bar.track(in_order(letters, marks, plan), total=total):
            _count(result, letter, _unsendable(letter) or sender.send(letter))
    return result


def _count(result: Redriven, letter: Letter, why_not: str | None) -> None:
    if why_not is None:
        result.sent[letter.topic, letter.reason] += 1
    else:
        result.left.append(Left(letter.topic, letter.partition, letter.offset, why_not))


def _unsendable(letter: Letter) -> str | None:
    try:
        originals(letter)
    except ValueError as error:
        return str(error)
    return None


class _Sender:
    """A producer for one block, which marks what the broker confirmed: every second, and at the end."""

    def __init__(self, bootstrap: str, topics: Topics, marks: Marks, per_s: float | None) -> None:
        self._bootstrap = bootstrap
        self._topics = topics
        self._marks = marks
        self._interval_s = 0.0 if per_s is None else 1 / per_s
        self._due = self._marked = time.monotonic()
        self._pending: list[tuple[Letter, Any]] = []

    def __enter__(self) -> Self:
        names = {topic: self._topics.name(topic) for topic in DEAD_LETTER_TOPICS}
        with open_admin(self._bootstrap) as admin:
            found = describe(admin, list(names.values()))
        if missing := [name for name in names.values() if name not in found]:
            raise Misconfigured(f"topics are missing: {', '.join(missing)}; create them with `penchant topics create`")
        self._partitions = {topic: len(found[name]["partitions"]) for topic, name in names.items()}
        with translated(self._bootstrap):
            self._producer = KafkaProducer(
                bootstrap_servers=self._bootstrap.split(","),
                acks="all",
                linger_ms=5,
                max_request_size=MAX_MESSAGE_BYTES,
                delivery_timeout_ms=DELIVERY_TIMEOUT_MS,
            )
        return self

    def send(self, letter: Letter) -> str | None:
        """Send one, no sooner than the rate allows. What comes back says why it cannot be sent."""
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = max(self._due, time.monotonic() - self._interval_s) + self._interval_s
        for original in originals(letter):
            if why := self._send(letter, copy_of(original, self._topics, self._partitions[letter.topic])):
                return why
        if len(self._pending) >= MARK_EVERY or time.monotonic() - self._marked > MARK_EVERY_S:
            self._settle()
        return None

    def _send(self, letter: Letter, copy: Copy) -> str | None:
        try:
            with translated(self._bootstrap):
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
        self._pending.append((letter, future))
        return None

    def _settle(self) -> None:
        """Wait for the broker, mark what it confirmed, and raise `Unavailable` if it did not confirm everything."""
        pending, self._pending = self._pending, []
        with translated(self._bootstrap):
            try:
                self._producer.flush(timeout=DELIVERY_TIMEOUT_MS / 1000)
            finally:
                lost = {id(letter) for letter, future in pending if not future.succeeded()}
                confirmed = [letter for letter, _ in pending if id(letter) not in lost]  # of a batch every record
                marked = [
                    self._producer.send(self._topics.meta, key=key, value=value, partition=0)
                    for key, value in self._marks.add(confirmed)
                ]
            for future in marked:
                future.get(timeout=DELIVERY_TIMEOUT_MS / 1000)
        self._marked = time.monotonic()
        if failed := [future.exception for _, future in pending if not future.succeeded()]:
            raise Unavailable(
                f"{len(failed)} letters were not confirmed ({failed[0]}): run it again, those that were confirmed "
                "are not sent twice"
            )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._settle()  # after an interrupt too: what went out is remembered
        finally:
            self._producer.close(timeout=1)
