"""Faust's Kafka consumer, made to begin where the store says, and to hold user topics back until items are known.

Four seams of Faust 0.15.3 are used, all by subclassing: `Consumer.perform_seek`, which it awaits after every
rebalance before any stream resumes; `_getmany`, since a fetch runs in a thread of its own and may end after a seek that
it began before; `pause_partitions`, which stops a partition at the consumer and not in the agents' channels (a full
channel would starve the other topics); and the consumer thread's factory, as Faust fixes the fetch wait at 1.5 s.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol, cast

from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP

from stream.partitions import Partitions


class Assignment(Protocol):
    """What a worker does when partitions come and go."""

    @property
    def open(self) -> bool:
        """Whether user topics may flow."""
        ...

    @property
    def partitions(self) -> Partitions:
        """Those of the user topics."""
        ...

    async def begin(self, assigned: set[TP]) -> dict[TP, int | None]:
        """Claim what is new, let go of what is gone. Returns the next offset that each partition's states need."""
        ...


class _Thread(AIOKafkaConsumerThread):
    logger = logging.getLogger("faust.consumer")

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        wait_ms = cast("WorkerTransport", transport).fetch_wait_ms
        if wait_ms is not None:
            consumer._fetch_max_wait_ms = wait_ms
        return consumer


class WorkerConsumer(Consumer):
    """See the module."""

    logger = logging.getLogger("faust.consumer")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seeking = asyncio.Lock()
        self._seeks: dict[TP, int] = {}  # how often the consumer was sent to another place

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """Go to where the store's states stand; the group's committed offsets only show lag."""
        assignment = cast("WorkerTransport", self.transport).assignment
        async with self._seeking:
            await super().perform_seek()
            assigned: set[TP] = set(self.assignment())
            positions = await assignment.begin(assigned)
            # The group's committed offsets have just been sought: what equals them needs no second seek.
            await self.go_to({tp: at for tp, at in positions.items() if at is None or at != self._read_offset[tp]})
            self._count(assigned)
        if not assignment.open:
            self.pause_partitions(assignment.partitions.of_users(assigned))

    async def seek(self, partition: TP, offset: int) -> None:
        """Read on from another place."""
        self._count({partition})
        await super().seek(partition, offset)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's own
        """Fetch. What a seek overtook is from before it, and may have undone it: dropped, and the seek made again."""
        before = dict(self._seeks)
        records = await super()._getmany(active_partitions, timeout)
        async with self._seeking:
            overtaken = {tp for tp in records if self._seeks.get(tp) != before.get(tp)}
            for tp in overtaken & self.assignment():
                offset = self._read_offset[tp]
                await self._seek(tp, (await self.earliest_offsets(tp))[tp] if offset is None else offset)
        return {tp: some for tp, some in records.items() if tp not in overtaken}

    def _count(self, sought: set[TP]) -> None:
        self._seeks.update((tp, self._seeks.get(tp, 0) + 1) for tp in sought)

    async def go_to(self, positions: Mapping[TP, int | None]) -> None:
        """Read on from these offsets; None: from the partition's start.

        Also if Faust's own offset is the same: that is of the last record it delivered, which may have been refused.
        """
        ahead: dict[TP, int] = {}
        for partition, following in positions.items():
            committed = self._read_offset[partition]
            if following is None and committed is not None:
                # The group is ahead of a store that knows nothing: it was emptied. Build it anew from the log.
                earliest = await self.earliest_offsets(partition)
                await self.seek(partition, earliest[partition])
            elif following is not None:
                await self.seek(partition, following)
                if following > (committed or 0):
                    ahead[partition] = following
        if ahead:
            # Saved, but not acknowledged before a worker died: Faust would wait for these acknowledgements for ever.
            self._committed_offset.update(ahead)
            await self._commit(ahead)

    def let_flow(self) -> None:
        """Resume the user topics, once what they are ranked against is known."""
        assignment = cast("WorkerTransport", self.transport).assignment
        with suppress(ConsumerNotStarted):  # it holds nothing back yet, and will not: the assignment is open
            self.resume_partitions(assignment.partitions.of_users(set(self.assignment())))


class WorkerTransport(Transport):
    """Carries what the consumer needs of the worker."""

    Consumer = WorkerConsumer

    assignment: Assignment
    fetch_wait_ms: int | None = None
