"""Events and commands in: `POST /v1/events`, `POST /v1/commands`."""

import uuid
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from penchant.errors import Rejected, RejectReason
from penchant.messages import Click, Command, Review
from penchant.producer.outgoing_record import check
from serving.api.outbox import Outbox, Outgoing
from serving.api.problems import Problem
from serving.api.queries import json_in_body
from serving.api.scope import check_users, holder_name

__all__ = ()

MOST_AT_ONCE = 1000
_MOST_NAMED = 100  # of what is wrong

Kind = type[Click] | type[Review] | type[Command]


class IngestRoutes:
    """Answers with 202 once the broker has all of them; nothing is sent where one is wrong."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def events(self, request: web.Request) -> web.Response:
        """One event, or a list: clicks, reviews and statements."""
        return await self._take(request, _event_kind, "event_id")

    async def commands(self, request: web.Request) -> web.Response:
        """One command, or a list."""
        return await self._take(request, lambda _: Command, "command_id")

    async def _take(self, request: web.Request, kind: Callable[[dict[str, Any]], Kind], id_name: str) -> web.Response:
        given = await _given(request)
        messages: list[Outgoing] = []
        errors: list[dict[str, object]] = []
        for index, each in enumerate(given):
            try:
                messages.append(_read(each, kind, id_name))
            except Rejected as error:
                told: dict[str, object] = {"index": index, "reason": error.reason.value, "detail": str(error)}
                if isinstance(each, dict) and isinstance(named := each.get(id_name), str):
                    told[id_name] = named
                errors.append(told)
        if errors:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "rejected",
                f"{len(errors)} of {len(given)} cannot be taken, so nothing was sent: `errors` says which and why",
                errors=errors[:_MOST_NAMED],
            )
        ids = [getattr(message, id_name) for message in messages]
        check_users(request, (user_id for message in messages for user_id in _named(message)))
        await self._outbox.send(messages, ids, holder_name(request))
        body = msgspec.json.encode({"ids": ids})
        return web.Response(body=body, status=HTTPStatus.ACCEPTED, content_type="application/json")


def _named(message: Outgoing) -> Iterator[str]:
    """The users whom a message is about."""
    yield message.user_id
    if isinstance(message, Command) and message.anonymous_id is not None:
        yield message.anonymous_id


async def _given(request: web.Request) -> list[Any]:
    body = await json_in_body(request)
    given = body if isinstance(body, list) else [body]
    if not 0 < len(given) <= MOST_AT_ONCE:
        raise Problem(
            HTTPStatus.BAD_REQUEST, "bad_count", f"it holds {len(given)}: 1 to {MOST_AT_ONCE} are taken at once"
        )
    return given


def _event_kind(event: dict[str, Any]) -> Kind:
    """As `penchant produce` tells them apart; a rating of an item alone is a review without words."""
    return Review if "text" in event or ("rating" in event and "type" not in event) else Click


def _read(given: Any, kind: Callable[[dict[str, Any]], Kind], id_name: str) -> Outgoing:
    """The message, with an id. Raises Rejected."""
    if not isinstance(given, dict):
        raise Rejected(RejectReason.SCHEMA, "it is no JSON object")
    fields = dict(given)
    if fields.get(id_name) is None:
        fields[id_name] = uuid.uuid4().hex
    made = kind(fields)
    if made is Review:
        fields.setdefault("text", "")
    try:
        message: Outgoing = msgspec.convert(fields, made)
    except msgspec.ValidationError as error:
        missing = "missing required field" in str(error)
        raise Rejected(RejectReason.MISSING_FIELD if missing else RejectReason.SCHEMA, str(error)) from None
    check(message)
    return message
