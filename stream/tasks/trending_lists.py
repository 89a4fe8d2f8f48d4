"""Publishes the trending list now and then, by the owner of user partition 0."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from serving.ranking.ranker import Ranker
from stream.events.outgoing import Log
from stream.processing.lists import Lists
from stream.tasks.flow_gate import FlowGate


@dataclass(frozen=True, kw_only=True)
class TrendingLists:
    """See the module. mine: whether user partition 0 is this worker's. k: how many items a list has."""

    gate: FlowGate
    mine: Callable[[], bool]
    ranker: Ranker
    lists: Lists
    log: Log
    clock: Callable[[], int]
    k: int
    every_s: float

    async def run(self) -> None:
        """Go on for ever, once what lists are ranked against is known."""
        await self.gate.wait_caught_up()
        version = 0
        while True:
            if self.mine():
                now = self.clock()
                version = max(version + 1, now)
                await self.log.send([self.lists.trending(self.ranker.trending(self.k), version, now)])
            await asyncio.sleep(self.every_s)
