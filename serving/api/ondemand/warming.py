"""What requests for lists on demand need, read before there is one: in the background, once there are items."""

import asyncio
import logging
from collections.abc import Callable

from penchant.errors import Misconfigured, Unavailable
from serving.api.ondemand.port import NotAnswered, OnDemand

__all__ = ()

_LOOK_EVERY_S = 1.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 2.0, 60.0
_log = logging.getLogger(__name__)


async def warm_in_time(on_demand: OnDemand, any_items: Callable[[], bool]) -> None:
    """Have it read what it needs, as soon as there are items: before there is nothing to read."""
    pause_s = _FIRST_PAUSE_S
    while True:
        if not any_items():
            await asyncio.sleep(_LOOK_EVERY_S)
            continue
        try:
            return await on_demand.warm()
        except NotAnswered as error:
            if error.lasts:
                return _log.warning("lists on demand are not made ready: %s", error)
        except (Unavailable, Misconfigured) as error:
            _log.info("lists on demand are not ready yet: %s", error)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


class Warming:
    """At most one such task at a time. close: cancels it."""

    def __init__(self, on_demand: OnDemand, any_items: Callable[[], bool]) -> None:
        self._on_demand = on_demand
        self._any_items = any_items
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin, unless it was begun."""
        if self._task is None:
            self._task = asyncio.create_task(warm_in_time(self._on_demand, self._any_items))

    async def close(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
