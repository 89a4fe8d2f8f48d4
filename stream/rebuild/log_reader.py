"""Topics read again: where they begin and end, and their records merged over partitions by their own timestamps.

The order in which a worker took records in is not kept anywhere; by the laws of interest it does not matter. Through
aiokafka, which reads about ten times as fast as kafka-python.
"""

import asyncio
import heapq
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from penchant.errors import Misconfigured, Unavailable
from penchant.kafka.missing_rights import missing_right
from serving.kafka.admin import READ_WAIT_MS
from serving.kafka.asynchronous import committed_end, consumer, unreadable
from serving.kafka.brokers import AnyBrokers
from stream.events.records import Record

__all__ = ["Place"]

Place = tuple[str, int]  # topic and partition
Span = tuple[int, int]  # from an offset on, up to another

CHUNK = 16_384  # records yielded at once: a user's state is opened and packed once for all of theirs among them
_SPAN_MS = 3_600_000  # of log time that a chunk has at most: what waits expires, after a day or more, between two
_READ_AHEAD = 20_000  # records of one partition that wait for slower ones
_PATIENCE_S = 30.0


class LogReader:
    """Reads spans of partitions, outside any group. Use it in `async with`; one thing at a time."""

    def __init__(self, brokers: AnyBrokers) -> None:
        self._brokers = brokers
        # Any: aiokafka has no types.
        self._consumer: Any = None

    async def __aenter__(self) -> Self:
        with self._translated():
            self._consumer = consumer(self._brokers, fetch_max_wait_ms=READ_WAIT_MS)
            await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def partitions(self, topic: str) -> list[Place]:
        """The partitions of a topic; none if it is missing."""
        with self._translated():
            # The consumer's own table has only topics that it was told to read.
            every = await self._consumer._client.fetch_all_metadata()
        return [(topic, number) for number in sorted(every.partitions_for_topic(topic) or ())]

    async def starts(self, places: Iterable[Place]) -> dict[Place, int]:
        """The first offset that each partition still has: above 0 where retention has taken records away."""
        with self._translated():
            told = await self._consumer.beginning_offsets([TopicPartition(*place) for place in places])
        return {(tp.topic, tp.partition): offset for tp, offset in told.items()}

    async def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """The offset after the last record of each partition that can be read: what a transaction keeps back is not."""
        tps = [TopicPartition(*place) for place in places]
        if not tps:
            return {}
        with self._translated():
            self._consumer.assign(tps)
            await self._consumer.seek_to_end(*tps)
            deadline = time.monotonic() + _PATIENCE_S
            while missing := [tp for tp in tps if committed_end(self._consumer, tp) is None]:
                if time.monotonic() > deadline:
                    raise Unavailable(f"the broker did not tell where {missing[0].topic} ends in {_PATIENCE_S:.0f} s")
                await self._consumer.getmany(timeout_ms=100)
            return {(tp.topic, tp.partition): committed_end(self._consumer, tp) or 0 for tp in tps}

    async def read(self, spans: Mapping[Place, Span]) -> AsyncIterator[list[Record]]:
        """The records of some spans, at most `CHUNK` and an hour at a time, oldest first; by partition in their order.

        Raises Unavailable if the broker is away, or if a partition ends before its span does.
        """
        merge = _Merge({place: end for place, (start, end) in spans.items() if start < end})
        if not merge.open:
            return
        tps = {TopicPartition(*place): spans[place][0] for place in merge.open}
        with self._translated():
            self._consumer.assign(list(tps))
            for tp, start in tps.items():
                self._consumer.seek(tp, start)
        heard = time.monotonic()
        while merge.open or merge.ready:
            with self._translated():
                if merge.lacking:
                    if await self._fill(merge):
                        heard = time.monotonic()
                    elif time.monotonic() - heard > _PATIENCE_S:
                        topic, number = min(merge.lacking)
                        raise Unavailable(
                            f"nothing came from partition {number} of {topic} for {_PATIENCE_S:.0f} s, and it should "
                            f"go on to offset {merge.open[topic, number]}: is the broker well, and the topic the same?"
                        )
            for chunk in merge.chunks():
                yield chunk
                await asyncio.sleep(0)

    async def _fill(self, merge: "_Merge") -> bool:
        """Take over what was fetched. Returns whether anything was."""
        for tp in self._consumer.assignment():
            place = (tp.topic, tp.partition)
            if place not in merge.open or len(merge.buffers[place]) > _READ_AHEAD:
                self._consumer.pause(tp)
            else:
                self._consumer.resume(tp)
        fetched = await self._consumer.getmany(timeout_ms=200)
        for tp, messages in fetched.items():
            merge.add((tp.topic, tp.partition), messages)
        for topic, number in list(merge.open):  # a transaction's marker is no record, but moves the position
            merge.reached((topic, number), await self._consumer.position(TopicPartition(topic, number)))
        return bool(fetched)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (KafkaError, OSError) as error:
            if (refused := missing_right(error)) is not None:
                raise Misconfigured(refused) from error
            raise Unavailable(
                f"the broker at {self._brokers} cannot be read ({error or type(error).__name__}): start it, or say "
                "where it is with --bootstrap or PENCHANT_BOOTSTRAP"
            ) from error


class _Merge:
    """Records of several partitions on their way into one sequence by timestamp. `open`: where each span ends."""

    def __init__(self, ends: Mapping[Place, int]) -> None:
        self.open = dict(ends)
        self.buffers: dict[Place, deque[Record]] = {place: deque() for place in ends}
        self._ends = dict(ends)
        self._heads: list[tuple[int, Place]] = []

    @property
    def lacking(self) -> set[Place]:
        """The partitions without which nobody knows what is oldest."""
        return {place for place in self.open if not self.buffers[place]}

    @property
    def ready(self) -> bool:
        """Whether records are left."""
        return bool(self._heads)

    def add(self, place: Place, messages: Iterable[Any]) -> None:
        """Take over messages of a partition, in its order; those beyond the span are not wanted."""
        buffer = self.buffers.get(place)
        if buffer is None:
            return
        was_empty = not buffer
        buffer.extend(
            _record(message)
            for message in messages
            if message.offset < self._ends[place] and unreadable(message) is None  # it was a dead letter then, too
        )
        if was_empty and buffer:
            heapq.heappush(self._heads, (buffer[0].timestamp_ms, place))

    def reached(self, place: Place, position: int) -> None:
        """Note how far a partition was read."""
        if position >= self.open[place]:
            del self.open[place]

    def chunks(self) -> Iterator[list[Record]]:
        """What can be yielded now."""
        while self._heads and not self.lacking:
            chunk: list[Record] = []
            latest_ms = self._heads[0][0] + _SPAN_MS
            while self._heads and len(chunk) < CHUNK and self._heads[0][0] <= latest_ms:
                _, place = self._heads[0]
                buffer = self.buffers[place]
                chunk.append(buffer.popleft())
                if buffer:
                    heapq.heapreplace(self._heads, (buffer[0].timestamp_ms, place))
                else:
                    heapq.heappop(self._heads)
                    if place in self.open:
                        break
            yield chunk


def _record(message: Any) -> Record:
    return Record(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp_ms=message.timestamp,
        key=message.key,
        value=message.value,
        headers=tuple((name, value if value is not None else b"") for name, value in message.headers),
    )
