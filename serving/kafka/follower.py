"""A consumer without a group that follows a whole topic: every process keeps its own copy of its content in memory."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from penchant.errors import Misconfigured, PenchantError
from penchant.kafka.missing_rights import missing_right
from penchant.topics import position_of
from serving.kafka.asynchronous import committed_end, consumer, unreadable
from serving.kafka.brokers import AnyBrokers
from serving.kafka.paced_fetches import pace
from serving.kafka.polled_fetches import poll

_log = logging.getLogger(__name__)
_MOST_AT_ONCE = 256
_AT_A_TIME_S = 0.002  # of records between two looks at the rest of the process, whose lists must not wait for them
_CATCHING_UP_MS, _IDLE_MS = 200, 5000  # between two looks at whether it has, where nothing comes; else for records
_APART_S = 0.01  # of fetches of few records
_LONGEST_PAUSE_S = 1.0  # of an idle topic, where the broker cannot hold a fetch
_MOST_FAILURES = 100  # records that cannot be applied: then it is not the records


class Follower:
    """Hands every record of a topic to `apply(key, value)`, in order by partition, from the first one on.

    `start`, or `connect` and then `follow` from the offsets of a snapshot. `caught_up` is set once it has applied all
    that stood on the topic when it started. `reached`: partition -> the offset after the last record applied; it
    changes together with what `apply` changes. A record that cannot be read or applied is skipped: named in the log,
    its topic told to `on_skipped`. A hundred in a row end it, as then it is not the records.
    `pause`: how many times as long as it works it leaves to others.
    """

    def __init__(
        self,
        brokers: AnyBrokers,
        topic: str,
        apply: Callable[[bytes | None, bytes | None], None],
        fetch_wait_ms: int = 500,
        on_skipped: Callable[[str], None] = lambda _: None,
        pause: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.topic = topic
        self.caught_up = asyncio.Event()
        self.reached: dict[int, int] = {}
        self._apply = apply
        self._on_skipped = on_skipped
        self._failures = 0
        self._pause = pause
        self._task: asyncio.Task[None] | None = None
        self._consumer = consumer(brokers, fetch_max_wait_ms=fetch_wait_ms, max_partition_fetch_bytes=4 * 1024 * 1024)
        self._polling = poll(self._consumer, _LONGEST_PAUSE_S) if fetch_wait_ms == 0 else None
        pace(self._consumer, _APART_S)

    async def start(self) -> None:
        """Connect, and begin to follow from the first record on. Raises Misconfigured as `connect` does."""
        await self.connect()
        self.follow({})

    async def connect(self) -> dict[int, int]:
        """Find the topic. Returns partition -> the offset of its first record.

        Raises Misconfigured if the broker or the topic is missing.
        """
        try:
            await self._consumer.start()
        except KafkaConnectionError as error:
            raise Misconfigured(f"the broker cannot be reached: {error}") from error
        numbers = self._consumer.partitions_for_topic(self.topic) or await self._partitions()
        if not numbers:
            await self._consumer.stop()
            raise Misconfigured(f"topic {self.topic} is missing: create it with `penchant topics create`")
        partitions = [TopicPartition(self.topic, number) for number in sorted(numbers)]
        self._consumer.assign(partitions)
        await self._consumer.seek_to_beginning(*partitions)
        return {tp.partition: await self._consumer.position(tp) for tp in partitions}

    def follow(self, since: Mapping[int, int]) -> None:
        """Begin, in a task of its own; from these offsets where one is given for a partition, else its first record."""
        partitions = sorted(self._consumer.assignment())
        for partition in partitions:
            if partition.partition in since:
                self._consumer.seek(partition, since[partition.partition])
        self.reached = dict(since)
        self._task = asyncio.create_task(self._follow(partitions), name=f"follow {self.topic}")

    def hurry(self) -> None:
        """Look as if records came, as some will soon."""
        if self._polling is not None:
            self._polling.hurry()

    async def stop(self) -> None:
        """Stop following and hang up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.stop()
        if self._polling is not None:
            self._polling.close()

    def failed(self) -> BaseException | None:
        """Why following ended, if it did."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            return None
        return self._task.exception()

    async def ends(self, topics: Mapping[str, Iterable[int]]) -> dict[tuple[str, int], int]:
        """Where partitions of any topics end, by topic and number; the embedded broker tells too low by up to a batch.

        Raises aiokafka's KafkaError.
        """
        asked = [TopicPartition(topic, number) for topic, numbers in topics.items() for number in numbers]
        ends = await self._consumer.end_offsets(asked)
        return {(tp.topic, tp.partition): end for tp, end in ends.items()}

    async def _partitions(self) -> set[int]:
        await self._consumer._client.force_metadata_update()
        await self._consumer.topics()
        return self._consumer.partitions_for_topic(self.topic) or set()

    async def _follow(self, partitions: list[Any]) -> None:
        # Where each partition ended when we started.
        ends: dict[Any, int] = {}
        while True:
            try:
                wait_ms = _IDLE_MS if self.caught_up.is_set() else _CATCHING_UP_MS
                records = await self._consumer.getmany(timeout_ms=wait_ms, max_records=_MOST_AT_ONCE)
            except KafkaError as error:
                if (refused := missing_right(error)) is not None:
                    raise Misconfigured(refused) from error
                _log.warning("%s cannot be read (%s); trying again", self.topic, error)
                await asyncio.sleep(0.5)
                continue
            began_s = monotonic()
            for batch in records.values():
                for record in batch:
                    self._apply_record(record)
                    self.reached[record.partition] = record.offset + 1
                    if (worked_s := monotonic() - began_s) > _AT_A_TIME_S:
                        await asyncio.sleep(self._pause() * worked_s)
                        began_s = monotonic()
            if not self.caught_up.is_set():
                await self._check_caught_up(partitions, ends)

    def _apply_record(self, record: Any) -> None:
        if unreadable(record) is None:
            try:
                self._apply(record.key, record.value)
            except PenchantError:
                raise
            except Exception:
                self._failures += 1
                if self._failures >= _MOST_FAILURES:
                    raise
                position = position_of(record.topic, record.partition, record.offset)
                _log.exception("action=left_out %s cannot be applied", position)
            else:
                self._failures = 0
                return
        self._on_skipped(record.topic)

    async def _check_caught_up(self, partitions: list[Any], ends: dict[Any, int]) -> None:
        for partition in partitions:
            if partition not in ends and (end := committed_end(self._consumer, partition)) is not None:
                ends[partition] = end
        if len(ends) < len(partitions):
            return
        if all([await self._consumer.position(p) >= end for p, end in ends.items()]):
            self.caught_up.set()
