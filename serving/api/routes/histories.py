"""A user's last events: `GET /v1/users/{id}/history`."""

import asyncio
import time

import msgspec
from aiohttp import web

from serving.api.followed.views import Views
from serving.api.queries import id_in_path
from serving.api.routes.lookups import known_items, known_user
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
        known_items(self._views)
        found = await known_user(self._users, user_id)
        now_ms = time.time_ns() // 1_000_000
        made = await asyncio.to_thread(history_of, *found, self._shown, now_ms)
        return web.Response(body=msgspec.json.encode(made), content_type="application/json")
