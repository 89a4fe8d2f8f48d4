"""New lists as they come: `GET /v1/users/{id}/events`, server-sent events."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from http import HTTPStatus

from aiohttp import web

from penchant.client.user_list import UserList
from serving.api.followed.views import Views
from serving.api.problems import Problem
from serving.api.queries import id_in_path
from serving.api.routes.lists import encoded

__all__ = ()

_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_OPENING = b"retry: 2000\n\n"
_HEARTBEAT = b": still here\n\n"
_STALLED_S = 30.0  # a client that takes nothing for so long is left


class StreamRoutes:
    """heartbeat_s: of silence, after which a comment says that the stream is alive. most: streams at once."""

    def __init__(self, views: Views, heartbeat_s: float, most: int) -> None:
        self._views = views
        self._heartbeat_s = heartbeat_s
        self._most = most
        self._open = 0
        self._stopped = asyncio.Event()

    async def events(self, request: web.Request) -> web.StreamResponse:
        """The list that stands, unless it is the client's last one, and each new one until somebody hangs up.

        Of lists that come faster than the client takes them it is sent the newest: nothing piles up.
        """
        user_id = id_in_path(request)
        if not self._views.lists.ready():
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", f"no lists yet: {self._views.problem}")
        if self._open >= self._most:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "too_many_streams", f"{self._most} streams are open, which is the most"
            )
        self._open += 1
        try:
            response = web.StreamResponse(headers=_HEADERS)
            with suppress(ConnectionError, TimeoutError):  # whoever left, or takes nothing
                await response.prepare(request)
                await self._send(response, _OPENING)
                async with aclosing(self._lists(user_id)) as lists:
                    await self._follow(response, lists, request.headers.get("Last-Event-ID", ""))
        finally:
            self._open -= 1
        return response

    async def stop(self, _: web.Application) -> None:
        """End every stream; a signal of aiohttp."""
        self._stopped.set()

    async def _lists(self, user_id: str) -> AsyncGenerator[UserList | None, None]:
        """Each new list; None where nothing came for a while. Ends as the process is told to stop."""
        stopped = asyncio.ensure_future(self._stopped.wait())
        lists = self._views.lists.watch(user_id)
        coming = asyncio.ensure_future(anext(lists))
        try:
            while not self._stopped.is_set():
                await asyncio.wait({coming, stopped}, timeout=self._heartbeat_s, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    yield None
                    continue
                yield coming.result()
                coming = asyncio.ensure_future(anext(lists))
        finally:
            for each in (coming, stopped):
                each.cancel()
                with suppress(asyncio.CancelledError):
                    await each

    async def _follow(
        self, response: web.StreamResponse, lists: AsyncGenerator[UserList | None, None], last: str
    ) -> None:
        async for found in lists:
            if found is None:
                await self._send(response, _HEARTBEAT)
            elif (version := str(found.version)) != last or found.path == "erased":
                await self._send(response, _event(found, version))
                last = version

    @staticmethod
    async def _send(response: web.StreamResponse, data: bytes) -> None:
        async with asyncio.timeout(_STALLED_S):
            await response.write(data)


def _event(found: UserList, version: str) -> bytes:
    if found.message is None:
        return b"event: erased\ndata: {}\n\n"
    return b"id: %b\nevent: list\ndata: %b\n\n" % (version.encode(), encoded(found))
