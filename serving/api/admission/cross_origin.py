"""Which sites' pages may read what is answered (CORS): none, unless settings name them."""

from collections.abc import Collection

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

__all__ = ()

ANY = "*"
_METHODS = "GET, HEAD, POST"
_HEADERS = "Authorization, Content-Type, If-None-Match, Last-Event-ID, X-Request-Id"
_SHOWN = "ETag, Retry-After, X-Request-Id"
_KEPT_S = 600


class CrossOrigin:
    """origins: as browsers send them, `https://shop.example`; `*` for all."""

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = frozenset(each.rstrip("/").lower() for each in origins)

    def middleware(self) -> Middleware:
        """Answer what browsers ask before they ask; who is not named gets no headers, which is a refusal to them."""

        @web.middleware
        async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
            preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
            return web.Response(status=204) if preflight and self._allowed(request) else await handler(request)

        return answer

    async def add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """A signal of aiohttp, before headers are sent: those of streams and of problems, too."""
        if ANY not in self._origins:
            response.headers.add("Vary", "Origin")
        if (origin := self._allowed(request)) is None:
            return
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _SHOWN
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = _METHODS
            response.headers["Access-Control-Allow-Headers"] = _HEADERS
            response.headers["Access-Control-Max-Age"] = str(_KEPT_S)

    def _allowed(self, request: web.Request) -> str | None:
        """What is answered to the origin of a request; None if that is not allowed, or there is none."""
        origin = request.headers.get("Origin")
        if origin is None:
            return None
        if ANY in self._origins:
            return ANY
        return origin if origin.lower() in self._origins else None
