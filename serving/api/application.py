"""All that the API answers, put together."""

from collections.abc import Iterator
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Middleware
from prometheus_client import generate_latest

from serving.api.access import asks_for_keys
from serving.api.admission.cross_origin import CrossOrigin
from serving.api.admission.rate_limits import TokenBuckets, limits
from serving.api.dependencies import Dependencies
from serving.api.description.openapi import document
from serving.api.health import add_health
from serving.api.keys import KeyFile
from serving.api.requests import add_request_id, answered
from serving.api.routes.histories import HistoryRoutes
from serving.api.routes.ingest import IngestRoutes
from serving.api.routes.interests import InterestRoutes
from serving.api.routes.items import ItemRoutes
from serving.api.routes.items_shown import ShownItemRoutes
from serving.api.routes.lists import ListRoutes
from serving.api.routes.on_demand_lists import OnDemandRoutes
from serving.api.routes.operator import OperatorRoutes
from serving.api.routes.page import PageRoutes
from serving.api.routes.streams import StreamRoutes

__all__ = ()


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Who may ask for how much. most_bytes: of a body. keys: None where everybody may do all.

    per_s: tokens of a client, 0: no limit. origins: of pages that may read answers.
    """

    most_bytes: int
    keys: KeyFile | None = None
    per_s: float = 0.0
    origins: tuple[str, ...] = ()

    def middlewares(self) -> Iterator[Middleware]:
        """In the order in which a request passes them."""
        yield answered
        if self.origins:
            yield CrossOrigin(self.origins).middleware()
        if self.keys is not None:
            yield asks_for_keys(self.keys)
        if self.per_s:
            yield limits(TokenBuckets(self.per_s))


def application(
    dependencies: Dependencies, streams: StreamRoutes, interests: InterestRoutes, admission: Admission
) -> web.Application:
    """Build it. Streams end as it shuts down."""
    app = web.Application(middlewares=list(admission.middlewares()), client_max_size=admission.most_bytes)
    app.on_response_prepare.append(add_request_id)
    if admission.origins:
        app.on_response_prepare.append(CrossOrigin(admission.origins).add_headers)
    add_health(app, dependencies.live, dependencies.ready, generate_latest)
    app.on_shutdown.append(streams.stop)
    app.router.add_get("/v1/users/{id}/recommendations", ListRoutes(dependencies.views).recommendations)
    app.router.add_get("/v1/users/{id}/events", streams.events, allow_head=False)
    app.router.add_get("/v1/users/{id}/interests", interests.interests)
    asked = OnDemandRoutes(dependencies.users, dependencies.on_demand, dependencies.outbox)
    app.router.add_post("/v1/users/{id}/query", asked.query)
    app.router.add_post("/v1/users/{id}/conversation", asked.converse)
    app.router.add_post("/v1/users/{id}/rank", asked.rank)
    app.router.add_get("/v1/users/{id}/explain/{item}", asked.explain)
    app.router.add_get("/v1/items/{id}/similar", ItemRoutes(dependencies.views).similar)
    ingest = IngestRoutes(dependencies.outbox)
    app.router.add_post("/v1/events", ingest.events)
    app.router.add_post("/v1/commands", ingest.commands)
    description = document()

    async def describe(_: web.Request) -> web.Response:
        return web.Response(body=description, content_type="application/json")

    app.router.add_get("/openapi.json", describe)
    return app


def add_page(
    app: web.Application, page: PageRoutes, shown: ShownItemRoutes, history: HistoryRoutes, operator: OperatorRoutes
) -> None:
    """Add the page, what it shows beside lists, and what operators see."""
    app.router.add_get("/", page.page)
    app.router.add_get("/web/{file}", page.part)
    app.router.add_get("/v1/items", shown.items)
    app.router.add_get("/v1/map", shown.map)
    app.router.add_get("/v1/users/{id}/history", history.history)
    app.router.add_get("/v1/operator/users", operator.users)
    app.router.add_get("/v1/operator/workers", operator.workers)
    app.router.add_get("/v1/operator/dead-letters", operator.letters)
    app.router.add_post("/v1/operator/dead-letters/redrive", operator.redrive)
