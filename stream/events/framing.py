"""What a producer's tools put around a message: byte order marks, schema ids, envelopes. Opened here, or named.

    bytes      a byte order mark; a schema id before JSON (Confluent, Apicurio, AWS Glue)
    envelopes  CloudEvents (structured mode), Kafka Connect's `schema` and `payload`, Debezium's `before`, `after`, `op`

Keys of records that Connect or Debezium wrote are JSON, too.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from penchant.errors import Rejected, RejectReason
from stream.events.payload_formats import named
from stream.events.records import Headers

__all__ = ()

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SCHEMA_IDS = ((b"\x00", 5), (b"\x00", 9), (b"\x03\x00", 18))  # how it begins, and how long it is
_JSON_BEGINS = re.compile(rb"[ \t\n\r]*[{\[]")
_HALF_OF_A_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")  # the only way for one into what was UTF-8
_ATTRIBUTES = frozenset(f"{c}{e}{line}" for c in "cC" for e in "eE" for line in "_-")
MOST_BYTES = 512 * 1024  # taking JSON apart that is nothing but brackets takes half a second a megabyte
_MOST_ENVELOPES = 4  # a CloudEvent whose data Connect wrote from a Debezium change is three
CLOUD_EVENTS = "application/cloudevents"
_BATCH = "a batch of events: send one record an event"
_TWICE = "a JSON string that holds JSON, encoded twice: send the object itself"


@dataclass(frozen=True, slots=True)
class Opened:
    """What was in the envelopes.

    attributes: of the CloudEvent. deleted: a database says that its row is gone. sound: whether all strings are Unicode
    text for sure; else halves of surrogate pairs are written in it, which may belong together or not.
    """

    body: Any
    attributes: Mapping[str, Any] = field(default_factory=dict)
    deleted: bool = False
    healthy: bool = True


def _read_json(value: bytes) -> Any:
    """The JSON in a value, without what stands before it.

    Raises Rejected, saying what it looks like if it is none.
    """
    value = _unframed(value)
    if len(value) > MOST_BYTES and _JSON_BEGINS.match(value):
        raise Rejected(
            RejectReason.TOO_LARGE,
            f"{len(value)} bytes that are not as the schema says; beyond {MOST_BYTES} nobody looks for the reason",
        )
    try:
        return json.loads(value.decode())
    except RecursionError:
        raise Rejected(RejectReason.NOT_JSON, "the value is nested too deeply to be read") from None
    except UnicodeDecodeError:
        raise Rejected(RejectReason.NOT_JSON, f"the value is not JSON: {named(value)}") from None
    except json.JSONDecodeError as error:
        raise Rejected(RejectReason.NOT_JSON, f"the value is not JSON: {_mistake(value, error)}") from None
    except ValueError:  # the standard library reads no longer ones
        raise Rejected(RejectReason.SCHEMA, "a number has more than 4,300 digits") from None


def opened(value: bytes, content_type: str = "") -> Opened:
    """The message in a value, without the envelopes around it. content_type: as `told` tells it.

    Raises Rejected.
    """
    structured = content_type.startswith(CLOUD_EVENTS)
    if content_type.startswith(f"{CLOUD_EVENTS}-batch"):
        raise Rejected(RejectReason.SCHEMA, _BATCH)
    inside = Opened(_read_json(value), healthy=not _HALF_OF_A_PAIR.search(value))
    if structured and not _is_cloud_event(inside.body):
        if isinstance(inside.body, dict):
            raise Rejected(RejectReason.SCHEMA, "a structured CloudEvent without `data`")
        structured = False
    for _ in range(_MOST_ENVELOPES):
        once = _open(inside, structured)
        if once is None:
            break
        inside, structured = replace(once, healthy=once.healthy and inside.healthy), False
    if not inside.deleted:
        _refuse_what_is_no_object(inside.body)
    return inside


def told(headers: Headers) -> tuple[dict[str, str | bytes], str]:
    """What headers say of a value: CloudEvents attributes without their `ce_`, and the content type, in lower case.

    Names are read in any case, also with a hyphen, as over HTTP. An attribute that is not UTF-8 comes as bytes.
    """
    attributes: dict[str, str | bytes] = {}
    content_type = ""
    for name, value in headers:
        if name[:3] in _ATTRIBUTES:
            try:
                attributes[name[3:].lower()] = value.decode()
            except UnicodeDecodeError:
                attributes[name[3:].lower()] = value
        elif len(name) == len("content-type") and name.lower().replace("_", "-") == "content-type":
            content_type = value.decode("latin-1").strip().lower()
    return attributes, content_type


def id_in_key(key: bytes, name: str) -> str | None:
    """The id in a key that is JSON: a string, a whole number, or the field `name` of an object, also in an envelope."""
    try:
        body = _read_json(key)
    except Rejected:
        return None
    if isinstance(body, dict) and body.keys() == {"schema", "payload"}:
        body = body["payload"]
    if isinstance(body, dict):
        body = body.get(name)
    return str(body) if isinstance(body, str) or type(body) is int else None


def _unframed(value: bytes) -> bytes:
    """Without a byte order mark, and without a schema id if JSON stands behind it."""
    if value.startswith(_BYTE_ORDER_MARK):
        return value[len(_BYTE_ORDER_MARK) :]
    for begins, length in _SCHEMA_IDS:
        if value.startswith(begins) and _JSON_BEGINS.match(value, length):
            return value[length:]
    return value


def _mistake(value: bytes, error: json.JSONDecodeError) -> str:
    if error.msg == "Extra data" and _JSON_BEGINS.match(value):
        return f"there is more behind its end, at character {error.pos}: send one record an event"
    looks = named(value)
    if "JSON with a mistake" in looks:
        return f"{error.msg} (at character {error.pos})"
    return looks


def _is_cloud_event(body: object) -> bool:
    return isinstance(body, dict) and ("data" in body or "data_base64" in body)


def _open(inside: Opened, structured: bool) -> Opened | None:
    """What is in the outermost envelope; None if there is none."""
    body = inside.body
    if not isinstance(body, dict):
        return None
    if structured or ("specversion" in body and _is_cloud_event(body)):
        return _open_cloud_event(body)
    if body.keys() == {"schema", "payload"}:
        return Opened(body["payload"], inside.attributes, deleted=body["payload"] is None)
    if isinstance(body.get("op"), str) and ("before" in body or "after" in body):
        return _open_change(body, inside.attributes)
    return None


def _open_cloud_event(body: dict[str, Any]) -> Opened:
    attributes = {name: value for name, value in body.items() if name not in {"data", "data_base64"}}
    if body.get("data") is not None or "data_base64" not in body:
        return Opened(body["data"], attributes)
    try:
        data = base64.b64decode(body["data_base64"], validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise Rejected(RejectReason.SCHEMA, "`data_base64` of the CloudEvent is not base64") from None
    return Opened(_read_json(data), attributes, healthy=not _HALF_OF_A_PAIR.search(data))


def _open_change(body: dict[str, Any], attributes: Mapping[str, Any]) -> Opened:
    """Debezium's `op`: c is created, r read in a snapshot, u updated, d deleted."""
    if body["op"] in {"c", "r", "u"}:
        return Opened(body.get("after"), attributes)
    if body["op"] == "d":
        return Opened(body.get("before"), attributes, deleted=True)
    raise Rejected(RejectReason.SCHEMA, f"a Debezium change with `op` {body['op']!a}: c, r, u and d are read")


def _refuse_what_is_no_object(body: object) -> None:
    if isinstance(body, dict):
        return
    if isinstance(body, list):
        raise Rejected(RejectReason.SCHEMA, f"a JSON array, which may be {_BATCH}")
    if isinstance(body, str) and _JSON_BEGINS.match(body.encode("utf-8", "replace")):
        raise Rejected(RejectReason.SCHEMA, _TWICE)
    if body is None:
        raise Rejected(
            RejectReason.SCHEMA, "null instead of an object: to remove an item send a record without a value"
        )
    raise Rejected(RejectReason.SCHEMA, "a JSON value, but not an object")
