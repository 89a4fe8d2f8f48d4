"""Whom the key of a request is for: a file of keys may say that of each."""

from collections.abc import Iterable
from http import HTTPStatus

from aiohttp import web

from serving.api.keys import Holder
from serving.api.problems import Problem

__all__ = ()

HOLDER = "penchant.holder"  # where a request has who holds its key


def check_users(request: web.Request, user_ids: Iterable[str]) -> None:
    """Raise Problem unless who asks may name all of these users; without a file of keys everybody may."""
    holder: Holder | None = request.get(HOLDER)
    if holder is not None and not all(map(holder.may_name, user_ids)):
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "this key is not for every user named here; nothing was done")


def holder_name(request: web.Request) -> str:
    """The name of the key that was sent; empty without a file of keys."""
    holder: Holder | None = request.get(HOLDER)
    return "" if holder is None else holder.name
