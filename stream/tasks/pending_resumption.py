"""Folds what waited for an item as soon as the item is known; looks after partitions once a second."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass

from serving.catalogue import Catalogue
from stream.kafka.assignment import Partitions
from stream.monitoring.clock import Clock
from stream.pipeline import Pipeline
from stream.processing.batch import Trigger
from stream.tasks.catalogue_feed import CatalogueFeed
from stream.tasks.flow_gate import FlowGate

_LOOK_EVERY_S = 1.0
_ASK_EVERY_S = 30.0  # a merge that another owner has not answered


@dataclass(frozen=True, kw_only=True)
class PendingResumption:
    """See the module. feed: says when an item has come that somebody waits for."""

    pipeline: Pipeline
    partitions: Partitions
    catalogue: Catalogue
    feed: CatalogueFeed
    gate: FlowGate
    clock: Clock

    async def run(self) -> None:
        """Go on for ever."""
        asked_at = time.monotonic()
        waiting, came = self.pipeline.waiting, self.feed.came
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(came.wait(), _LOOK_EVERY_S)
            came.clear()
            await self.partitions.look()
            acquired = await self._publish_unpublished()
            if self.gate.open and (acquired or time.monotonic() >= asked_at + _ASK_EVERY_S):
                asked_at = time.monotonic()
                await self.pipeline.resend_transfers()
            await self.pipeline.resume_pending(waiting.woken(self.catalogue), Trigger.WOKEN)
            if self.clock.healthy:  # else what is pending would expire too soon, or never
                await self.pipeline.expire()
            if waiting.busy:
                came.set()

    async def _publish_unpublished(self) -> bool:
        """Publish the unpublished lists of partitions that were acquired. Returns whether any were."""
        acquired = bool(self.partitions.acquired)
        while self.gate.open and self.partitions.acquired:
            await self.pipeline.resume(self.partitions.acquired.pop())
        return acquired
