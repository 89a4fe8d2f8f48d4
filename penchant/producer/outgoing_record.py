"""A message as it goes to Kafka: checked as a worker checks it, with its key and CloudEvents headers. No I/O."""

import time
import uuid
from typing import Any, NamedTuple

import msgspec

from penchant.errors import Rejected, RejectReason
from penchant.fields import (
    MAX_TEXT_BYTES,
    TIME_END_MS,
    bounded_time_ms,
    check_id,
    check_item_sizes,
    check_size,
    refuse_trending,
    unit_rating,
)
from penchant.messages import Click, Command, Item, Review
from penchant.times import rfc3339
from penchant.topics import MAX_MESSAGE_BYTES, Topic, Topics

__all__ = ["Message", "OutgoingRecord", "check"]

Message = Click | Review | Item | Command

_ROOM_BYTES = 4096  # of a message's most, for its key, headers and framing
_TOPICS = {Click: Topic.CLICKS, Review: Topic.REVIEWS, Item: Topic.ITEMS, Command: Topic.COMMANDS}
_DECODERS = {kind: msgspec.json.Decoder(kind) for kind in _TOPICS}


class OutgoingRecord(NamedTuple):
    """What is sent. value: None removes the item that the key names."""

    topic: str
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def record_of(message: Message, topics: Topics, source: str) -> OutgoingRecord:
    """The record of a message. Raises Rejected, for what a worker would put into the dead letters.

    An event without an id is given one, so that it counts once, however often it is delivered.
    """
    topic = _TOPICS.get(type(message))
    if topic is None:
        raise Rejected(RejectReason.SCHEMA, f"{type(message).__name__} is none of Click, Review, Item and Command")
    if isinstance(message, Click | Review) and message.event_id is None:
        message = msgspec.structs.replace(message, event_id=uuid.uuid4().hex)
    value, read = _encoded(message)
    _CHECKS[type(message)](read)
    key = message.item_id if isinstance(message, Item) else message.user_id
    return OutgoingRecord(topics.name(topic), key.encode(), value, _headers(message, source))


def check(message: Message) -> None:
    """Raise Rejected for what a worker would put into the dead letters; an event has its id by now."""
    _, read = _encoded(message)
    _CHECKS[type(message)](read)


def removal_of(item_id: str, topics: Topics, source: str) -> OutgoingRecord:
    """The record that removes an item. Raises Rejected."""
    check_id("item_id", item_id)
    headers = _cloud_event(uuid.uuid4().hex, "item.removed", _now_ms(), source)
    return OutgoingRecord(topics.items, item_id.encode(), None, headers)


def _encoded(message: Message) -> tuple[bytes, Any]:
    """As JSON, what is absent left out, and as it is read again.

    Raises Rejected for what is not of the types that the message says.
    """
    fields = {name: value for name in message.__struct_fields__ if (value := getattr(message, name)) is not None}
    if isinstance(message, Item) and isinstance(message.facets, dict):
        fields["facets"] = {name: _as_text(value) for name, value in message.facets.items()}
    try:
        value = msgspec.json.encode(fields)
        read = _DECODERS[type(message)].decode(value)
    except (msgspec.MsgspecError, TypeError, UnicodeError, RecursionError) as error:
        raise Rejected(RejectReason.SCHEMA, f"this is no {type(message).__name__}: {error}") from error
    if len(value) > MAX_MESSAGE_BYTES - _ROOM_BYTES:
        raise Rejected(
            RejectReason.TOO_LARGE, f"it takes {len(value)} bytes; {MAX_MESSAGE_BYTES - _ROOM_BYTES} is the most"
        )
    return value, read


def _as_text(value: Any) -> Any:
    """Numbers, true and false are read as their text; a list of them, too."""
    if isinstance(value, list | tuple):
        return [_as_text(each) for each in value]
    if isinstance(value, bool | int | float):
        return msgspec.json.encode(value).decode()
    return value


def _check_click(click: Click) -> None:
    _check_event(click)
    check_id("item_id", click.item_id)
    if not click.type:
        raise Rejected(RejectReason.MISSING_FIELD, "`type` is missing: what did the user do?")
    if click.type == "rate":
        if click.value is None:
            raise Rejected(RejectReason.MISSING_FIELD, "`value` is missing: a `rate` event carries the rating there")
        unit_rating(click.value, click.rating_scale)


def _check_review(review: Review) -> None:
    _check_event(review)
    check_size("text", review.text, MAX_TEXT_BYTES)
    if review.item_id is not None:
        check_id("item_id", review.item_id)
    if review.rating is not None:
        unit_rating(review.rating, review.rating_scale)
    if not review.text.strip() and (review.rating is None or review.item_id is None):
        raise Rejected(RejectReason.MISSING_FIELD, "`text` is empty, and there is no rating of an item")


def _check_event(event: Click | Review) -> None:
    check_id("user_id", event.user_id)
    refuse_trending("user_id", event.user_id)
    check_id("event_id", event.event_id)
    _time_ms(event)


def _check_item(item: Item) -> None:
    check_id("item_id", item.item_id)
    if not item.title.strip() and not item.text.strip():
        raise Rejected(RejectReason.MISSING_FIELD, "`title` and `text` are both empty: there is nothing to embed")
    check_item_sizes(item)


def _check_command(command: Command) -> None:
    check_id("command_id", command.command_id)
    check_id("user_id", command.user_id)
    refuse_trending("user_id", command.user_id)
    _time_ms(command)
    if command.type not in {"retract", "merge", "erase"}:
        raise Rejected(RejectReason.UNKNOWN_TYPE, f"`type` is {command.type!r}; it is one of retract, merge, erase")
    if command.type == "retract":
        check_id("event_id", command.event_id or "")
    if command.type == "merge":
        check_id("anonymous_id", command.anonymous_id or "")
        refuse_trending("anonymous_id", command.anonymous_id or "")


_CHECKS: dict[type, Any] = {
    Click: _check_click,
    Review: _check_review,
    Item: _check_item,
    Command: _check_command,
}


def _time_ms(message: Click | Review | Command) -> int:
    """When it happened, now if it does not say. Raises Rejected."""
    if message.event_time is None:
        return _now_ms()
    return bounded_time_ms(message.event_time, None, TIME_END_MS)


def _headers(message: Message, source: str) -> tuple[tuple[str, bytes], ...]:
    if isinstance(message, Item):
        return _cloud_event(uuid.uuid4().hex, "item", _now_ms(), source)
    if isinstance(message, Command):
        return _cloud_event(message.command_id, message.type, _time_ms(message), source)
    action = message.type if isinstance(message, Click) else "review"
    return _cloud_event(message.event_id or "", action or "", _time_ms(message), source)


def _cloud_event(event_id: str, action: str, time_ms: int, source: str) -> tuple[tuple[str, bytes], ...]:
    """CloudEvents 1.0, binary mode: the last part of the type is the action."""
    told = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_source": source,
        "ce_type": f"penchant.{action}",
        "ce_time": rfc3339(time_ms),
        "content-type": "application/json",
    }
    return tuple((name, value.encode()) for name, value in told.items())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
