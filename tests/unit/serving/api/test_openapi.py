"""What is described is what there is, and examples are of what is described."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import redis.asyncio as redis
from aiokafka.client import AIOKafkaClient

from deploy.dlq.box import BrokersDeadLetters
from penchant.errors import Misconfigured
from penchant.topics import Topics
from serving.api.application import Admission, add_page, application
from serving.api.dependencies import Dependencies
from serving.api.description.openapi import document
from serving.api.followed.views import Views
from serving.api.ondemand.on_first_use import OnFirstUse
from serving.api.ondemand.port import OnDemand
from serving.api.outbox import Outbox
from serving.api.routes.histories import HistoryRoutes
from serving.api.routes.interests import InterestRoutes
from serving.api.routes.items_shown import ShownItemRoutes
from serving.api.routes.operator import OperatorRoutes
from serving.api.routes.page import PageRoutes
from serving.api.routes.streams import StreamRoutes
from serving.api.shown.item_map import ItemMap
from serving.api.shown.past_events import Shown
from serving.api.stored_users import StoredUsers
from serving.connections import Connections


def _nobody() -> OnDemand:
    raise Misconfigured("nobody asks for a list here")


DOCUMENT = json.loads(document())
OPERATIONS = [
    (method, path, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]


def bodies(node: Any) -> Iterator[dict[str, Any]]:
    """Every media type that has a schema."""
    if isinstance(node, dict):
        if "schema" in node and ("examples" in node or "example" in node):
            yield node
        for each in node.values():
            yield from bodies(each)
    elif isinstance(node, list):
        for each in node:
            yield from bodies(each)


async def test_every_route_is_described_and_nothing_else() -> None:
    topics, store = Topics("penchant"), redis.Redis()
    users = StoredUsers(store, Connections())
    views = Views("127.0.0.1:1", topics, most=None, silent_s=30, fetch_wait_ms=500)
    dependencies = Dependencies(
        store, AIOKafkaClient(), views, Outbox(Connections(bootstrap="127.0.0.1:1"), 1024), users, OnFirstUse(_nobody)
    )
    app = application(
        dependencies, StreamRoutes(views, 15.0, 10), InterestRoutes(views, users, 30.0), Admission(most_bytes=1024)
    )
    item_map = ItemMap(views.items)
    history = HistoryRoutes(views, users, Shown(views.items.title, item_map, 30.0))
    add_page(
        app,
        PageRoutes(lambda: None),
        ShownItemRoutes(views, item_map),
        history,
        OperatorRoutes(views, [], BrokersDeadLetters("127.0.0.1:1", topics)),
    )

    routes = {(r.method, r.resource.canonical) for r in app.router.routes() if r.resource and r.method != "HEAD"}

    assert routes == {(method.upper(), path) for method, path, _ in OPERATIONS}
    await store.aclose()


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=lambda each: each if isinstance(each, str) else ""
)
def test_every_example_is_as_its_schema_says(method: str, path: str, operation: dict[str, Any]) -> None:
    found = list(bodies(operation))

    assert found
    for body in found:
        schema = {**body["schema"], "components": DOCUMENT["components"]}
        examples = [each["value"] for each in body.get("examples", {}).values()] or [body["example"]]
        for example in examples:
            jsonschema.validate(example, schema, jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("method", "path", "operation"), OPERATIONS, ids=lambda each: each if isinstance(each, str) else ""
)
def test_every_placeholder_of_a_path_is_a_parameter(method: str, path: str, operation: dict[str, Any]) -> None:
    named = {each["name"] for each in operation["parameters"] if each["in"] == "path"}

    assert named == {part.strip("{}") for part in path.split("/") if part.startswith("{")}


def test_a_wrong_example_would_be_found() -> None:
    schema = {"$ref": "#/components/schemas/RecommendationList", "components": DOCUMENT["components"]}

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"user_id": "u1"}, schema, jsonschema.Draft202012Validator)
