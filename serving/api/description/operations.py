"""What the API can be asked, as data: `openapi.py` makes the description of it."""

from typing import Any

import msgspec

from serving.api.keys import Role
from serving.api.queries import MOST_ENTRIES
from serving.api.routes.ingest import MOST_AT_ONCE

__all__ = ()

COUNT = MOST_AT_ONCE
COSTLY = 20  # tokens of what takes milliseconds of the processor, where reading a list takes .14
_ENTRY = {
    "item_id": "i3",
    "score": 1.93,
    "source": "covisit",
    "reasons": [{"event_id": "c-17", "share": 0.41, "words": 'you clicked on "Alien (1979)"'}],
}
LIST = {
    "user_id": "u1",
    "version": 1795341600123,
    "generated_at": "2026-11-22T10:00:00.130Z",
    "expires_at": "2026-11-23T10:00:00.130Z",
    "fingerprint": "e5s-1a2b3c4d",
    "path": "live",
    "cause": {
        "topic": "penchant.clicks.v1",
        "partition": 2,
        "offset": 4711,
        "event_id": "c-17",
        "event_time": "2026-11-22T10:00:00.123Z",
    },
    "folded": [{"topic": "penchant.clicks.v1", "partition": 2, "offset": 4711, "event_id": "c-17"}],
    "folded_more": 0,
    "items": [_ENTRY],
}


class Answer(msgspec.Struct, frozen=True):
    """what: in words. schema: a component, or a schema; None: there is no body."""

    what: str
    schema: str | dict[str, str] | None = None
    example: Any = None
    media: str = "application/json"

    def content(self) -> dict[str, Any]:
        """The part of a response that has its body."""
        if self.schema is None:
            return {}
        schema = {"$ref": f"#/components/schemas/{self.schema}"} if isinstance(self.schema, str) else self.schema
        return {"content": {self.media: {"schema": schema, "examples": {"example": {"value": self.example}}}}}


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """A method of a path.

    role: that a key needs, None for everybody. body: components of which it takes one, or a list, if it may be several.
    problems: statuses. cost: tokens of a client's bucket.
    """

    method: str
    path: str
    name: str
    summary: str
    answers: dict[int, Answer]
    role: Role | None = None
    problems: tuple[int, ...] = ()
    parameters: list[dict[str, Any]] = []
    body: tuple[str, ...] = ()
    several: bool = True
    cost: int = 1
    examples: dict[str, Any] = {}


def parameter(name: str, where: str, what: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One of a request's parameters."""
    return {"name": name, "in": where, "description": what, "schema": schema, "required": where == "path", **more}


USER = parameter(
    "id", "path", "the user's id, as URLs encode it", {"type": "string", "minLength": 1, "maxLength": 256}, example="u1"
)
_ITEM = parameter(
    "id", "path", "the item's id, as URLs encode it", {"type": "string", "minLength": 1, "maxLength": 256}, example="i9"
)
_EXPLAINED = parameter(
    "item",
    "path",
    "the item's id, as URLs encode it",
    {"type": "string", "minLength": 1, "maxLength": 256},
    example="i3",
)
_WITHOUT = parameter(
    "without", "query", "an event of the user that is to be left out", {"type": "string", "minLength": 1}
)
_PART = [
    parameter("k", "query", "so many entries at most", {"type": "integer", "minimum": 1, "maximum": MOST_ENTRIES}),
    parameter(
        "offset",
        "query",
        "so many of those that the filters leave are passed over",
        {"type": "integer", "minimum": 0, "maximum": MOST_ENTRIES},
    ),
    parameter(
        "exclude",
        "query",
        "items to leave out, several with commas or given several times",
        {"type": "array", "items": {"type": "string"}},
        explode=True,
    ),
    parameter(
        "facet",
        "query",
        "written `facet.NAME=VALUE`: only items with one of the values that are given of each name",
        {"type": "object", "additionalProperties": {"type": "string"}},
        style="form",
        explode=False,
    ),
]
_FALLBACK = parameter(
    "fallback", "query", "what is told of a user that is not known", {"type": "string", "enum": ["trending"]}
)
_ETAG = parameter("If-None-Match", "header", "the ETag of a list that one has", {"type": "string"})
_LAST = parameter("Last-Event-ID", "header", "the version of the list that one has", {"type": "string"})
_CLICK = {"user_id": "u1", "item_id": "i9", "type": "click", "event_id": "c-17"}
_STATEMENT = {"user_id": "u1", "text": "我喜欢看电影，尤其是科幻片"}
_EVENTS = {"click": {"value": _CLICK}, "statement": {"value": _STATEMENT}, "several": {"value": [_CLICK, _STATEMENT]}}
_COMMANDS = {
    "retract": {"value": {"type": "retract", "user_id": "u1", "event_id": "c-17"}},
    "merge": {"value": {"type": "merge", "user_id": "u1", "anonymous_id": "a7", "command_id": "k-2"}},
    "erase": {"value": {"type": "erase", "user_id": "u1"}},
}
_ACCEPTED = Answer("the broker has all of them", "Accepted", {"ids": ["c-17"]})
_INTERESTS = {
    "user_id": "u1",
    "as_of": "2026-11-22T10:00:00.000Z",
    "events": 17,
    "interests": [
        {
            "facet": "genre",
            "name": "Sci-Fi",
            "weight": 1.3,
            "half_life_days": 30.0,
            "evidence": [
                {"event_id": "c-17", "event_time": "2026-11-22T09:59:00.000Z", "weight": 1.0, "item_id": "i9"},
                {"event_id": "c-16", "event_time": "2026-11-22T09:58:00.000Z", "weight": 0.3, "item_id": "i3"},
            ],
        }
    ],
}
_SIMILAR = {"item_id": "i9", "items": [{"item_id": "i3", "title": "Aliens (1986)", "score": 0.71}]}
_QUERIED = LIST | {"cause": None, "folded": [], "event_id": "q-5", "remembered": False}
_CHOICES = {"Comedy": "Comedy", "Western": "Western", "Something else": "no Comedy, no Western"}
_TURN = _QUERIED | {
    "remembered": True,
    "question": {
        "kind": "clarify",
        "facet": "genre",
        "text": "What do you have in mind: Comedy or Western?",
        "choices": [
            {
                "label": label,
                "events": [
                    {"user_id": "u1", "text": text, "event_id": f"answer-5f0c-{at}", "context": {"language": "en"}}
                ],
            }
            for at, (label, text) in enumerate(_CHOICES.items(), 1)
        ],
    },
}
_RANKED = {
    "user_id": "u1",
    "path": "live",
    "items": [_ENTRY | {"kept_off": ""}],
    "unknown": ["i404"],
}
_TOLD = {
    "user_id": "u1",
    "items": [
        {
            "item_id": "i3",
            "title": "Aliens (1986)",
            "place": 1,
            "kept_off": "",
            "score": 1.93,
            "parts": {"co_occurrence": 1.53, "total": 0.4},
            "events": [
                {
                    "event_id": "c-17",
                    "item_id": "i9",
                    "time_ms": 1795341600123,
                    "words": 'you clicked on "Alien (1979)"',
                    "points": 1.53,
                    "parts": {"co_occurrence": 1.53},
                }
            ],
            "apart": {"total": 0.4},
        }
    ],
}
_TEXT = {"type": "string"}
_FACTS = {"redis": "ok", "broker": "ok", "lists": "ok", "on_demand": "ready"}
_WELL = {"ok": True, "why": "redis and broker answer, lists are followed", **_FACTS}
_ILL = {"ok": False, "why": "redis does not answer", **_FACTS, "redis": "does not answer"}

OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/users/{id}/recommendations",
        name="getRecommendations",
        role=Role.READ,
        summary="The user's list, as it stands on the topic, without items that are gone.",
        parameters=[USER, *_PART, _FALLBACK, _ETAG],
        answers={200: Answer("the list", "RecommendationList", LIST), 304: Answer("it is as the client has it")},
        problems=(400, 404, 503),
    ),
    Operation(
        method="GET",
        path="/v1/users/{id}/events",
        name="followRecommendations",
        role=Role.READ,
        summary="Server-sent events: `list` for the list that stands and each new one, `erased`.",
        parameters=[USER, _LAST],
        answers={
            200: Answer("a stream", _TEXT, 'id: 1795341600123\nevent: list\ndata: {"…": 0}\n\n', "text/event-stream")
        },
        problems=(400, 503),
    ),
    Operation(
        method="GET",
        path="/v1/users/{id}/interests",
        name="getInterests",
        role=Role.READ,
        summary="What the user's last events and statements have in common, by name, strongest first; "
        "values that all items have are left out.",
        parameters=[USER],
        answers={200: Answer("the interests", "Interests", _INTERESTS)},
        problems=(400, 404, 503),
    ),
    Operation(
        method="POST",
        path="/v1/users/{id}/query",
        name="query",
        cost=COSTLY,
        role=Role.READ,
        summary="A list for a text and this user, at once, filtered as lists are; the profile is not told, unless "
        "`remember` says so.",
        parameters=[USER],
        body=("Query",),
        several=False,
        examples={
            "query": {"value": {"text": "something light for tonight", "k": 10}},
            "filtered": {"value": {"text": "space", "exclude": ["i9"], "facet.genre": ["Sci-Fi", "Western"]}},
            "statement": {"value": {"text": "尤其是科幻片", "remember": True, "event_id": "r-4", "language": "zh"}},
        },
        answers={200: Answer("the list", "QueriedList", _QUERIED)},
        problems=(400, 413, 415, 422, 503),
    ),
    Operation(
        method="POST",
        path="/v1/users/{id}/conversation",
        name="converse",
        cost=COSTLY,
        role=Role.READ,
        summary="A list for what is said, which is remembered, and at most one question; needs the role `ingest`, too.",
        parameters=[USER],
        body=("Said",),
        several=False,
        examples={
            "open": {"value": {"text": "something good for tonight"}},
            "answer": {"value": {"text": "科幻", "event_id": "answer-5f0c-1", "language": "zh"}},
        },
        answers={200: Answer("the list", "ConversationTurn", _TURN)},
        problems=(400, 413, 415, 422, 503),
    ),
    Operation(
        method="POST",
        path="/v1/users/{id}/rank",
        name="rank",
        cost=COSTLY,
        role=Role.READ,
        summary="The caller's own candidates in this user's order, with scores and reasons, filtered as lists are.",
        parameters=[USER],
        body=("RankedRequest",),
        several=False,
        examples={
            "items": {"value": {"items": ["i3", "i404"]}},
            "filtered": {"value": {"items": ["i3", "i9", "i404"], "exclude": ["i9"], "facet.genre": "Sci-Fi"}},
        },
        answers={200: Answer("the items", "RankedItems", _RANKED)},
        problems=(400, 413, 415, 422, 503),
    ),
    Operation(
        method="GET",
        path="/v1/users/{id}/explain/{item}",
        name="explain",
        cost=COSTLY,
        role=Role.READ,
        summary="Where an item's points come from, or would come from without an event, and the list without it.",
        parameters=[USER, _EXPLAINED, _WITHOUT],
        answers={
            200: Answer(
                "the explanation", "ExplainedItems", _TOLD | {"without": "c-16", "list_without": LIST | {"cause": None}}
            )
        },
        problems=(400, 404, 503),
    ),
    Operation(
        method="GET",
        path="/v1/items/{id}/similar",
        name="getSimilarItems",
        cost=COSTLY,
        role=Role.READ,
        summary="Items whose titles and texts say the like, nearest first.",
        parameters=[_ITEM, *_PART],
        answers={200: Answer("the items", "SimilarItems", _SIMILAR)},
        problems=(400, 404, 503),
    ),
    Operation(
        method="POST",
        path="/v1/events",
        name="sendEvents",
        role=Role.INGEST,
        summary="One event or a list of them: actions, reviews and statements. All are sent, or none.",
        body=("Click", "Review"),
        examples=_EVENTS,
        answers={202: _ACCEPTED},
        problems=(400, 413, 415, 422, 503),
    ),
    Operation(
        method="POST",
        path="/v1/commands",
        name="sendCommands",
        role=Role.ADMIN,
        summary="One command or a list of them: retract, merge and erase.",
        body=("Command",),
        examples=_COMMANDS,
        answers={202: Answer("the broker has all of them", "Accepted", {"ids": ["k-1"]})},
        problems=(400, 413, 415, 422, 503),
    ),
    Operation(
        method="GET",
        path="/health/live",
        name="getLiveness",
        summary="Whether the process works.",
        answers={
            200: Answer("it does", "Health", {"ok": True, "why": "running"}),
            503: Answer("it is stuck: restart it", "Health", {"ok": False, "why": "nothing was asked for 11 s"}),
        },
    ),
    Operation(
        method="GET",
        path="/health/ready",
        name="getReadiness",
        summary="Whether requests can be answered.",
        answers={200: Answer("they can", "Health", _WELL), 503: Answer("not now", "Health", _ILL)},
    ),
    Operation(
        method="GET",
        path="/metrics",
        name="getMetrics",
        summary="Prometheus' text format.",
        answers={200: Answer("metrics", _TEXT, "penchant_api_request_seconds_count 1.0\n", "text/plain")},
    ),
    Operation(
        method="GET",
        path="/openapi.json",
        name="getDescription",
        summary="This description.",
        answers={200: Answer("OpenAPI 3.1", {"type": "object"}, {"openapi": "3.1.0"})},
    ),
)
