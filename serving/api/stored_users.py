"""What the store has of a user, read beside the worker that writes it."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from penchant.errors import Misconfigured
from penchant.partitioner import partition_of
from serving.connections import Connections
from serving.kafka.admin import describe, open_admin
from serving.redis.answers import asked
from serving.state.keyspace import Keyspace
from serving.state.user_state import UserState, decode

__all__ = ()


class StoredUsers:
    """Reads and writes nothing. store: a client of Redis that gives bytes."""

    def __init__(self, store: Any, settings: Connections) -> None:
        self._store = store
        self._brokers = settings.brokers
        self._topic = settings.topics.clicks
        self._keys = Keyspace(settings.keys)
        self._partitions = 0

    async def find(self, user_id: str) -> tuple[str, UserState] | None:
        """The user's state, and whose it is: of who was merged into another, that one's. None: nothing is known.

        Raises Unavailable if the store or the broker does not answer, Misconfigured if the topics are missing.
        """
        fingerprint = await self._get(self._keys.common("fingerprint"))
        if fingerprint is None:
            return None
        state = await self._read(user_id, fingerprint.decode())
        if state is not None and state.alias is not None:  # chains have length one
            user_id = state.alias.target
            state = await self._read(user_id, fingerprint.decode())
        return None if state is None else (user_id, state)

    async def _read(self, user_id: str, fingerprint: str) -> UserState | None:
        if not self._partitions:
            self._partitions = await asyncio.to_thread(self._count)
        record = await self._get(self._keys.user(partition_of(user_id, self._partitions), user_id))
        return None if record is None else decode(record, fingerprint)

    async def _get(self, key: str) -> bytes | None:
        def get() -> Awaitable[bytes | None]:
            answer: Awaitable[bytes | None] = self._store.get(key)
            return answer

        return await asked(get)

    def _count(self) -> int:
        """How many partitions user topics have."""
        with open_admin(self._brokers) as admin:
            found = describe(admin, [self._topic])
        if self._topic not in found:
            raise Misconfigured(f"the topic {self._topic} is missing: create it with `penchant topics create`")
        return len(found[self._topic]["partitions"])
