"""Lists made because somebody asks: for a text, in a conversation, of the caller's own items, explained.

`POST /v1/users/{id}/query`, `POST /v1/users/{id}/conversation`, `POST /v1/users/{id}/rank`,
`GET /v1/users/{id}/explain/{item}`.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated

import msgspec
from aiohttp import web

from penchant.errors import Misconfigured, Rejected, Unavailable
from penchant.fields import check_id
from penchant.messages import Review
from penchant.producer.outgoing_record import check
from serving.api.access import check_role
from serving.api.keys import Role
from serving.api.ondemand.port import KnownUser, NotAnswered, OnDemand, Wanted
from serving.api.outbox import Outbox
from serving.api.problems import Problem, bad_request
from serving.api.queries import MOST_ENTRIES, filtered_body_of, id_in_path
from serving.api.routes.lookups import unknown_user
from serving.api.stored_users import StoredUsers
from serving.state.user_state import UserState

__all__ = ()

_ENCODER = msgspec.json.Encoder()


class Said(msgspec.Struct, kw_only=True):
    """What somebody says, and which items are wanted, how many, and which not: by facets with `facet.NAME`, too.

    event_id: of the statement; made where there is none. language: of reasons' words and questions (`en`, `zh-CN`).
    """

    text: Annotated[str, msgspec.Meta(min_length=1)]
    k: Annotated[int, msgspec.Meta(ge=1, le=MOST_ENTRIES)] | None = None
    exclude: str | list[str] = []
    event_id: str | None = None
    language: str | None = None


class Query(Said, kw_only=True):
    """A text for a list. remember: whether it is sent as a statement of the user's, too."""

    remember: bool = False


class RankedRequest(msgspec.Struct, kw_only=True):
    """items: the caller's own candidates, by id; without those to `exclude`, and by facets with `facet.NAME`."""

    items: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=256)]],
        msgspec.Meta(min_length=1, max_length=MOST_ENTRIES),
    ]
    exclude: str | list[str] = []


class OnDemandRoutes:
    """Reads users from the store, and has lists made in this process."""

    def __init__(self, users: StoredUsers, on_demand: OnDemand, outbox: Outbox) -> None:
        self._users = users
        self._on_demand = on_demand
        self._outbox = outbox

    async def query(self, request: web.Request) -> web.Response:
        """A list for a text, which the profile is told of only if the caller says so."""
        user_id = id_in_path(request)
        asked, filters = await filtered_body_of(request, Query)
        if asked.remember:
            check_role(request, Role.INGEST)
        said = _statement(user_id, asked)
        with refused():
            user = await self._user(user_id)
            about = msgspec.structs.replace(said, user_id=user.user_id)
            made = await self._on_demand.query(user, about, Wanted(asked.k, filters))
        if asked.remember:
            await self._outbox.send([said], [said.event_id or ""])
        return _answer(msgspec.structs.replace(made, remembered=asked.remember))

    async def converse(self, request: web.Request) -> web.Response:
        """A list for what is said, which is remembered; and one question, if that leaves open what is meant."""
        check_role(request, Role.INGEST)
        user_id = id_in_path(request)
        asked, filters = await filtered_body_of(request, Said)
        said = _statement(user_id, asked)
        with refused():
            user = await self._user(user_id)
            about = msgspec.structs.replace(said, user_id=user.user_id)
            made = await self._on_demand.converse(user, about, Wanted(asked.k, filters))
        await self._outbox.send([said], [said.event_id or ""])
        return _answer(msgspec.structs.replace(made, remembered=True))

    async def rank(self, request: web.Request) -> web.Response:
        """The caller's items in this user's order."""
        user_id = id_in_path(request)
        asked, filters = await filtered_body_of(request, RankedRequest)
        try:
            for item_id in asked.items:
                check_id("items", item_id)
        except Rejected as error:
            raise bad_request(error) from None
        with refused():
            made = await self._on_demand.rank(await self._user(user_id), asked.items, filters)
        return _answer(made)

    async def explain(self, request: web.Request) -> web.Response:
        """Where the points of an item come from; with `?without=EVENT_ID` the list without that event, too."""
        user_id, item_id = id_in_path(request), id_in_path(request, "item")
        without = request.query.get("without")
        if without is not None:
            try:
                check_id("without", without)
            except Rejected as error:
                raise bad_request(error) from None
        with refused():
            user = await self._user(user_id, known=True)
            made = await self._on_demand.explain(user, item_id, without)
        if not made.items:
            raise Problem(HTTPStatus.NOT_FOUND, "unknown_item", "there is no such item, and no event names it")
        return _answer(made)

    async def _user(self, user_id: str, *, known: bool = False) -> KnownUser:
        found = await self._users.find(user_id)
        if found is None and known:
            raise unknown_user()
        return KnownUser(*found) if found is not None else KnownUser(user_id, UserState())


def _statement(user_id: str, asked: Said) -> Review:
    context = {"language": asked.language} if asked.language is not None else None
    event_id = asked.event_id if asked.event_id is not None else uuid.uuid4().hex
    said = Review(user_id=user_id, text=asked.text, event_id=event_id, context=context)
    try:
        check(said)
    except Rejected as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.reason.value, str(error)) from None
    return said


@contextmanager
def refused() -> Iterator[None]:
    """Have what could not be answered told as a problem."""
    try:
        yield
    except NotAnswered as error:
        gone = error.reason in {"unknown_event", "retract_too_late"}
        status = HTTPStatus.NOT_FOUND if gone else HTTPStatus.SERVICE_UNAVAILABLE
        raise Problem(status, error.reason, str(error)) from None
    except Rejected as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, error.reason.value, str(error)) from None
    except (Unavailable, Misconfigured) as error:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "store_unavailable", str(error)) from None


def _answer(made: object) -> web.Response:
    return web.Response(body=_ENCODER.encode(made), content_type="application/json")
