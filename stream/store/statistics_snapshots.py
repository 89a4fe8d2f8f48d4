"""Where snapshots of the item statistics lie: Redis, written under a name of their own before they count.

At most two copies lie there: the one that counts, and the one before it or the one that is being written. Who reads a
copy that is replaced meanwhile, for a second time, may find it gone, and reads the one that counts then.
"""

import functools
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

from penchant.errors import BrokenState
from serving.ranking import snapshots
from serving.ranking.statistics import StatisticsSnapshot
from stream.store.redis_calls import RedisCalls, connect

WRITER = 0  # whoever owns this user partition writes the snapshots
_UNPOINTED_S = 600  # a snapshot whose writer died goes after so long; so does one that was replaced


class Snapshots:
    """See the module. calls: how long Redis is waited for."""

    def __init__(self, url: str, prefix: str, calls: RedisCalls | None = None) -> None:
        self._redis = connect(url)
        self._persist = (calls or RedisCalls()).ask
        self._pointer = snapshots.pointer(prefix)
        self._owner = f"{{{prefix}:{WRITER}}}:owner"
        self._copies = f"{{{prefix}:{WRITER}}}:copies"
        self._prefix = prefix
        self._shelve, self._point = (
            self._redis.register_script(files("stream.store").joinpath(name).read_text())
            for name in ("shelve.lua", "promote.lua")
        )

    async def close(self) -> None:
        """Hang up."""
        await self._redis.aclose()

    async def read(self) -> StatisticsSnapshot | None:
        """The snapshot that counts, if there is one. Raises BrokenState; Misconfigured if a newer Penchant wrote it."""
        while True:
            counts = await self._persist(lambda: self._redis.get(self._pointer))
            try:
                return await self._persist(lambda: snapshots.read(self._redis, self._prefix))
            except BrokenState:
                if counts == await self._persist(lambda: self._redis.get(self._pointer)):
                    raise

    async def write(self, token: str, values: list[bytes]) -> bool:
        """Write a snapshot under a new name, then have it count. False if user partition 0 is another worker's."""
        key = f"{self._pointer}:{secrets.token_hex(8)}"
        before = await self._persist(lambda: self._redis.get(self._pointer))
        noted = await self._persist(lambda: self._redis.smembers(self._copies))
        gone = sorted(noted - {before, key.encode()})
        shelved = [self._owner, self._copies, key, *gone]
        if await self._persist(lambda: self._shelve(keys=shelved, args=[token])) != b"noted":
            return False
        for number, value in enumerate(values):
            await self._persist(functools.partial(self._put, key, number, value))
        keys = [self._owner, self._pointer, key, *([before] if before is not None else [])]
        answer = await self._persist(lambda: self._point(keys=keys, args=[token, _UNPOINTED_S]))
        if answer != b"written":
            await self._persist(lambda: self._redis.delete(key))
        return bool(answer == b"written")

    async def forget(self) -> bool:
        """Delete the snapshot that counts, and what is left of others. Returns whether there was one."""
        key = await self._persist(lambda: self._redis.get(self._pointer))
        copies = await self._persist(lambda: self._redis.smembers(self._copies))
        gone = [self._pointer, self._copies, *copies, *([key] if key is not None else [])]
        await self._persist(lambda: self._redis.delete(*gone))
        return key is not None

    async def _put(self, key: str, number: int, value: bytes) -> None:
        both = self._redis.pipeline(transaction=True)
        await both.hset(key, number, value).expire(key, _UNPOINTED_S).execute()


@asynccontextmanager
async def open_snapshots(url: str, prefix: str) -> AsyncIterator[Snapshots]:
    """For a command: connected for the block, and nothing is tried twice."""
    stored = Snapshots(url, prefix, RedisCalls(patience_s=0.0))
    try:
        yield stored
    finally:
        await stored.close()
