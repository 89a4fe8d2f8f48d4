"""How often a client may ask: a token bucket each, by key where there are keys, else by address. Beyond it: 429."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from serving.api.description.page_operations import OPERATIONS
from serving.api.problems import Problem

__all__ = ()

_BURST_S = 2.0  # what a client did not ask for may be asked for later, up to so much
_MOST_CLIENTS = 10_000
_COSTS = {(operation.method, operation.path): operation.cost for operation in OPERATIONS if operation.role is not None}


class TokenBuckets:
    """per_s: tokens that a client is given. Those of the clients seen last are remembered, which is all that counts.

    >>> now = [0.0]
    >>> buckets = TokenBuckets(10, clock=lambda: now[0])
    >>> [buckets.wait_s("a", 15), buckets.wait_s("a", 15), buckets.wait_s("b", 15)]
    [0.0, 1.0, 0.0]
    >>> now[0] = 1.0
    >>> buckets.wait_s("a", 15)
    0.0
    """

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic, most: int = _MOST_CLIENTS) -> None:
        self._per_s = per_s
        self._clock = clock
        self._most = most
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens left, as of when

    def wait_s(self, client: str, cost: float) -> float:
        """Take so many tokens, or none if there are too few: returns in how many seconds there are enough, else 0."""
        now_s = self._clock()
        full = max(_BURST_S * self._per_s, cost)
        level, then_s = self._levels.pop(client, (full, now_s))
        level = min(level + (now_s - then_s) * self._per_s, full)
        enough = level >= cost
        self._levels[client] = (level - cost if enough else level, now_s)
        if len(self._levels) > self._most:
            self._levels.popitem(last=False)
        return 0.0 if enough else (cost - level) / self._per_s


def limits(buckets: TokenBuckets) -> Middleware:
    """Refuse who asks too often. Health, metrics and the page's files cost nothing."""

    @web.middleware
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        method = "GET" if request.method == "HEAD" else request.method
        cost = _COSTS.get((method, resource.canonical), 0) if resource is not None else 0
        wait_s = buckets.wait_s(_client(request), cost) if cost else 0.0
        if wait_s > 0.0:
            again_s = math.ceil(wait_s)
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too_many_requests",
                f"too many requests of this client: come again in {again_s} s",
                retry_after_s=again_s,
            )
        return await handler(request)

    return refuse


def _client(request: web.Request) -> str:
    """Keys are not kept."""
    given = request.headers.get("Authorization")
    if given is not None:
        return sha256(given.encode(errors="surrogateescape")).hexdigest()
    return request.remote or ""
