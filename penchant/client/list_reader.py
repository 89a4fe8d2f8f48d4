"""Reading lists, whoever fills the table: the client that follows the topic, or a test's fake."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Self

from penchant.blocks import Block
from penchant.client.list_feed import ListFeed
from penchant.client.list_table import Entry, Place
from penchant.client.subscriptions import Callback, Newest, Subscriptions
from penchant.client.user_list import Path, UserList
from penchant.topics import TRENDING

__all__ = ["ListReader"]


class ListReader(Block):
    """Answers from a feed's tables. Every method may be called from any thread."""

    def __init__(self, feed: ListFeed) -> None:
        self._feed = feed
        self._subscriptions = Subscriptions()
        feed.tell = self._tell

    def __len__(self) -> int:
        """How many users there are lists of, the trending list among them."""
        return len(self._feed.tables.lists)

    def get(self, user_id: str) -> UserList:
        """The user's list as it stands; the trending list for whom there is none, or for `*`.

        A look-up in memory, but for a list that `max_users` left no room for: that is read from the topic again.
        """
        tables = self._feed.tables
        entry = tables.lists.find(user_id)
        if entry is None and (place := tables.lists.gone(user_id)) is not None:
            entry = self._read_again(user_id, place)
        if entry is not None:
            return self._told(user_id, entry, tables.gone.ids)
        self._feed.refuse_elsewhere(user_id)
        entry = tables.lists.find(TRENDING)
        return UserList(user_id, [], "none") if entry is None else self._told(user_id, entry, tables.gone.ids)

    def newest(self, most: int = 20, like: str = "") -> list[tuple[str, int]]:
        """Users with the newest of the lists that are kept in memory, and the versions of those, newest first.

        like: only users whose id has this in it, in whatever case. Looks at all of them.
        """
        return self._feed.tables.lists.newest(most, like)

    async def get_async(self, user_id: str) -> UserList:
        """The same, without blocking the event loop where it has to be read again."""
        if self._feed.tables.lists.gone(user_id) is None:
            return self.get(user_id)
        return await asyncio.to_thread(self.get, user_id)

    def ready(self, timeout_s: float = 0.0) -> bool:
        """Whether all was read that stood on the topics when reading began; waits for it for so long."""
        return self._feed.ready.wait(timeout_s)

    async def ready_async(self, timeout_s: float = 0.0) -> bool:
        """The same, without blocking the event loop."""
        return await asyncio.to_thread(self.ready, timeout_s)

    def on_list(self, callback: Callback, user_id: str | None = None) -> Callable[[], None]:
        """Have `callback` called with each new list, of one user or of all. Call what is returned to end that.

        It is called in the thread that reads the topic, which waits for it.
        """
        return self._subscriptions.add(callback, user_id)

    async def watch(self, user_id: str | None = None) -> AsyncIterator[UserList]:
        """Each new list, of one user, beginning with the one that stands, or of all.

        Of lists that come faster than they are taken the newest of each user.
        """
        with Newest(self._subscriptions, user_id) as newest:
            if user_id is not None and self._feed.tables.lists.version(user_id) >= 0:
                yield await self.get_async(user_id)
            while True:
                yield await newest.next()

    def start(self) -> Self:
        """Begin; a `with` or `async with` block does, and closes at its end."""
        return self

    def close(self) -> None:
        """End."""

    def _tell(self, user_id: str, erased: bool) -> None:
        self._subscriptions.tell(user_id, lambda: UserList(user_id, [], "erased") if erased else self.get(user_id))

    def _told(self, user_id: str, entry: Entry, gone: set[str]) -> UserList:
        message = entry.message
        if message is None:
            raise TypeError("this is a bug: what is found is decoded")
        items = [*message.items]
        if gone and not gone.isdisjoint(entry.items):
            items = [each for each in items if each.item_id not in gone]
        now = time.time()
        path: Path = "stale" if now > entry.expires_s or self._unheard() else message.path
        return UserList(user_id, items, path, message.version, max(now - entry.made_s, 0.0), message)

    def _unheard(self) -> bool:
        """Whether lists may have changed without anything being heard of it."""
        return False

    def _read_again(self, user_id: str, place: Place) -> Entry | None:
        return None
