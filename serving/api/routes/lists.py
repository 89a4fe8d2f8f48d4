"""Lists as they stand on the topic: `GET /v1/users/{id}/recommendations`."""

from hashlib import blake2b
from http import HTTPStatus

import msgspec
from aiohttp import web

from penchant.client.user_list import UserList
from penchant.messages import ListItem
from penchant.topics import TRENDING
from serving.api.followed.views import Views
from serving.api.problems import Problem
from serving.api.queries import ListQuery, id_in_path, list_query

__all__ = ()

_ENCODER = msgspec.json.Encoder()


class ListRoutes:
    """Answers from the views alone."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def recommendations(self, request: web.Request) -> web.Response:
        """The user's list; of one that is not known what trends, if that is asked for."""
        user_id, query = id_in_path(request), list_query(request.query)
        if not self._views.lists.ready() or (query.facets and not self._views.items.ready.is_set()):
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", f"no lists yet: {self._views.problem}")
        found = await self._views.lists.get_async(user_id)
        message = found.message
        if message is None or (message.user_id == TRENDING != user_id and not query.fallback):
            raise _unknown(user_id, query)
        body = encoded(msgspec.structs.replace(found, items=self._narrowed(found, query)))
        tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if _has(request.headers.get("If-None-Match", ""), tag):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return web.Response(body=body, content_type="application/json", headers=headers)

    def _narrowed(self, found: UserList, query: ListQuery) -> list[ListItem]:
        items = found.items
        if query.exclude:
            items = [item for item in items if item.item_id not in query.exclude]
        if query.facets:
            items = [item for item in items if self._views.items.has(item.item_id, query.facets)]
        return items[query.places]


def encoded(found: UserList) -> bytes:
    """The message as it stood on the topic, but for items that are left out, and the path."""
    message = found.message
    if message is None:
        raise TypeError("this is a bug: there is no list")
    if len(found.items) != len(message.items) or found.path != message.path:
        message = msgspec.structs.replace(message, items=found.items, path=found.path)
    return _ENCODER.encode(message)


def _unknown(user_id: str, query: ListQuery) -> Problem:
    if query.fallback or user_id == TRENDING:
        return Problem(
            HTTPStatus.NOT_FOUND, "no_trending_list", "nothing is known of this user, and nothing trends yet"
        )
    return Problem(
        HTTPStatus.NOT_FOUND,
        "unknown_user",
        "there is no list of this user: nothing has come of them yet, or they were erased; "
        "with ?fallback=trending you are told what trends",
    )


def _has(given: str, tag: str) -> bool:
    """Whether If-None-Match names a tag."""
    return bool(given) and any(each.strip().removeprefix("W/") in {tag, "*"} for each in given.split(","))
