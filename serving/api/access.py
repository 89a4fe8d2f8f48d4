"""Keys asked for where a route has a role: `Authorization: Bearer …`."""

import ipaddress
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from penchant.errors import Misconfigured
from serving.api.description.page_operations import OPERATIONS
from serving.api.keys import KeyFile, Role
from serving.api.problems import Problem

__all__ = ()

_GIVEN = "penchant.roles"  # where a request has those of its key
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
            request[_GIVEN] = _roles_of(keys, request.headers.get("Authorization", ""))
            check_role(request, role)
        return await handler(request)

    return refuse


def check_role(request: web.Request, role: Role) -> None:
    """Raise Problem unless who asks may do what needs this role; without a file of keys everybody may."""
    roles = request.get(_GIVEN)
    if roles is not None and not roles & {role, Role.ADMIN}:
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", f"this key has not the role `{role.value}`, which this needs")


def _roles_of(keys: KeyFile, given: str) -> frozenset[Role]:
    scheme, _, key = given.partition(" ")
    roles = keys.roles_of(key.strip()) if scheme.lower() == "bearer" else None
    if roles is None:
        what = "this key is not known" if key else "a key is needed"
        raise Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", f"{what}: send it as `Authorization: Bearer KEY`")
    return roles


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
