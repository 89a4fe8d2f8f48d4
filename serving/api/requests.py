"""What is done about every request: its id, its errors as problems, its time measured."""

import logging
import re
import time
import uuid
from http import HTTPStatus

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler
from prometheus_client import Histogram

from serving.api.problems import Problem, answer_of, problem_of

__all__ = ()

_log = logging.getLogger(__name__)
_HEADER = "X-Request-Id"
_LEGAL_ID = re.compile(r"[\x21-\x7e]{1,128}")
_SECONDS = Histogram(
    "penchant_api_request_seconds",
    "Time to answer, by method, route and status; of a stream of events its whole life.",
    ["method", "route", "status"],
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5),
)
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})


@web.middleware
async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer whatever happens: an error of ours is a problem with status 500, and stands in the log."""
    began = time.perf_counter()
    given = request.headers.get(_HEADER, "")
    request_id = request[_HEADER] = given if _LEGAL_ID.fullmatch(given) else uuid.uuid4().hex
    response: web.StreamResponse
    try:
        response = await handler(request)
    except Problem as problem:
        response = answer_of(problem, request_id)
    except web.HTTPException as error:
        response = answer_of(problem_of(error), request_id)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
    except ConnectionError:  # who asked is gone
        raise
    except Exception:  # noqa: BLE001 - whatever it is, who asked is answered
        _log.exception("%s %s (request %s)", request.method, _route(request), request_id)
        ours = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "a fault of ours: the log has it under this id")
        response = answer_of(ours, request_id)
    method = request.method if request.method in _METHODS else "other"
    _SECONDS.labels(method, _route(request), response.status).observe(time.perf_counter() - began)
    return response


async def add_request_id(request: web.Request, response: web.StreamResponse) -> None:
    """A signal of aiohttp, before headers are sent: those of streams, too."""
    if (request_id := request.get(_HEADER)) is not None:
        response.headers[_HEADER] = request_id


class NoHttp(logging.Filter):
    """For aiohttp's own log: what is no HTTP is answered with 400, and its address, with ids in it, stays out."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See `logging.Filter.filter`."""
        return record.exc_info is None or not isinstance(record.exc_info[1], HttpProcessingError)


def _route(request: web.Request) -> str:
    """Without ids: those of users do not belong into metrics and logs."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"
