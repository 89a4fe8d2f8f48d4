"""What the API keeps in its own memory, each followed in a thread: everybody's lists, and what items are."""

import asyncio
from types import TracebackType
from typing import Self

from penchant.client.recommendations import Recommendations
from penchant.kafka.following import Follower, consumer_options
from penchant.topics import Topics
from serving.api.followed.item_details import ItemDetails
from serving.kafka.brokers import AnyBrokers, brokers_of

__all__ = ()

_ITEMS_HELD_MS = 8_000  # a fetch of items by the broker, where none come
_BOOTSTRAP_MS = 5_000  # an attempt that is under way is waited for as the process stops


class Views:
    """For an `async with` block. `lists` and `items` go on by themselves through whatever happens to the broker.

    most: lists that are kept in memory, None for all. silent_s: as `Recommendations` has it. fetch_wait_ms: what is
    asked of the broker for lists; items may come a second later, where the broker does not answer at once.
    """

    def __init__(
        self, brokers: AnyBrokers, topics: Topics, *, most: int | None, silent_s: float, fetch_wait_ms: int
    ) -> None:
        self.items = ItemDetails()
        brokers = brokers_of(brokers)
        kafka = {"bootstrap_timeout_ms": _BOOTSTRAP_MS, **brokers.options}
        lists = {**kafka, "fetch_max_wait_ms": fetch_wait_ms}
        self.lists = Recommendations(brokers.servers, topics.prefix, max_users=most, silent_s=silent_s, kafka=lists)
        options = consumer_options(brokers.servers, {**kafka, "fetch_max_wait_ms": _ITEMS_HELD_MS})
        self._follower = Follower(options, [topics.item_vectors], lambda _, numbers: numbers, self.items)

    @property
    def problem(self) -> str:
        """Why lists cannot be read yet or any more; "" if they can."""
        if self.lists.ready() and self.items.ready.is_set():
            return self.lists.problem
        return self.lists.problem or self._follower.problem or "they are still being read: a moment"

    async def __aenter__(self) -> Self:
        self.lists.start()
        self._follower.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(asyncio.to_thread(self.lists.close), asyncio.to_thread(self._follower.stop))
