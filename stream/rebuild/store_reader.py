"""The live store as a verification sees it: it reads, at one moment of a partition, and writes nothing."""

import secrets
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.state.keyspace import Keyspace
from stream.rebuild.log_reader import Place
from stream.store.base import Retention
from stream.store.redis_calls import RedisCalls, connect
from stream.store.tombstones import SECRET_BYTES, Tombstones

__all__ = ["LiveStore", "StoredKeys"]


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


class StoredKeys:
    """The keys that stand under a prefix."""

    def __init__(self, url: str, prefix: str, calls: RedisCalls | None = None) -> None:
        self.prefix = prefix
        self._redis = connect(url)
        self._calls = calls or RedisCalls()
        self._users, *self._all = Keyspace(prefix).patterns()

    async def close(self) -> None:
        """Hang up."""
        await self._redis.aclose()

    async def users(self) -> dict[int, list[str]]:
        """Every user with a record, by partition; some twice."""
        found: dict[int, list[str]] = {}
        async for key in self._calls.keys(self._redis, self._users):
            head, _, user = key.partition(b"}:u:")
            found.setdefault(int(head.rpartition(b":")[2]), []).append(user.decode())
        return found

    async def any(self) -> bytes | None:
        """One of the keys; None if there is none."""
        for pattern in self._all:
            async for key in self._calls.keys(self._redis, pattern):
                return key
        return None


class LiveStore:
    """Reads beside the worker that writes. identities: topic -> the identity that its offsets are stored under."""

    def __init__(
        self,
        url: str,
        prefix: str,
        identities: Mapping[str, str],
        retention: Retention,
        calls: RedisCalls | None = None,
    ) -> None:
        self.keys = StoredKeys(url, prefix, calls)
        self._redis = connect(url)
        self._calls = calls or RedisCalls()
        self._keyspace = Keyspace(prefix, identities)
        self._retention = retention
        self._digests: Tombstones | None = None

    async def close(self) -> None:
        """Hang up."""
        await self._redis.aclose()
        await self.keys.close()

    async def look(self, partition: int, users: Sequence[str]) -> ReadSnapshot:
        """Read some users of a partition, in one transaction with its offsets."""
        digests = await self._open_digests()
        keyspace = self._keyspace

        def read() -> Awaitable[list[Any]]:
            together = self._redis.pipeline(transaction=True)
            together.hgetall(keyspace.of(partition, "offsets"))
            if users:
                together.execute_command("MGET", *(keyspace.user(partition, user) for user in users))
                together.zmscore(keyspace.of(partition, "erased"), [digests.of(user) for user in users])
            answers: Awaitable[list[Any]] = together.execute()
            return answers

        seconds, micros = await self._calls.ask(self._redis.time)  # which has no key, so no place in a cluster's
        stored, *both = await self._calls.ask(read)
        records, erased = both or ([], [])
        by_field = {name.decode(): int(value) for name, value in stored.items()}
        return ReadSnapshot(
            offsets={(topic, partition): by_field.get(name, 0) for topic, name in keyspace.fields().items()},
            records=dict(zip(users, records, strict=True)),
            erased={user: int(at) for user, at in zip(users, erased, strict=True) if at},
            now_ms=seconds * 1000 + micros // 1000,
        )

    async def _open_digests(self) -> Tombstones:
        """As the store does, but without making a key: where there is none, nobody was erased."""
        secret = self._retention.erasure_secret
        if self._digests is None and secret is None:
            secret = await self._calls.ask(lambda: self._redis.get(self._keyspace.common("erasure-secret")))
        if self._digests is None and secret is not None:
            self._digests = Tombstones(secret, self._retention.erased_s * 1000)
        return self._digests or Tombstones(secrets.token_bytes(SECRET_BYTES), self._retention.erased_s * 1000)
