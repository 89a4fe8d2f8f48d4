"""What operators see: `/v1/operator/…`, all of it for the role `admin`."""

import asyncio
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TypeVar

import msgspec
from aiohttp import web

from penchant.errors import Misconfigured, Unavailable
from serving.api.followed.views import Views
from serving.api.operator.dead_letters import DeadLetterBox, RedriveRequest
from serving.api.operator.workers import ask_workers
from serving.api.problems import Problem
from serving.api.queries import body_of

__all__ = ()

MOST_USERS = 50
_ENCODER = msgspec.json.Encoder()
Told = TypeVar("Told")


class KnownUser(msgspec.Struct):
    """version: of the user's list."""

    user_id: str
    version: int


class KnownUsers(msgspec.Struct):
    """Those with the newest lists first. count: of all who have one."""

    users: list[KnownUser]
    count: int


class OperatorRoutes:
    """workers: addresses of their health ports."""

    def __init__(self, views: Views, workers: Sequence[str], box: DeadLetterBox) -> None:
        self._views = views
        self._workers = workers
        self._box = box
        self._turn = asyncio.Lock()  # of two redrives at once one may forget what the other did

    async def users(self, request: web.Request) -> web.Response:
        """Whose lists there are; `like`: a part of the id."""
        lists = self._views.lists
        if not lists.ready():
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", f"no lists yet: {self._views.problem}")
        found = await asyncio.to_thread(lists.newest, MOST_USERS, request.query.get("like", ""))
        told = KnownUsers([KnownUser(*each) for each in found], len(lists))
        return web.Response(body=_ENCODER.encode(told), content_type="application/json")

    async def workers(self, _: web.Request) -> web.Response:
        """What workers count, together."""
        told = await ask_workers(self._workers)
        return web.Response(body=_ENCODER.encode(told), content_type="application/json")

    async def letters(self, _: web.Request) -> web.Response:
        """The dead letters, counted, and the newest."""
        async with self._turn:
            told = await _asked(self._box.look)
        return web.Response(body=_ENCODER.encode(told), content_type="application/json")

    async def redrive(self, request: web.Request) -> web.Response:
        """Send some back."""
        wanted = await body_of(request, RedriveRequest)
        async with self._turn:
            told = await _asked(self._box.redrive, wanted)
        return web.Response(body=_ENCODER.encode(told), content_type="application/json")


async def _asked(ask: Callable[..., Told], *given: object) -> Told:
    try:
        return await asyncio.to_thread(ask, *given)
    except ValueError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "bad_parameter", str(error)) from None
    except (Unavailable, Misconfigured) as error:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "broker_unavailable", str(error)) from None
