"""What the agents hand a worker's records to (stream/kafka/agents.py)."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from stream.containment.quarantine import Quarantine, items_scope
from stream.events.records import Record
from stream.kafka.assignment import Partitions
from stream.pipeline import Pipeline
from stream.processing.batch import PartitionBatch
from stream.processing.items import ItemPipeline
from stream.store.base import Lease
from stream.tasks.event_backlog import EventBacklog

_BESIDE = 4  # more would wait for one interpreter, and score fewer users together
_LEAST = 64  # records: fewer are taken in together, as each part takes some ms whatever it holds


@dataclass(frozen=True, kw_only=True)
class RecordHandlers:
    """`take_in` records of user topics, `take_in_items` those of the items topic; each is marked meanwhile.

    on_items: told that vectors of items will be sent.
    """

    pipeline: Pipeline
    items: ItemPipeline
    partitions: Partitions
    quarantine: Quarantine
    backlog: EventBacklog
    on_items: Callable[[], None] = lambda: None

    async def take_in(self, records: Sequence[Record]) -> set[int]:
        """Records of a user topic. Returns the partitions whose records were refused and stay unacknowledged."""
        self.backlog.look(records)
        current = self.partitions.current(records)
        refused: list[PartitionBatch] = []
        if current:
            leases = self.pipeline.leases(current)  # before the store is waited for: the lease may change meanwhile
            async with aclosing(self.quarantine.marked(current, str)) as groups:
                async for some in groups:
                    refused += await process_beside(self.pipeline, some, leases)
        for batch in refused:
            await self.partitions.refused(batch.partition, batch.lease.token)
        await self.partitions.fill()
        stale = {record.partition for record in records} - {record.partition for record in current}
        return stale | {batch.partition for batch in refused}

    async def take_in_items(self, records: Sequence[Record]) -> None:
        """Records of the items topic."""
        self.on_items()
        async with aclosing(self.quarantine.marked(records, items_scope)) as groups:
            async for some in groups:
                await self.items.process(some)
        for number in {record.partition for record in records}:
            await self.quarantine.given_back(items_scope(number))  # no offset of ours says that they were processed


async def process_beside(
    pipeline: Pipeline, records: Sequence[Record], leases: Mapping[int, Lease]
) -> list[PartitionBatch]:
    """Some partitions beside others: while one waits for the store or the broker, another is computed.

    Returns the batches that the store refused.
    """
    if len(records) < _LEAST:
        return (await pipeline.process(records, leases))[1]
    beside: dict[int, list[Record]] = {}
    for record in records:
        beside.setdefault(record.partition % _BESIDE, []).append(record)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(pipeline.process(some, leases)) for some in beside.values()]
    except ExceptionGroup as raised:  # the first says why a worker stops; the others ended with it
        raise raised.exceptions[0] from None
    return [batch for task in tasks for batch in task.result()[1]]
