"""How this program talks to Redis: one way to connect, and calls that wait for what passes (serving/redis/answers.py).

redis-py's own retries are off: it would try an answer again that stays, and say nothing of what passes.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from penchant.errors import Misconfigured, PenchantError, Refused, Unavailable
from serving.redis.answers import asked
from serving.redis.clients import client_of, is_cluster
from stream.retry import GIVE_UP_AFTER_S, Retries

_NAME = "Redis"
PATIENCE_S = 5.0  # for one answer
_T = TypeVar("_T")


def connect(url: str) -> Any:
    """A client that connects when it is first asked. Raises Misconfigured if that is no address."""
    return client_of(url, PATIENCE_S, retry=Retry(NoBackoff(), 0))


@dataclass(frozen=True, slots=True)
class RedisCalls:
    """Calls of redis-py; what passes is waited for. retries: of the worker whose calls these are.

    on_record: told the bytes of each user's record that is to be written.
    """

    retries: Retries = field(default_factory=Retries)
    patience_s: float = GIVE_UP_AFTER_S
    on_record: Callable[[int], None] = lambda _: None

    async def ask(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """Await a call.

        Raises Unavailable if what hindered it did not pass within `patience_s`, and Misconfigured if it is for a person
        to fix.
        """
        return await self.retries.persist(lambda: asked(call), (Unavailable,), _NAME, self.patience_s)

    async def ask_first(self, call: Callable[[], Awaitable[_T]], missing: type[PenchantError] = Misconfigured) -> _T:
        """As `ask`, of a Redis that should be there: if it does not answer at all `missing` is raised at once."""
        try:
            return await asked(call)
        except Refused:
            return await self.ask(call)
        except Unavailable as error:
            raise missing(f"{error}: start it, or say where it is with --redis or PENCHANT_REDIS") from error

    async def keys(self, redis: Any, pattern: str) -> AsyncIterator[bytes]:
        """The keys that match; some come twice."""
        for node in await self._nodes(redis):
            where = {} if node is None else {"target_nodes": node}
            cursor = None
            while cursor != 0:
                scan = partial(redis.scan, cursor or 0, match=pattern, count=1000, **where)
                told, found = await self.ask(scan)
                (cursor,) = told.values() if isinstance(told, dict) else (told,)  # a cluster names the node with it
                for key in found:
                    yield key

    async def _nodes(self, redis: Any) -> list[Any]:
        """The primaries of a cluster; else nothing but one, the Redis itself."""
        if not is_cluster(redis):
            return [None]
        await self.ask(redis.initialize)
        return list(redis.get_primaries())
