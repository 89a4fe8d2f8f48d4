"""The live store as a verification sees it: it reads, at one moment of a partition, and writes nothing."""

import secrets
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

from stream.rebuild.log_reader import Place
from stream.store.redis import Store
from stream.store.redis_calls import ask, keys
from stream.store.tombstones import SECRET_BYTES, Tombstones


@dataclass(frozen=True, slots=True)
class ReadSnapshot:
    """Some users of a partition, and what their records stand for, at one moment.

    offsets: place -> next one. records: user -> as it is stored, None if there is none. erased: user -> when, if ever.
    now_ms: the store's clock.
    """

    offsets: dict[Place, int]
    records: dict[str, bytes | None]
    erased: dict[str, int]
    now_ms: int


class LiveStore(Store):
    """Reads beside the worker that writes."""

    async def users(self) -> dict[int, list[str]]:
        """Every user with a record, by partition."""
        found: dict[int, list[str]] = {}
        async for key in keys(self._redis, f"{{{literal(self._prefix)}:*}}:u:*"):
            head, _, user = key.partition(b"}:u:")
            found.setdefault(int(head.rpartition(b":")[2]), []).append(user.decode())
        return found

    async def look(self, partition: int, users: Sequence[str]) -> ReadSnapshot:
        """Read some users of a partition, in one transaction with its offsets."""
        digests = await self._open_digests()

        def read() -> Awaitable[list[Any]]:
            together = self._redis.pipeline(transaction=True)
            together.time()
            together.hgetall(self._key(partition, "offsets"))
            if users:
                together.mget([self._user_key(partition, user) for user in users])
                together.zmscore(self._key(partition, "erased"), [digests.of(user) for user in users])
            answers: Awaitable[list[Any]] = together.execute()
            return answers

        (seconds, micros), stored, *both = await ask(read)
        records, erased = both or ([], [])
        by_field = {name.decode(): int(value) for name, value in stored.items()}
        return ReadSnapshot(
            offsets={(topic, partition): by_field.get(name, 0) for topic, name in self._fields.items()},
            records=dict(zip(users, records, strict=True)),
            erased={user: int(at) for user, at in zip(users, erased, strict=True) if at},
            now_ms=seconds * 1000 + micros // 1000,
        )

    async def erased_beside(self, partition: int, users: Sequence[str]) -> int:
        """How many digests stand in a partition beside those of some users."""
        digests = await self._open_digests()
        members = await ask(lambda: self._redis.zrange(self._key(partition, "erased"), 0, -1))
        return len(set(members) - {digests.of(user) for user in users})

    async def _open_digests(self) -> Tombstones:
        """As the store does, but without making a key: where there is none, nobody was erased."""
        if self._retention.erasure_secret is None:
            kept = await ask(lambda: self._redis.get(f"{self._prefix}:erasure-secret"))
            if kept is None:
                return Tombstones(secrets.token_bytes(SECRET_BYTES), self._retention.erased_s * 1000)
        return await super()._open_digests()


def literal(prefix: str) -> str:
    """A prefix in a pattern of Redis."""
    return "".join(f"\\{char}" if char in "*?[]\\^-" else char for char in prefix)
