"""A user's last events: `GET /v1/users/{id}/history`."""

import asyncio
import time
from http import HTTPStatus

import msgspec
from aiohttp import web

from penchant.errors import Misconfigured, Unavailable
from serving.api.followed.views import Views
from serving.api.problems import Problem
from serving.api.queries import id_in_path
from serving.api.shown.past_events import Shown, history_of
from serving.api.stored_users import StoredUsers

__all__ = ()


class HistoryRoutes:
    """Answers from the store, and from the view of items."""

    def __init__(self, views: Views, users: StoredUsers, shown: Shown) -> None:
        self._views = views
        self._users = users
        self._shown = shown

    async def history(self, request: web.Request) -> web.Response:
        """As it stands now."""
        user_id = id_in_path(request)
        if not self._views.items.ready.is_set():
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", f"no items yet: {self._views.problem}")
        try:
            found = await self._users.find(user_id)
        except (Unavailable, Misconfigured) as error:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "store_unavailable", str(error)) from None
        if found is None:
            raise Problem(
                HTTPStatus.NOT_FOUND, "unknown_user", "nothing has come of this user yet, or they were forgotten"
            )
        now_ms = time.time_ns() // 1_000_000
        made = await asyncio.to_thread(history_of, *found, self._shown, now_ms)
        return web.Response(body=msgspec.json.encode(made), content_type="application/json")
