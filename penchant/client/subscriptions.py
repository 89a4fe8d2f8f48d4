"""Who is told of new lists: callbacks, and loops over them."""

import asyncio
import logging
from collections.abc import Callable
from threading import Lock
from types import TracebackType
from typing import Self

from penchant.client.user_list import UserList

__all__ = ()

Callback = Callable[[UserList], None]

_log = logging.getLogger(__name__)


class Subscriptions:
    """Callbacks by user, and those for all. May be used from any thread."""

    def __init__(self) -> None:
        self._by_user: dict[str | None, list[Callback]] = {}
        self._lock = Lock()

    def add(self, callback: Callback, user_id: str | None) -> Callable[[], None]:
        """Have it called from now on. What is returned ends that."""
        with self._lock:
            self._by_user[user_id] = [*self._by_user.get(user_id, ()), callback]

        def cancel() -> None:
            with self._lock:
                left = [each for each in self._by_user.get(user_id, ()) if each is not callback]
                if left:
                    self._by_user[user_id] = left
                else:
                    self._by_user.pop(user_id, None)

        return cancel

    def tell(self, user_id: str, newest: Callable[[], UserList]) -> None:
        """Call whoever waits for a user. What a callback raises is logged, and the others are called."""
        by_user = self._by_user
        callbacks = [*by_user.get(user_id, ()), *by_user.get(None, ())]
        if not callbacks:
            return
        told = newest()
        for each in callbacks:
            try:
                each(told)
            except Exception:  # noqa: BLE001 - theirs, over which ours go on
                _log.exception("a callback for the lists of %r raised", user_id)


class Newest:
    """New lists for a loop, one a user at a time: of lists that come faster than they are taken, the newest.

    For a `with` block in a coroutine.
    """

    def __init__(self, subscriptions: Subscriptions, user_id: str | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._came = asyncio.Event()
        self._waiting: dict[str, UserList] = {}
        self._cancel = subscriptions.add(self._hand_over, user_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cancel()

    async def next(self) -> UserList:
        """The next one."""
        await self._came.wait()
        told = self._waiting.pop(next(iter(self._waiting)))
        if not self._waiting:
            self._came.clear()
        return told

    def _hand_over(self, told: UserList) -> None:
        self._loop.call_soon_threadsafe(self._take, told)

    def _take(self, told: UserList) -> None:
        self._waiting.pop(told.user_id, None)
        self._waiting[told.user_id] = told
        self._came.set()
