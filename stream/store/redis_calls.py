"""How this program talks to Redis: one way to connect, and calls that wait for what passes (serving/redis/answers.py).

redis-py's own retries are off: it would try an answer again that stays, and say nothing of what passes.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from penchant.errors import Misconfigured, PenchantError, Refused, Unavailable
from serving.redis.answers import asked, client_of
from stream.retry import GIVE_UP_AFTER_S, Retries

_NAME = "Redis"
_PATIENCE_S = 5.0  # for one answer
_T = TypeVar("_T")


def connect(url: str) -> Any:
    """A client that connects when it is first asked. Raises Misconfigured if that is no address."""
    return client_of(Redis, url, _PATIENCE_S, retry=Retry(NoBackoff(), 0))


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
        answered = False

        async def once() -> _T:
            nonlocal answered
            try:
                return await asked(call)
            except Refused:
                answered = True
                raise
            except Unavailable as error:
                if answered:
                    raise
                raise missing(f"{error}: start it, or say where it is with --redis or PENCHANT_REDIS") from error

        return await self.retries.persist(once, (Unavailable,), _NAME, self.patience_s)

    async def keys(self, redis: Any, pattern: str) -> AsyncIterator[bytes]:
        """The keys that match; some come twice."""
        cursor = None
        while cursor != 0:
            at = cursor or 0
            cursor, found = await self.ask(lambda at=at: redis.scan(at, match=pattern, count=1000))  # type: ignore[misc]
            for key in found:
                yield key
