"""Keys asked for where a route has a role: `Authorization: Bearer …`."""

import ipaddress
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from penchant.errors import Misconfigured
from serving.api.description.operations import OPERATIONS
from serving.api.keys import KeyFile, Role
from serving.api.problems import Problem

__all__ = ()

_ROLES = {(operation.method, operation.path): operation.role for operation in OPERATIONS}


def check_reachable_by_others(host: str, keys: KeyFile | None) -> None:
    """Raise Misconfigured where anybody could ask for anything."""
    if keys is None and not _is_loopback(host):
        raise Misconfigured(
            f"the API would answer everybody who reaches {host}: set PENCHANT_API_KEYS to a file of keys "
            "(docs/http.md), or listen on 127.0.0.1"
        )


def asks_for_keys(keys: KeyFile) -> Middleware:
    """Refuse whoever may not, before anything of the request is read."""

    @web.middleware
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        method = "GET" if request.method == "HEAD" else request.method
        role = _ROLES.get((method, resource.canonical)) if resource is not None else None
        if role is not None:
            _check(keys, request.headers.get("Authorization", ""), role)
        return await handler(request)

    return refuse


def _check(keys: KeyFile, given: str, role: Role) -> None:
    scheme, _, key = given.partition(" ")
    roles = keys.roles_of(key.strip()) if scheme.lower() == "bearer" else None
    if roles is None:
        what = "this key is not known" if key else "a key is needed"
        raise Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", f"{what}: send it as `Authorization: Bearer KEY`")
    if not roles & {role, Role.ADMIN}:
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", f"this key has not the role `{role.value}`, which this needs")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
