"""What a user is inclined to, by name: `GET /v1/users/{id}/interests`."""

import asyncio
import time
from collections.abc import Collection

import msgspec
from aiohttp import web

from penchant.messages import Facets
from serving.api.followed.shared_values import FacetValue
from serving.api.followed.views import Views
from serving.api.queries import id_in_path
from serving.api.routes.lookups import known_items, known_user
from serving.api.shown.named_interests import interests_of
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
        items = known_items(self._views)
        found = await known_user(self._users, user_id)
        now_ms = time.time_ns() // 1_000_000
        shared = await asyncio.to_thread(items.shared)
        made = interests_of(*found, lambda item: _without(items.facets(item), shared), self._half_life_days, now_ms)
        return web.Response(body=msgspec.json.encode(made), content_type="application/json")


def _without(facets: Facets, shared: Collection[FacetValue]) -> Facets:
    """What tells an item from others."""
    if not shared:
        return facets
    return {
        name: [value for value in ([values] if isinstance(values, str) else values) if (name, value) not in shared]
        for name, values in facets.items()
    }
