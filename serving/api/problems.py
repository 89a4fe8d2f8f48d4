"""What cannot be answered, as RFC 9457 has it: `application/problem+json`."""

from http import HTTPStatus

import msgspec
from aiohttp import web

from penchant.errors import Rejected

__all__ = ()

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = 1


class Problem(Exception):
    """Raised by a route. reason: a word for programs; detail: a sentence for people; more: further members.

    retry_after_s: of one that passes, when to come again.
    """

    def __init__(
        self, status: HTTPStatus, reason: str, detail: str, retry_after_s: int = RETRY_AFTER_S, **more: object
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.more = more


def bad_request(error: Rejected) -> Problem:
    """A problem of what was asked, such as an id that is none."""
    return Problem(HTTPStatus.BAD_REQUEST, error.reason.value, str(error))


def answer_of(problem: Problem, request_id: str) -> web.Response:
    """The problem as it is sent; one that passes says when to come again."""
    status = problem.status
    told = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": str(problem),
        "reason": problem.reason,
        "request_id": request_id,
        **problem.more,
    }
    passes = status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}
    headers = {"Retry-After": str(problem.retry_after_s)} if passes else {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="penchant"'
    return web.Response(body=msgspec.json.encode(told), status=status, content_type=CONTENT_TYPE, headers=headers)


def problem_of(error: web.HTTPException) -> Problem:
    """What aiohttp itself refuses: an unknown path, another method, a body that is too large."""
    status = HTTPStatus(error.status)
    details = {
        HTTPStatus.NOT_FOUND: "there is nothing under this path: /openapi.json has what there is",
        HTTPStatus.METHOD_NOT_ALLOWED: f"this path takes {error.headers.get('Allow', 'another method')}",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too large: send less at once",
    }
    return Problem(status, status.name.lower(), details.get(status, error.text or status.description))
