"""All that the API answers, put together."""

from aiohttp import web
from prometheus_client import generate_latest

from serving.api.dependencies import Dependencies
from serving.api.health import add_health
from serving.api.requests import add_request_id, answered
from serving.api.routes.lists import ListRoutes
from serving.api.routes.streams import StreamRoutes

__all__ = ()

_MOST_BYTES = 1024 * 1024  # of a body


def application(dependencies: Dependencies, streams: StreamRoutes) -> web.Application:
    """Build it. Streams end as it shuts down."""
    app = web.Application(middlewares=[answered], client_max_size=_MOST_BYTES)
    app.on_response_prepare.append(add_request_id)
    add_health(app, dependencies.live, dependencies.ready, generate_latest)
    app.on_shutdown.append(streams.stop)
    app.router.add_get("/v1/users/{id}/recommendations", ListRoutes(dependencies.views).recommendations)
    app.router.add_get("/v1/users/{id}/events", streams.events, allow_head=False)
    return app
