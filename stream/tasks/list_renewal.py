"""Makes lists again that were short for want of items, once there are more.

A user whose one event waits for its item gets a list as soon as that item comes, of whatever else is known by then:
nothing, if it comes first. Nothing of that user may come again, so the list would stay so.
"""

import time
from collections.abc import Callable

from stream.monitoring.list_cache import ListCache
from stream.pipeline import Pipeline
from stream.processing.batch import PartitionBatch

_APART_S = 1.0  # items come by the hundred: not a list for each
_MOST = 64  # lists at a time; the others follow the next time


class ListRenewal:
    """`offered`: how many items are on offer now."""

    def __init__(self, pipeline: Pipeline, lists: ListCache, offered: Callable[[], int]) -> None:
        self._pipeline = pipeline
        self._lists = lists
        self._offered = offered
        self._next_s = 0.0

    async def look(self) -> int:
        """Make some of them again, if it is time to. Returns how many; each names what caused the one before."""
        if time.monotonic() < self._next_s:
            return 0
        self._next_s = time.monotonic() + _APART_S
        outgrown = self._lists.outgrown(self._offered(), _MOST)
        batches: dict[int, PartitionBatch] = {}
        for user_id, listed in outgrown.items():
            if listed.cause is not None:
                batch = batches.setdefault(listed.partition, PartitionBatch(listed.partition))
                batch.renewed[user_id] = listed.cause
        if batches:
            async with self._pipeline.lock:
                await self._pipeline.run(list(batches.values()), {})
        return len(outgrown)
