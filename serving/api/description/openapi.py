"""`/openapi.json`: what is answered, in OpenAPI 3.1. Schemas of messages are made from their classes."""

from importlib.metadata import version
from typing import Any

import msgspec

from penchant.messages import Click, Command, RecommendationList, Review
from serving.api.description.operations import COUNT, Operation
from serving.api.description.page_operations import OPERATIONS
from serving.api.ondemand.made_lists import ConversationTurn, ExplainedItems, QueriedList, RankedItems
from serving.api.operator.dead_letters import Letters, RedriveRequest, RedriveResult
from serving.api.operator.worker_counts import Workers
from serving.api.routes.items import SimilarItems
from serving.api.routes.items_shown import KnownItems
from serving.api.routes.on_demand_lists import Query, RankedRequest, Said
from serving.api.routes.operator import KnownUsers
from serving.api.shown.item_map import Map
from serving.api.shown.named_interests import Interests
from serving.api.shown.past_events import History

__all__ = ()

_REF = "#/components/schemas/{name}"
_ASKED = [Query, Said, ConversationTurn, RankedRequest, QueriedList, RankedItems, ExplainedItems]
_SHOWN = (KnownItems, Map, History, KnownUsers, Workers, Letters, RedriveRequest, RedriveResult)
_PROBLEMS = {
    401: "a key is needed, where a file of keys is set",
    403: "the key has not the role",
    400: "what was asked cannot be understood",
    404: "it is not known",
    413: "the body is too large",
    415: "the body is not application/json",
    429: "too many requests of this client: come again after `Retry-After` seconds",
    422: "nothing was sent: `errors` says which cannot be taken, and why",
    503: "not now: come again after `Retry-After` seconds",
}


class Accepted(msgspec.Struct, kw_only=True):
    """ids: of what was sent, in the order given; made where there were none."""

    ids: list[str]


class Fault(msgspec.Struct, kw_only=True):
    """One that cannot be taken: its place in the list, from 0, why (as in the dead letters), its id if it has one."""

    index: int
    reason: str
    detail: str
    event_id: str | None = None
    command_id: str | None = None


class ProblemBody(msgspec.Struct, kw_only=True, rename={"kind": "type"}):
    """RFC 9457. reason: a word for programs. detail: a sentence. errors: what cannot be taken. ids: to send again."""

    kind: str
    title: str
    status: int
    detail: str
    reason: str
    request_id: str
    parameter: str | None = None
    ids: list[str] = []
    errors: list[Fault] = []


class Health(msgspec.Struct, kw_only=True):
    """why: in one sentence. Other members say how each thing is that it depends on."""

    ok: bool
    why: str


def document() -> bytes:
    """The description, JSON."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    described = {
        "openapi": "3.1.0",
        "info": {
            "title": "Penchant",
            "version": version("penchant"),
            "description": "Lists of what each user is inclined to right now, and events in. Answers have an "
            "`X-Request-Id`, the request's own if it has one.",
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }
    return msgspec.json.encode(described)


def _schemas() -> dict[str, Any]:
    _, made = msgspec.json.schema_components(
        [
            Click,
            Review,
            Command,
            RecommendationList,
            SimilarItems,
            Interests,
            Accepted,
            ProblemBody,
            Health,
            *_ASKED,
            *_SHOWN,
        ],
        ref_template=_REF,
    )
    schemas: dict[str, Any] = made
    schemas["Command"]["required"].remove("command_id")  # it is made
    for name in ("RecommendationList", "QueriedList", "ConversationTurn"):
        schemas[name]["properties"]["path"]["enum"].append("stale")
    for name in ("Query", "Said", "RankedRequest"):
        schemas[name]["patternProperties"] = {"^facet[.].": {"anyOf": schemas[name]["properties"]["exclude"]["anyOf"]}}
    return schemas


def _described(operation: Operation) -> dict[str, Any]:
    answers: dict[str, Any] = {
        str(status): {"description": answer.what, **answer.content()} for status, answer in operation.answers.items()
    }
    answers |= {str(status): _problem(status) for status in (*operation.problems, *_refusals(operation))}
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": operation.parameters,
        "responses": answers,
    }
    if operation.role is not None:
        told["security"] = [{"key": []}, {}]
        told["description"] = f"Where a file of keys is set: with the role `{operation.role.value}`, or `admin`."
    if operation.body:
        told["requestBody"] = {"required": True, "content": {"application/json": _one_or_more(operation)}}
    return told


def _refusals(operation: Operation) -> tuple[int, ...]:
    return () if operation.role is None else (401, 403, 429)


def _one_or_more(operation: Operation) -> dict[str, Any]:
    """What a body holds: one of its components; where it may be several, or a list of them."""
    one: dict[str, Any] = {"anyOf": [{"$ref": _REF.format(name=name)} for name in operation.body]}
    if not operation.several:
        return {"schema": one, "examples": operation.examples}
    several = {"type": "array", "items": one, "minItems": 1, "maxItems": COUNT}
    return {"schema": {"anyOf": [one, several]}, "examples": operation.examples}


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": _REF.format(name="ProblemBody")}
    example = {
        "type": "about:blank",
        "title": "Problem",
        "status": status,
        "detail": _PROBLEMS[status],
        "reason": "a_word",
        "request_id": "5c0f1e0b9a7d4a7e8f3c2b1a09d8e7f6",
    }
    return {
        "description": _PROBLEMS[status],
        "content": {"application/problem+json": {"schema": schema, "examples": {"problem": {"value": example}}}},
    }
