"""From a record to a message and the CloudEvents attributes around it.

A message as its class has it is decoded at once. What is not, is opened (stream/events/framing.py) and made so, where
it is clear what was meant: null is absent, whole numbers as ids and values of facets are text.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from penchant.errors import Rejected, RejectReason
from penchant.messages import Click, Command, Item, Review
from stream.events.framing import CLOUD_EVENTS, Opened, opened, told
from stream.events.records import Record

__all__ = ["body_of"]

_M = TypeVar("_M", bound=msgspec.Struct)
_IDS = frozenset({"user_id", "item_id", "event_id", "command_id", "anonymous_id", "session_id", "source", "id"})
_TIMES = frozenset({"event_time", "time"})
_RATINGS = frozenset({"rating", "value", "rating_scale"})
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_decoders: Mapping[type[msgspec.Struct], msgspec.json.Decoder[Any]] = {
    message: msgspec.json.Decoder(message) for message in (Click, Review, Command, Item)
}


class Deleted(Rejected):
    """A database says that its row is gone. row: what of it is told."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        super().__init__(RejectReason.SCHEMA, "a deleted row is no event: take events back by a `retract` command")
        self.row = row


def read(record: Record, message: type[_M]) -> tuple[_M, Mapping[str, Any]]:
    """The message, and the CloudEvents attributes around it (without their `ce_`), which the body's fields precede.

    Raises Rejected.
    """
    if record.value is None:
        raise Rejected(RejectReason.NOT_JSON, "the record has no value: only items and lists are removed by a null")
    attributes: Mapping[str, Any] = {}
    content_type = ""
    if record.headers:
        attributes, content_type = told(record.headers)
    if not content_type.startswith(CLOUD_EVENTS):
        try:
            return _decoders[message].decode(record.value), attributes
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # looked at again, to be read or to be refused for the right reason
    inside = opened(record.value, content_type)
    body = inside.body if isinstance(inside.body, dict) else {}
    if not inside.healthy:
        body = _sound_texts(body, message)
        _refuse_surrogates(inside.attributes)
        _refuse_surrogates(body)
    if inside.deleted:
        raise Deleted(body)
    theirs = {name: _text(value) if name == "id" else value for name, value in inside.attributes.items()}
    return convert(body, message), {**attributes, **theirs}


def body_of(value: bytes | None, headers: tuple[tuple[str, bytes], ...] = ()) -> Mapping[str, Any]:
    """A message's fields whatever is wrong with it, without those that are not Unicode text. Never raises."""
    try:
        inside = opened(value or b"", told(headers)[1])
    except Rejected:
        inside = Opened({})
    body = inside.body if isinstance(inside.body, dict) else {}
    healthy = {
        name: each for name, each in body.items() if not (isinstance(each, str) and _LONE_SURROGATE.search(each))
    }
    return {name: _text(each) if name in _IDS else each for name, each in healthy.items()}


def convert(body: Mapping[str, Any], message: type[_M]) -> _M:
    """The message of a body as JSON has it. Raises Rejected."""
    plain = plain_fields(body, message)
    try:
        return msgspec.convert(plain, message)
    except msgspec.ValidationError as error:
        raise _refused(error) from error
    except RecursionError as error:
        raise Rejected(RejectReason.NOT_JSON, "the value is nested too deeply to be read") from error


def plain_fields(body: Mapping[str, Any], message: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields as the class has them, where it is clear what was meant. Raises Rejected."""
    plain = {name: value for name, value in body.items() if value is not None}
    for name in _IDS & plain.keys():
        plain[name] = _text(plain[name])
    return _plain_item(plain) if message is Item else plain


def _sound_texts(body: Mapping[str, Any], message: type[msgspec.Struct]) -> dict[str, Any]:
    """With spaces for lone surrogates in what a user wrote, which is only text to be encoded."""
    fields = dict(body)
    if message is Review and isinstance(fields.get("text"), str):
        fields["text"] = _LONE_SURROGATE.sub(" ", fields["text"])
    if message is Command and isinstance(fields.get("event"), dict):
        fields["event"] = _sound_texts(fields["event"], Review)
    return fields


def _refuse_surrogates(fields: Mapping[str, Any]) -> None:
    """Have a message refused whose strings are not all Unicode text: names and values, however deep.

    Raises Rejected.
    """
    for name, value in fields.items():
        if name == "event" and isinstance(value, dict):
            _refuse_surrogates(value)  # a message in a message: its own field is named
        left: list[Any] = [name, value]
        while left:
            each = left.pop()
            if isinstance(each, str) and _LONE_SURROGATE.search(each):
                reason = RejectReason.BAD_ID if name in _IDS else _reason_of(name)
                raise Rejected(reason, f"{name!a} is not Unicode text: it has a lone surrogate")
            if isinstance(each, dict):
                left += each
                left += each.values()
            elif isinstance(each, list):
                left += each


def _plain_item(body: dict[str, Any]) -> dict[str, Any]:
    for name in ("title", "text"):
        if type(body.get(name)) is int:  # the novel 1984
            body[name] = str(body[name])
    if type(available := body.get("available")) is int and available in {0, 1}:  # as MySQL has it
        body["available"] = bool(available)
    if isinstance(body.get("facets"), dict):
        facets = {name: _facet(name, value) for name, value in body["facets"].items()}
        body["facets"] = {name: value for name, value in facets.items() if value is not None}
    return body


def _facet(name: str, value: object) -> str | list[str] | None:
    if isinstance(value, list):
        return [text for each in value if (text := _facet_text(name, each)) is not None]
    return _facet_text(name, value)


def _facet_text(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    raise Rejected(
        RejectReason.SCHEMA, f"the facet {name!r} has a value that is neither text, a number, true nor false"
    )


def _text(value: object) -> object:
    """A whole number as text: many shops number what they have. True is none, and 1.0 may have been anything."""
    return str(value) if type(value) is int else value


def _refused(error: msgspec.ValidationError) -> Rejected:
    message = str(error)
    if "missing required field" in message:
        return Rejected(RejectReason.MISSING_FIELD, message)
    field = re.search(r"at `\$\.(\w+)", message)
    return Rejected(_reason_of(field[1] if field else ""), message)


def _reason_of(name: str) -> RejectReason:
    if name in _TIMES:
        return RejectReason.BAD_TIME
    return RejectReason.BAD_RATING if name in _RATINGS else RejectReason.SCHEMA
