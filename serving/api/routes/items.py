"""What is known of items: `GET /v1/items/{id}/similar`."""

import asyncio
from http import HTTPStatus
from itertools import islice

import msgspec
from aiohttp import web

from serving.api.followed.views import Views
from serving.api.problems import Problem
from serving.api.queries import ListQuery, id_in_path, list_query
from serving.api.routes.lookups import known_items

__all__ = ()

_USUAL = 20
_ENCODER = msgspec.json.Encoder()


class SimilarItem(msgspec.Struct):
    """score: the cosine of the two vectors, from -1 to 1."""

    item_id: str
    title: str
    score: float


class SimilarItems(msgspec.Struct):
    """Items like one, nearest first, without what is not on offer."""

    item_id: str
    items: list[SimilarItem]


class ItemRoutes:
    """Answers from the view of items alone."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def similar(self, request: web.Request) -> web.Response:
        """Those whose titles and texts say the like."""
        item_id, query = id_in_path(request), list_query(request.query)
        items = known_items(self._views)
        if not items.vectors.has(item_id):
            raise Problem(HTTPStatus.NOT_FOUND, "unknown_item", "there is no such item, or it was not embedded yet")
        found = await asyncio.to_thread(self._nearest, item_id, query)
        return web.Response(body=_ENCODER.encode(SimilarItems(item_id, found)), content_type="application/json")

    def _nearest(self, item_id: str, query: ListQuery) -> list[SimilarItem]:
        items = self._views.items
        try:
            wanted = (
                SimilarItem(other, items.title(other), round(score, 4))
                for other, score in items.vectors.nearest(item_id)
                if other not in query.exclude and items.is_offered(other, query.facets)
            )
            return list(islice(wanted, query.offset, query.offset + (query.k or _USUAL)))
        except KeyError:  # it was removed just now
            return []
