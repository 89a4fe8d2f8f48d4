"""What a page shows of items: `GET /v1/items` for titles and facets, `GET /v1/map` for where they lie."""

import asyncio
from hashlib import blake2b
from http import HTTPStatus

import msgspec
from aiohttp import web

from penchant.messages import Facets
from serving.api.followed.views import Views
from serving.api.problems import Problem
from serving.api.routes.lookups import known_items
from serving.api.shown.item_map import ItemMap

__all__ = ()

MOST_AT_ONCE = 200
_ENCODER = msgspec.json.Encoder()


class KnownItem(msgspec.Struct):
    """Of an item what its record says."""

    item_id: str
    title: str
    facets: Facets


class KnownItems(msgspec.Struct):
    """Those that are known of the ones asked for, in their order."""

    items: list[KnownItem]


class ShownItemRoutes:
    """Answers from the view of items alone."""

    def __init__(self, views: Views, item_map: ItemMap) -> None:
        self._views = views
        self._map = item_map

    async def items(self, request: web.Request) -> web.Response:
        """Titles and facets of some."""
        known_items(self._views)
        wanted = dict.fromkeys(request.query.getall("id", []))
        if not 0 < len(wanted) <= MOST_AT_ONCE:
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "bad_parameter",
                f"`id` is given {len(wanted)} times: 1 to {MOST_AT_ONCE} are told at once",
                parameter="id",
            )
        items = self._views.items
        known = [KnownItem(each, items.title(each), items.facets(each)) for each in wanted if items.knows(each)]
        return web.Response(body=_ENCODER.encode(KnownItems(known)), content_type="application/json")

    async def map(self, request: web.Request) -> web.Response:
        """All of it; 304 where the browser has it."""
        known_items(self._views)
        body = _ENCODER.encode(await asyncio.to_thread(self._map.drawn))
        tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return web.Response(body=body, content_type="application/json", headers=headers)
