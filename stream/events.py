"""From a record's bytes to an event: read, checked, its time bounded, its ratings and texts made comparable. No I/O.

What cannot be used raises `Rejected` with its reason; a record on another partition than its user's is a `Forward`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from kafka.partitioner.default import murmur2

from serving.errors import Reason, Rejected
from serving.intent import Intent, split
from serving.messages import Click, Command, Item, Review
from serving.state import Kind, id_hash
from serving.texts import MAX_BYTES, clean
from serving.topics import Topics
from stream.records import ORIGIN, Forward, Record
from stream.values import bounded_time_ms, unit_rating
from stream.weights import RATE, Swing, Weight, Weights
from stream.wordings import Wording

MAX_ID_BYTES = 256
MAX_TITLE_BYTES = 4096  # titles stand in the words of reasons, several times a list
MAX_ABOUT_BYTES = 32 * 1024  # of an item beside its text: title and facets, as JSON
TIME_END_MS = 2**32 * 1000  # a state keeps seconds since 1970 in 32 bits: until 2106
TRENDING = "*"  # the trending list's key, which no user may have

_ALWAYS_SEEN = frozenset({Kind.RATE, Kind.PURCHASE, Kind.DISMISS, Kind.REVIEW})
_M = TypeVar("_M", bound=msgspec.Struct)
_KINDS = {kind.name.lower(): kind for kind in Kind}
_STRUCTURED = "application/cloudevents"


@dataclass(frozen=True, slots=True)
class Event:
    """An action, a review or a statement, ready to be folded.

    counted_as: the 48-bit hash that the id is remembered by. item_id: None for a statement. text: cleaned, or None.
    seen: whether the item enters the seen set. intent: of a statement that negates something, its two parts.
    swing: how far the text may move the taste; None: the taste stands. list_version, position: which list it answers,
    and the item's place on it, from 1; None: not told.
    """

    record: Record
    event_id: str
    counted_as: int
    user_id: str
    item_id: str | None
    kind: Kind
    time_ms: int
    weight: Weight
    text: str | None
    seen: bool
    intent: Intent | None = None
    swing: Swing | None = None
    list_version: int | None = None
    position: int | None = None

    @property
    def wording(self) -> Wording | None:
        """What has to be encoded of it."""
        return self.intent or self.text

    @property
    def most_taste(self) -> float:
        """The largest |taste| that it may count."""
        most = abs(self.weight.taste)
        return max(most, abs(self.swing.lowest), abs(self.swing.highest)) if self.swing is not None else most


@dataclass(frozen=True, slots=True)
class CommandEvent:
    """A command about a user.

    targets: of a retraction, the 48-bit hashes that its event may be remembered by. original: that event, if sent too.
    """

    record: Record
    command: Command
    time_ms: int
    targets: tuple[int, ...] = ()
    original: Event | None = None

    @property
    def event_id(self) -> str:
        """What a list's `folded` calls it by."""
        return self.command.command_id

    @property
    def user_id(self) -> str:
        """Whom it is about."""
        return self.command.user_id

    @property
    def wording(self) -> Wording | None:
        """What has to be encoded to carry it out."""
        return self.original.wording if self.original is not None else None


@lru_cache(maxsize=100_000)
def partition_of(user_id: str, partitions: int) -> int:
    """The partition that Java's and kafka-python's default producers choose for a key: murmur2, sign cut off."""
    return int((murmur2(user_id.encode()) & 0x7FFFFFFF) % partitions)


def forget_users() -> None:
    """Drop the ids that are kept to save hashing: one of them was erased."""
    partition_of.cache_clear()


class Decoder:
    """Reads records of the user topics. `identities` maps a topic's name to its identity, for ids made from offsets."""

    def __init__(
        self,
        topics: Topics,
        weights: Weights,
        partitions: int,
        identities: Mapping[str, str],
        *,
        clicks_are_seen: bool = True,
    ) -> None:
        self._weights = weights
        self._partitions = partitions
        self._identities = identities
        self._clicks_are_seen = clicks_are_seen
        self._readers: dict[str, tuple[type[msgspec.Struct], Callable[..., Event | CommandEvent]]] = {
            topics.clicks: (Click, self._click),
            topics.reviews: (Review, self._review),
            topics.commands: (Command, self._command),
        }

    def decode(self, record: Record) -> Event | CommandEvent | Forward:
        """Read one record.

        Raises Rejected if it cannot be used.
        """
        if not 0 <= record.timestamp_ms < TIME_END_MS:
            raise Rejected(
                Reason.BAD_TIME,
                f"the record's own timestamp is {record.timestamp_ms}: set the producer to milliseconds since 1970",
            )
        message, make = self._readers[record.topic]
        event = make(record, *_read(record, message))
        home = partition_of(event.user_id, self._partitions)
        if home == record.partition:
            return event
        if record.header(ORIGIN) is not None:
            raise Rejected(
                Reason.WRONG_PARTITION,
                f"forwarded once already, and still on partition {record.partition} instead of {home}: "
                "do the topics have the partition count that the workers think?",
            )
        return Forward(record, event.user_id, home)

    def _click(self, record: Record, body: Click, envelope: Mapping[str, Any]) -> Event:
        action = body.type or _action(envelope.get("type"), self._weights)
        if not action:
            raise Rejected(Reason.MISSING_FIELD, "`type` is missing: what did the user do?")
        if not self._weights.accepts(action):
            raise Rejected(Reason.UNKNOWN_TYPE, f"`type` is {action!r}, which the weights file does not list")
        rating = None
        if action == RATE:
            if body.value is None:
                raise Rejected(Reason.MISSING_FIELD, "`value` is missing: a `rate` event carries the rating there")
            rating = unit_rating(body.value, body.rating_scale)
        _check_id("item_id", body.item_id)
        kind = _KINDS.get(action, Kind.OTHER)
        seen = kind in _ALWAYS_SEEN or (self._clicks_are_seen and kind is not Kind.IMPRESSION)
        weight = self._weights.of(action, rating)
        return self._event(record, body, envelope, kind, weight, text=None, seen=seen)

    def _review(self, record: Record, body: Review, envelope: Mapping[str, Any]) -> Event:
        _check_size("text", body.text, MAX_BYTES)
        text = clean(body.text) or None
        rating = unit_rating(body.rating, body.rating_scale) if body.rating is not None else None
        if text is None and (rating is None or body.item_id is None):
            raise Rejected(Reason.MISSING_FIELD, "`text` is empty (or nothing but markup), and there is no rating")
        if body.item_id is None:
            weight = self._weights.of("statement", None)
            return self._event(record, body, envelope, Kind.STATEMENT, weight, text=text, seen=False)
        _check_id("item_id", body.item_id)
        weight = self._weights.of("review", rating)
        event = self._event(record, body, envelope, Kind.REVIEW, weight, text=text, seen=True)
        return event if rating is not None else replace(event, swing=self._weights.swing)

    def _command(self, record: Record, body: Command, envelope: Mapping[str, Any]) -> CommandEvent:
        _check_user(record, body.user_id)
        _check_id("command_id", body.command_id)
        time_ms = bounded_time_ms(body.event_time, envelope.get("time"), record.timestamp_ms)
        if body.type == "retract":
            if not body.event_id:
                raise Rejected(Reason.MISSING_FIELD, "`event_id` is missing: which event is to be retracted?")
            _check_id("event_id", body.event_id)
            return CommandEvent(record, body, time_ms, self._hashes(body.event_id), self._original(record, body))
        if body.type not in {"merge", "erase"}:
            raise Rejected(Reason.UNKNOWN_TYPE, f"`type` is {body.type!r}; it is one of retract, merge, erase")
        if body.type == "merge" and not body.anonymous_id:
            raise Rejected(Reason.MISSING_FIELD, "`anonymous_id` is missing: who is to be merged into `user_id`?")
        if body.type == "merge":
            _check_id("anonymous_id", body.anonymous_id)
        return CommandEvent(record, body, time_ms)

    def _hashes(self, event_id: str) -> tuple[int, ...]:
        """What an id may be remembered by: as a producer's own, and as one made from an offset of a topic."""
        made = [identity for topic, identity in self._identities.items() if event_id.startswith(f"{topic}-")]
        return tuple(id_hash(event_id, namespace) for namespace in ("", *made))

    def _original(self, record: Record, command: Command) -> Event | None:
        if command.event is None:
            return None
        body = {"user_id": command.user_id, "event_id": command.event_id} | command.event
        if (body["user_id"], body["event_id"]) != (command.user_id, command.event_id):
            raise Rejected(Reason.SCHEMA, "`event` is not the one that `user_id` and `event_id` of the command name")
        if body.get("event_time") is None:
            raise Rejected(Reason.MISSING_FIELD, "`event` has no `event_time`: what it counts today depends on it")
        if "text" in body:
            return self._review(record, _convert(body, Review), {})
        return self._click(record, _convert(body, Click), {})

    def _event(
        self,
        record: Record,
        body: Click | Review,
        envelope: Mapping[str, Any],
        kind: Kind,
        weight: Weight,
        *,
        text: str | None,
        seen: bool,
    ) -> Event:
        _check_user(record, body.user_id)
        event_id, namespace = body.event_id or envelope.get("id"), ""
        if event_id is None:
            # Made from an offset, so it holds only for this very topic: a new one of the same name repeats it.
            event_id, namespace = _origin(record), self._identities.get(record.topic, "")
        _check_id("event_id", event_id)
        counted_as = id_hash(event_id, namespace)
        time_ms = bounded_time_ms(body.event_time, envelope.get("time"), record.timestamp_ms)
        intent = split(text) if text is not None and kind is Kind.STATEMENT else None
        return Event(
            record=record,
            event_id=event_id,
            counted_as=counted_as,
            user_id=body.user_id,
            item_id=body.item_id,
            kind=kind,
            time_ms=time_ms,
            weight=weight,
            text=text,
            seen=seen,
            intent=intent if intent is not None and intent.unwanted else None,
            list_version=body.list_version,
            position=body.position,
        )


def decode_item(record: Record) -> Item | None:
    """Read a record of the items topic; None removes the item named by the key.

    Raises Rejected if it cannot be used.
    """
    if record.value is None:
        if not record.key:
            raise Rejected(Reason.MISSING_FIELD, "a null without a key names no item to remove")
        return None
    item, _ = _read(record, Item)
    _check_id("item_id", item.item_id)
    if record.key is not None and record.key != item.item_id.encode():
        raise Rejected(Reason.KEY_MISMATCH, f"the key is not the item's id {item.item_id!r}")
    if not item.title.strip() and not item.text.strip():
        raise Rejected(Reason.MISSING_FIELD, "`title` and `text` are both empty: there is nothing to embed")
    _check_size("text", item.text, MAX_BYTES)
    _check_size("title", item.title, MAX_TITLE_BYTES)
    try:
        about = msgspec.json.encode(msgspec.structs.replace(item, text=""))
        item.text.encode()
    except UnicodeEncodeError:
        raise Rejected(Reason.SCHEMA, "a field is not Unicode text (a lone surrogate)") from None
    if len(about) > MAX_ABOUT_BYTES:
        raise Rejected(Reason.TOO_LARGE, f"title and facets take {len(about)} bytes; {MAX_ABOUT_BYTES} is the most")
    return item


def _read(record: Record, message: type[_M]) -> tuple[_M, Mapping[str, Any]]:
    """The body, and the CloudEvents attributes around it (without their `ce_`), which the body's fields precede."""
    if record.value is None:
        raise Rejected(Reason.NOT_JSON, "the record has no value: only items and lists are removed by a null")
    if _structured(record):
        envelope = _json(record.value)
        if not isinstance(envelope, dict) or "data" not in envelope:
            raise Rejected(Reason.SCHEMA, "a structured CloudEvent without `data`")
        return _convert(envelope["data"], message), envelope
    attributes = {
        name[3:]: value.decode("utf-8", "replace") for name, value in record.headers if name.startswith("ce_")
    }
    try:
        return msgspec.json.decode(record.value, type=message), attributes
    except msgspec.ValidationError as error:
        raise _refused(error) from error
    except RecursionError as error:
        raise Rejected(Reason.NOT_JSON, "the value is nested too deeply to be read") from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Python's own producers may write NaN, which is no JSON: read it all the same, so that the reason is right.
        return _convert(_json(record.value), message), attributes


def _structured(record: Record) -> bool:
    content_type = record.header("content-type") or record.header("content_type") or ""
    return content_type.startswith(_STRUCTURED)


def _json(value: bytes) -> Any:
    try:
        return json.loads(value)
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected(Reason.NOT_JSON, f"the value is not JSON: {error}") from error


def _convert(body: object, message: type[_M]) -> _M:
    try:
        return msgspec.convert(body, message)
    except msgspec.ValidationError as error:
        raise _refused(error) from error


def _refused(error: msgspec.ValidationError) -> Rejected:
    reason = Reason.MISSING_FIELD if "missing required field" in str(error) else Reason.SCHEMA
    if reason is Reason.SCHEMA and ("$.event_time" in str(error)):
        reason = Reason.BAD_TIME
    if reason is Reason.SCHEMA and ("$.rating" in str(error) or "$.value" in str(error)):
        reason = Reason.BAD_RATING
    return Rejected(reason, str(error))


def _action(ce_type: object, weights: Weights) -> str | None:
    """`com.example.click` says click, unless the weights file lists the whole name."""
    if not isinstance(ce_type, str | None):
        raise Rejected(Reason.SCHEMA, "the CloudEvent's `type` is not a string")
    if ce_type is None or weights.accepts(ce_type):
        return ce_type
    return ce_type.rsplit(".", 1)[-1]


def _origin(record: Record) -> str:
    origin = record.header(ORIGIN)
    if origin is not None:
        return origin
    return f"{record.topic}-{record.partition}-{record.offset}"


def _check_user(record: Record, user_id: str) -> None:
    _check_id("user_id", user_id)
    if user_id == TRENDING:
        raise Rejected(Reason.BAD_ID, "`user_id` is '*', the key of the trending list: no user can have it")
    if record.key is not None and record.key != user_id.encode():
        raise Rejected(
            Reason.KEY_MISMATCH, "the key is not `user_id`: key user topics by user id, or leave the key out"
        )


def _check_id(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise Rejected(Reason.SCHEMA, f"`{name}` is not a string")
    if not value:
        raise Rejected(Reason.MISSING_FIELD, f"`{name}` is empty")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise Rejected(Reason.BAD_ID, f"`{name}` is not Unicode text (a lone surrogate)") from None
    if size > MAX_ID_BYTES:
        raise Rejected(Reason.TOO_LARGE, f"`{name}` has {size} bytes; {MAX_ID_BYTES} is the most")


def _check_size(name: str, text: str, most: int) -> None:
    # A character takes four bytes at most. Lone surrogates are counted here and dealt with elsewhere.
    if len(text) * 4 > most and (size := len(text.encode("utf-8", "surrogatepass"))) > most:
        raise Rejected(Reason.TOO_LARGE, f"`{name}` has {size} bytes; {most} is the most")
