"""An `OnDemand` that is made when the first request needs it: an API that only reads lists stays small."""

import asyncio
from collections.abc import Callable, Sequence

from penchant.errors import Misconfigured
from penchant.messages import Review
from serving.api.ondemand.made_lists import ConversationTurn, ExplainedItems, QueriedList, RankedItems
from serving.api.ondemand.port import KnownUser, NotAnswered, OnDemand, Wanted
from serving.filters import Filters

__all__ = ()


class OnFirstUse:
    """make: called in a thread, since what it imports takes a second; raises Misconfigured, and is tried again then."""

    def __init__(self, make: Callable[[], OnDemand]) -> None:
        self._make = make
        self._made: OnDemand | None = None
        self._turn = asyncio.Lock()

    async def query(self, user: KnownUser, said: Review, wanted: Wanted) -> QueriedList:
        """See `OnDemand.query`."""
        return await (await self._there()).query(user, said, wanted)

    async def converse(self, user: KnownUser, said: Review, wanted: Wanted) -> ConversationTurn:
        """See `OnDemand.converse`."""
        return await (await self._there()).converse(user, said, wanted)

    async def rank(self, user: KnownUser, item_ids: Sequence[str], filters: Filters) -> RankedItems:
        """See `OnDemand.rank`."""
        return await (await self._there()).rank(user, item_ids, filters)

    async def explain(self, user: KnownUser, item_id: str, without: str | None) -> ExplainedItems:
        """See `OnDemand.explain`."""
        return await (await self._there()).explain(user, item_id, without)

    @property
    def progress(self) -> str:
        """See `OnDemand.progress`."""
        return "not yet" if self._made is None else self._made.progress

    async def warm(self) -> None:
        """See `OnDemand.warm`."""
        await (await self._there()).warm()

    async def close(self) -> None:
        """See `OnDemand.close`."""
        if self._made is not None:
            await self._made.close()

    async def _there(self) -> OnDemand:
        async with self._turn:
            if self._made is None:
                try:
                    self._made = await asyncio.to_thread(self._make)
                except Misconfigured as error:
                    raise NotAnswered("not_set_up", str(error), lasts=True) from None
            return self._made
