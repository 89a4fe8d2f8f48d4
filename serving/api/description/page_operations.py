"""What the page asks beside lists, as data; and all that can be asked, together."""

from typing import Any

from serving.api.description.operations import OPERATIONS as LISTS_AND_EVENTS
from serving.api.description.operations import USER, Answer, Operation, parameter
from serving.api.keys import Role
from serving.api.routes.items_shown import MOST_AT_ONCE

__all__ = ()

_TEXT = {"type": "string"}
_LETTERS = {
    "letters": [
        {
            "topic": "penchant.clicks.v1",
            "reason": "unknown_type",
            "letters": 3,
            "redriven": 0,
            "first": "2026-11-22T09:00:00.000Z",
            "last": "2026-11-22T09:30:00.000Z",
        }
    ],
    "newest": [
        {
            "topic": "penchant.clicks.v1",
            "partition": 2,
            "offset": 4711,
            "reason": "unknown_type",
            "message": "the type `lend` is in no weights file",
            "time": "2026-11-22T09:30:00.000Z",
            "attempts": 1,
            "redriven": False,
            "key": "u1",
            "value": '{"user_id": "u1"}',
        }
    ],
    "erasures": 0,
}
_HISTORY = {
    "user_id": "u1",
    "as_of": "2026-11-22T10:00:00.000Z",
    "half_life_days": 30.0,
    "events": [
        {
            "event_id": "c-17",
            "event_time": "2026-11-22T09:59:00.000Z",
            "kind": "click",
            "points": 1.0,
            "item_id": "i9",
            "title": "Alien (1979)",
        },
        {
            "event_id": "s-1",
            "event_time": "2026-11-22T09:58:00.000Z",
            "kind": "statement",
            "points": 1.5,
            "words": ["科幻"],
            "place": [0.2, -0.7],
        },
    ],
    "count": 2,
    "waiting": 0,
    "place": [0.3, -0.6],
}
_COUNTS = {
    "lag": 0.0,
    "items": 1682.0,
    "partitions": 4.0,
    "waiting": 0.0,
    "records": {"penchant.clicks.v1": 17.0},
    "events": {"folded": 17.0},
    "lists": {"live": 17.0},
    "dead_letters": {"unknown_type": 3.0},
    "event_to_list": {"le": [0.005, 0.01, None], "counts": [12.0, 5.0, 0.0]},
    "encoder_cached": 4.0,
    "encoder_read": 2.0,
    "encoder_out": 0.0,
    "texts_missed": 0.0,
    "contained": 0.0,
    "variants": [{"experiment": "", "variant": "", "trials": 12.0, "hits": 3.0}],
    "coverage": 0.2,
    "gini": 0.7,
}
_WORKERS = {
    "as_of": "2026-11-22T10:00:00.000Z",
    "workers": [{"address": "http://127.0.0.1:8090", "problem": ""}],
    "counts": _COUNTS,
}
_MAP = {
    "facet": "genre",
    "labels": [{"name": "Sci-Fi", "x": 0.2, "y": -0.7, "items": 101}],
    "items": ["i9"],
    "x": [0.21],
    "y": [-0.64],
    "group": [0],
}


def _operator(path: str, name: str, summary: str, answer: Answer, **more: Any) -> Operation:
    return Operation(
        method=more.pop("method", "GET"),
        path=f"/v1/operator/{path}",
        name=name,
        role=Role.ADMIN,
        summary=summary,
        answers={200: answer},
        **more,
    )


PAGE_OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/items",
        name="getItems",
        role=Role.READ,
        summary="Titles and facets of some items.",
        parameters=[
            parameter(
                "id",
                "query",
                "an item's id; given several times for several",
                {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": MOST_AT_ONCE},
                explode=True,
            )
            | {"required": True, "example": ["i9"]}
        ],
        answers={
            200: Answer(
                "those that are known, in the order asked for",
                "KnownItems",
                {"items": [{"item_id": "i9", "title": "Alien (1979)", "facets": {"genre": ["Sci-Fi", "Horror"]}}]},
            )
        },
        problems=(400, 503),
    ),
    Operation(
        method="GET",
        path="/v1/map",
        name="getMap",
        role=Role.READ,
        summary="Where items lie on a disc by what their titles and texts say; computed once, and when there are more.",
        parameters=[parameter("If-None-Match", "header", "the ETag of a map that one has", _TEXT)],
        answers={200: Answer("the map", "Map", _MAP), 304: Answer("it is as the client has it")},
        problems=(503,),
    ),
    Operation(
        method="GET",
        path="/v1/users/{id}/history",
        name="getHistory",
        role=Role.READ,
        summary="The user's last events, newest first, and what each counts now.",
        parameters=[USER],
        answers={200: Answer("the events", "History", _HISTORY)},
        problems=(400, 404, 503),
    ),
    _operator(
        "users",
        "findUsers",
        "Users whose lists are the newest, 50 at most.",
        Answer("the users", "KnownUsers", {"users": [{"user_id": "u1", "version": 1795341600123}], "count": 1}),
        parameters=[parameter("like", "query", "a part of the id, in whatever case", _TEXT)],
        problems=(503,),
    ),
    _operator(
        "workers",
        "getWorkers",
        "What workers count, together: of those that `PENCHANT_API_WORKERS` names.",
        Answer("the counts", "Workers", _WORKERS),
    ),
    _operator(
        "dead-letters",
        "getDeadLetters",
        "Dead letters by topic and reason, and the newest.",
        Answer("the dead letters", "Letters", _LETTERS),
        problems=(503,),
    ),
    _operator(
        "dead-letters/redrive",
        "redriveDeadLetters",
        "Send dead letters back to the topics that they came from, each once.",
        Answer("what was done", "RedriveResult", {"total": 3, "left": 0}),
        method="POST",
        body=("RedriveRequest",),
        several=False,
        examples={"one": {"value": {"topic": "penchant.clicks.v1", "reason": "unknown_type"}}, "all": {"value": {}}},
        problems=(400, 413, 415, 422, 503),
    ),
    Operation(
        method="GET",
        path="/",
        name="getPage",
        summary="The page.",
        answers={200: Answer("the page", _TEXT, "<!doctype html>", "text/html"), 304: Answer("as the client has it")},
    ),
    Operation(
        method="GET",
        path="/web/{file}",
        name="getPageFile",
        summary="What the page is made of.",
        parameters=[parameter("file", "path", "the file's name", _TEXT, example="style.css")],
        answers={200: Answer("the file", _TEXT, "body {}", "text/css"), 304: Answer("as the client has it")},
        problems=(404,),
    ),
)
OPERATIONS = (*LISTS_AND_EVENTS, *PAGE_OPERATIONS)
