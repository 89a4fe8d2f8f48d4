"""What a user is inclined to, by name: `GET /v1/users/{id}/interests`."""

import time
from http import HTTPStatus

import msgspec
from aiohttp import web

from penchant.errors import Misconfigured, Unavailable
from serving.api.followed.views import Views
from serving.api.named_interests import interests_of
from serving.api.problems import Problem
from serving.api.queries import id_in_path
from serving.api.stored_users import StoredUsers

__all__ = ()


class InterestRoutes:
    """Answers from the store, and from the view of items."""

    def __init__(self, views: Views, users: StoredUsers, half_life_days: float) -> None:
        self._views = views
        self._users = users
        self._half_life_days = half_life_days

    async def interests(self, request: web.Request) -> web.Response:
        """Those of now."""
        user_id = id_in_path(request)
        if not self._views.items.ready.is_set():
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", f"no items yet: {self._views.problem}")
        try:
            found = await self._users.find(user_id)
        except (Unavailable, Misconfigured) as error:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "store_unavailable", str(error)) from None
        if found is None:
            raise Problem(
                HTTPStatus.NOT_FOUND,
                "unknown_user",
                "nothing has come of this user yet, or they were forgotten",
            )
        now_ms = time.time_ns() // 1_000_000
        made = interests_of(*found, self._views.items.facets, self._half_life_days, now_ms)
        return web.Response(body=msgspec.json.encode(made), content_type="application/json")
