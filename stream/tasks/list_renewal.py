"""Makes lists again without an event, so many a second: what is gone goes, what was short grows, none ages.

A list that holds an item which was removed or is not on offer any more, one that was short for want of items, and one
of a user's interests of whose lifetime a quarter is left. Each passes the pipeline as any other does, saved under the
partition's lease and then published, and names the event again that caused the one before. Of who is active alone, the
most recently active first: by whose last event, `active_s` ago at most, a list was made.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from penchant.errors import PenchantError
from stream.monitoring.clock import Clock
from stream.monitoring.metrics import RenewalMetrics
from stream.pipeline import Pipeline
from stream.processing.batch import PartitionBatch
from stream.store.published_lists import DueList

_LOOK_EVERY_S = 1.0
_EXPIRE_EVERY_S = 60
_AT_ONCE = 16  # lists: an event that comes meanwhile waits for so many, some ms
_KEPT = 0.75  # of a list's lifetime, after which it is due


class ListStore(Protocol):
    """What the store is asked: which partitions are owned, and which lists stand."""

    def owned_partitions(self) -> set[int]:
        """See `Store.owned_partitions`."""
        ...

    def published_lists(self, partition: int) -> AsyncIterator[dict[str, bytes]]:
        """See `Store.published_lists`."""
        ...


@dataclass(frozen=True, kw_only=True)
class RenewalLimits:
    """per_s: the most lists a second, 0: none. lifetime_s: until a list expires. active_s: see the module."""

    per_s: float
    lifetime_s: int
    active_s: int

    @property
    def renew_after_s(self) -> int:
        """How old a list of a user's interests may become."""
        return max(round(_KEPT * self.lifetime_s), 1)


@dataclass(kw_only=True)
class ListRenewal:
    """See the module.

    refused: told of a partition that the store refused to write, and under which token. opened: whether all items are
    known that stood on their topic when this worker started.
    """

    pipeline: Pipeline
    store: ListStore
    refused: Callable[[int, str], Awaitable[None]]
    clock: Clock
    limits: RenewalLimits
    metrics: RenewalMetrics
    opened: Callable[[], bool]
    now_ms: Callable[[], int]
    _restored: dict[int, str] = field(default_factory=dict)  # partition -> the lease under which it was
    _expired_s: int = 0  # when idle users were looked for last

    async def run(self) -> None:
        """Go on for ever, at the pace of the limits."""
        pause_s = _LOOK_EVERY_S
        while True:
            await asyncio.sleep(pause_s)
            began_s = time.monotonic()
            made = await self.look() if self.opened() else 0
            due_s = made / self.limits.per_s if made else _LOOK_EVERY_S
            pause_s = max(due_s - (time.monotonic() - began_s), 0.0)

    async def look(self) -> int:
        """Make some lists again, if any are due. Returns how many were looked at."""
        published = self.pipeline.published
        await self._follow_partitions()
        await published.look()
        now_s = self.now_ms() // 1000
        if self.clock.healthy and abs(now_s - self._expired_s) >= _EXPIRE_EVERY_S:
            self._expired_s = now_s
            published.expire(now_s - self.limits.active_s)
        due, more = published.due(now_s, self.limits.renew_after_s, _AT_ONCE if self.limits.per_s else 0)
        self.metrics.known.set(len(published))
        self.metrics.due.set(len(due) + more)
        if due:
            await self._renew(due)
        return len(due)

    async def _renew(self, due: Sequence[DueList]) -> None:
        batches: dict[int, PartitionBatch] = {}
        for each in due:
            batch = batches.setdefault(each.partition, PartitionBatch(each.partition))
            batch.renewed[each.user_id] = each.cause
        began_s = time.monotonic()
        try:
            async with self.pipeline.alone(batches.values()):
                saved = await self.pipeline.run(list(batches.values()), {})
        except PenchantError:
            raise
        except Exception as error:  # noqa: BLE001 - contained: none of these is made again without an event
            self.pipeline.guard.faults.note("what was to be made again", "rank", error)
            return
        self.metrics.seconds.inc(time.monotonic() - began_s)
        made = {user for batch in saved for user, update in batch.updates.items() if update.due}
        for each in due:
            if each.user_id in made:
                self.metrics.made.labels(each.why.name.lower()).inc()
        for number, batch in batches.items():
            if batch in saved:  # who was merged or forgotten meanwhile has no list
                self.pipeline.published.forget(batch.renewed.keys() - made)
            else:
                self.pipeline.published.leave([number])
                await self.refused(number, batch.lease.token)

    async def _follow_partitions(self) -> None:
        """Know what the store knows of the partitions that were acquired."""
        published = self.pipeline.published
        published.keep(self.store.owned_partitions())
        for number in sorted(self.store.owned_partitions()):
            token = self.pipeline.store.lease(number).token
            if self._restored.get(number) != token:
                self._restored[number] = token
                published.begin(number, token)
                async for entries in self.store.published_lists(number):
                    published.restore(number, token, entries)
                    await asyncio.sleep(0)
