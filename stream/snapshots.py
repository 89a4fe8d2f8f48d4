"""Where snapshots of the item statistics lie: Redis, written under a name of their own before they count."""

import functools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import TypeVar

from serving.ranking import snapshots
from serving.ranking.statistics import Moment
from stream.redis_calls import ask, connect
from stream.retry import GIVE_UP_AFTER_S

WRITER = 0  # whoever owns this user partition writes the snapshots
_UNPOINTED_S = 600  # a snapshot whose writer died goes after so long; so does one that was replaced
_T = TypeVar("_T")


class Snapshots:
    """See the module. While Redis is away calls go on for `patience_s`, then raise Unavailable."""

    def __init__(self, url: str, prefix: str, patience_s: float = GIVE_UP_AFTER_S) -> None:
        self._redis = connect(url)
        self._prefix = prefix
        self._patience_s = patience_s
        self._script = self._redis.register_script(files("stream").joinpath("point.lua").read_text())

    async def close(self) -> None:
        """Hang up."""
        await self._redis.aclose()

    async def read(self) -> Moment | None:
        """The snapshot that counts, if there is one. Raises BrokenState; Misconfigured if a newer Penchant wrote it."""
        return await self._persist(lambda: snapshots.read(self._redis, self._prefix))

    async def write(self, token: str, values: list[bytes]) -> bool:
        """Write a snapshot under a new name, then have it count. False if user partition 0 is another worker's."""
        pointer = snapshots.pointer(self._prefix)
        key = f"{pointer}:{secrets.token_hex(8)}"
        before = await self._persist(lambda: self._redis.get(pointer))
        for number, value in enumerate(values):
            await self._persist(functools.partial(self._put, key, number, value))
        keys = [f"{{{self._prefix}:{WRITER}}}:owner", pointer, key, *([before] if before is not None else [])]
        answer = await self._persist(lambda: self._script(keys=keys, args=[token, _UNPOINTED_S]))
        return bool(answer == b"written")

    async def forget(self) -> bool:
        """Delete the snapshot that counts. Returns whether there was one."""
        pointer = snapshots.pointer(self._prefix)
        key = await self._persist(lambda: self._redis.get(pointer))
        return bool(await self._persist(lambda: self._redis.delete(pointer, *([key] if key is not None else []))))

    async def _put(self, key: str, number: int, value: bytes) -> None:
        both = self._redis.pipeline(transaction=True)
        await both.hset(key, number, value).expire(key, _UNPOINTED_S).execute()

    async def _persist(self, call: Callable[[], Awaitable[_T]]) -> _T:
        return await ask(call, self._patience_s)


@asynccontextmanager
async def open_snapshots(url: str, prefix: str) -> AsyncIterator[Snapshots]:
    """For a command: connected for the block, and nothing is tried twice."""
    shelf = Snapshots(url, prefix, patience_s=0.0)
    try:
        yield shelf
    finally:
        await shelf.close()
