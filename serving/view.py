"""A topic followed from its beginning, outside any group: every process that answers keeps its own copy in memory."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from serving.errors import Misconfigured

_log = logging.getLogger(__name__)
_MOST_AT_ONCE = 256  # records between two looks at the rest of the process


class Follower:
    """Hands every record of a topic to `apply(key, value)`, in order by partition, from the first one on.

    `caught_up` is set once it has applied all that stood on the topic when it started.
    """

    def __init__(
        self, bootstrap: str, topic: str, apply: Callable[[bytes | None, bytes | None], None], fetch_wait_ms: int = 500
    ) -> None:
        self.topic = topic
        self.caught_up = asyncio.Event()
        self._apply = apply
        self._task: asyncio.Task[None] | None = None
        # Any: aiokafka has no types.
        self._consumer: Any = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=fetch_wait_ms,
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )

    async def start(self) -> None:
        """Connect and begin to follow, in a task of its own.

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
        self._task = asyncio.create_task(self._follow(partitions), name=f"follow {self.topic}")

    async def stop(self) -> None:
        """Stop following and hang up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.stop()

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
        # Where each partition ended when we started: the high watermark of its first fetch. Asked for in any other way,
        # the embedded broker answers too low.
        ends: dict[Any, int] = {}
        while True:
            try:
                records = await self._consumer.getmany(timeout_ms=200, max_records=_MOST_AT_ONCE)
            except KafkaError as error:
                _log.warning("%s cannot be read (%s); trying again", self.topic, error)
                await asyncio.sleep(0.5)
                continue
            for batch in records.values():
                for record in batch:
                    self._apply(record.key, record.value)
            if not self.caught_up.is_set():
                await self._compare(partitions, ends)

    async def _compare(self, partitions: list[Any], ends: dict[Any, int]) -> None:
        for partition in partitions:
            if partition not in ends and (end := self._consumer.highwater(partition)) is not None:
                ends[partition] = end
        if len(ends) < len(partitions):
            return
        if all([await self._consumer.position(p) >= end for p, end in ends.items()]):
            self.caught_up.set()
