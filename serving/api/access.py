"""Keys asked for where a route has a role: `Authorization: Bearer …`."""

import ipaddress
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from penchant.errors import Misconfigured
from serving.api.description.page_operations import OPERATIONS
from serving.api.keys import Holder, KeyFile, Role
from serving.api.problems import Problem
from serving.api.scope import HOLDER, check_users

__all__ = ()

_OF_EVERYBODY = "/v1/operator/"
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
            request[HOLDER] = _holder(keys, request.headers.get("Authorization", ""))
            check_role(request, role)
            _check_scope(request, request[HOLDER])
        return await handler(request)

    return refuse


def check_role(request: web.Request, role: Role) -> None:
    """Raise Problem unless who asks may do what needs this role; without a file of keys everybody may."""
    holder = request.get(HOLDER)
    if holder is not None and not holder.roles & {role, Role.ADMIN}:
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", f"this key has not the role `{role.value}`, which this needs")


def _check_scope(request: web.Request, holder: Holder) -> None:
    """What is in the path; what is in a body is for its route (`check_users`)."""
    resource = request.match_info.route.resource
    path = resource.canonical if resource is not None else ""
    if path.startswith("/v1/users/"):
        check_users(request, [request.match_info["id"]])
    elif holder.users is not None and path.startswith(_OF_EVERYBODY):
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "this key is for some users alone, and this is about all")


def _holder(keys: KeyFile, given: str) -> Holder:
    scheme, _, key = given.partition(" ")
    holder = keys.holder(key.strip()) if scheme.lower() == "bearer" else None
    if holder is None:
        what = "this key is not known" if key else "a key is needed"
        raise Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", f"{what}: send it as `Authorization: Bearer KEY`")
    return holder


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
