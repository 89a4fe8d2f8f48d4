"""Who may work on which partitions' states: one at a time on each, others beside it on the rest."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

__all__ = ["PartitionLocks"]


class PartitionLocks:
    """A lock for each partition. Whoever waits first is first."""

    def __init__(self) -> None:
        self._of: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def hold(self, partitions: Iterable[int]) -> AsyncIterator[None]:
        """Be the only one on these. All take them in the same order, so that nobody waits in a circle."""
        async with AsyncExitStack() as held:
            for number in sorted(set(partitions)):
                await held.enter_async_context(self._of[number])
            yield
