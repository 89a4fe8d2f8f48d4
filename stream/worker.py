"""A worker's life: what it is made of is started in order, its loops run until one fails, and all of it is stopped."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from typing import NamedTuple

from penchant.errors import PenchantError
from stream.group_assignment import GroupAssignment
from stream.handlers import RecordHandlers

Crash = Callable[[BaseException], Awaitable[None]]
Loop = Callable[[], Coroutine[None, None, None]]


async def _nothing() -> None:
    """What need not be started."""


class Resource(NamedTuple):
    """Something that has to hang up, also if it does not start, or if something that comes later does not."""

    stop: Callable[[], Awaitable[None]]
    start: Callable[[], Awaitable[None]] = _nothing


class Worker:
    """`start` and `stop` run inside the event loop. stream/wiring.py puts one together.

    resources: in the order in which they start; they stop in the reverse one. loops: run for ever, each in a task of
    its own; the first one that raises tells `crash`. assignment, handlers: what the consumer and the agents ask.
    """

    def __init__(
        self,
        resources: Sequence[Resource],
        loops: Sequence[Loop],
        assignment: GroupAssignment,
        handlers: RecordHandlers,
        crash: Crash,
    ) -> None:
        self.assignment = assignment
        self.handlers = handlers
        self._resources = resources
        self._loops = loops
        self._crash = crash
        self._tasks: list[asyncio.Task[None]] = []
        self._started = AsyncExitStack()

    async def start(self) -> None:
        """Connect, follow what lists are ranked against, and begin the loops."""
        for resource in self._resources:
            self._started.push_async_callback(resource.stop)
            await resource.start()
        self._tasks += [asyncio.create_task(self._guarded(loop)) for loop in self._loops]

    async def stop(self) -> None:
        """End the loops and hang up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.assignment.assigned:
            with suppress(PenchantError):  # a store that is away may be why it stops
                await self.assignment.give_back()
        await self._started.aclose()

    async def _guarded(self, loop: Loop) -> None:
        try:
            await loop()
        except Exception as error:  # noqa: BLE001 - whatever it is, the process ends by it, and says it
            await self._crash(error)
