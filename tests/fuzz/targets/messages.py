"""Valid messages in every framing: what inputs are made from."""

import json
from typing import Any

from stream.testing import NOW_MS

Message = dict[str, Any]

CLICK: Message = {"user_id": "u1", "item_id": "i1", "type": "click"}
RATE: Message = CLICK | {"type": "rate", "value": 4.5, "rating_scale": [1, 5], "event_id": "c-1", "event_time": NOW_MS}
FULL: Message = CLICK | {
    "event_time": "2026-09-21T12:00:00.123+02:00",
    "context": {"page": [1, "a"]},
    "list_version": NOW_MS,
    "position": 3,
    "source": "shop",
    "session_id": "s1",
}
SEEN: Message = CLICK | {"type": "impression", "list_version": NOW_MS, "position": 1}
REVIEW: Message = {
    "user_id": "u1",
    "item_id": "i2",
    "text": "Love &amp; <b>war</b> in space!!!!! 👍👍👍👍",
    "rating": 4,
}
SAID: Message = {"user_id": "u1", "text": "我喜欢看电影，尤其是科幻片, no more war", "event_id": "r-1"}
ITEM: Message = {
    "item_id": "i1",
    "title": "Space love",
    "text": "A film about space.",
    "facets": {"genre": ["Sci-Fi", "Action"], "brand": "Acme", "domain": "film"},
    "available": True,
}
RETRACT: Message = {"command_id": "k-1", "type": "retract", "user_id": "u1", "event_id": "c-1", "event_time": NOW_MS}
RETRACT_GONE: Message = RETRACT | {"event": RATE}
RETRACT_TEXT: Message = RETRACT | {"event_id": "r-1", "event": SAID | {"event_time": NOW_MS}}
MERGE: Message = {"command_id": "k-2", "type": "merge", "user_id": "u1", "anonymous_id": "u2", "event_time": NOW_MS}
ERASE: Message = {"command_id": "k-3", "type": "erase", "user_id": "u1", "event_time": NOW_MS}

CLICKS = (CLICK, RATE, FULL, SEEN)
REVIEWS = (REVIEW, SAID)
COMMANDS = (RETRACT, RETRACT_GONE, RETRACT_TEXT, MERGE, ERASE)

# CloudEvents, binary and structured.
BINARY = [["ce_id", "x1"], ["ce_type", "com.example.click"], ["ce_time", "2026-09-21T12:00:00Z"], ["ce_source", "app"]]
STRUCTURED = [["content-type", "application/cloudevents+json; charset=UTF-8"]]


def enveloped(message: Message) -> Message:
    """As a structured CloudEvent."""
    about = {
        "specversion": "1.0",
        "id": "x1",
        "type": "com.example.click",
        "source": "app",
        "time": "2026-09-21T12:00:00Z",
    }
    return about | {"data": message}


def connected(message: Message) -> Message:
    """As Kafka Connect's JSON converter writes it, with its schema."""
    fields = [{"field": name, "type": "string", "optional": True} for name in message]
    return {"schema": {"type": "struct", "fields": fields, "optional": False}, "payload": message}


def changed(message: Message) -> Message:
    """As Debezium tells of a new row."""
    return {"before": None, "after": message, "source": {"connector": "postgresql", "ts_ms": NOW_MS}, "op": "c"}


def raw(data: bytes) -> dict[str, str]:
    """Bytes as they are."""
    return {"raw": data.decode("latin-1")}


def odd(message: Message) -> list[Any]:
    """The values of one message as different tools would write it."""
    text = json.dumps(message, ensure_ascii=False)
    plain = text.encode()
    return [
        enveloped(message),
        [enveloped(message)],
        connected(message),
        connected(changed(message)),
        changed(message),
        raw(b"\0\0\0\0\x01" + plain),
        raw(b"\xef\xbb\xbf" + plain),
        raw(text.encode("utf-16")),
        raw(text.encode("utf-32-le")),
        raw(plain.replace(b"u1", b"\\ud800")),
        raw(b'{"user_id":"u1",' + plain[1:]),
        raw(b"\x02\x04u1\x04i1\x00"),
        text,
    ]
