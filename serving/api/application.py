"""All that the API answers, put together."""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import generate_latest

from serving.api.health import Check, add_health
from serving.api.requests import add_request_id, answered
from serving.api.routes.lists import ListRoutes
from serving.api.views import Views

__all__ = ()

_MOST_BYTES = 1024 * 1024  # of a body


def application(views: Views, live: Callable[[], Check], ready: Callable[[], Check]) -> web.Application:
    """Build it; `live` and `ready` as for `add_health`."""
    app = web.Application(middlewares=[answered], client_max_size=_MOST_BYTES)
    app.on_response_prepare.append(add_request_id)
    add_health(app, live, ready, generate_latest)
    app.router.add_get("/v1/users/{id}/recommendations", ListRoutes(views).recommendations)
    return app
