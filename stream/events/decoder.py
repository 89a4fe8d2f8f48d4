"""From a record's bytes to an event: read, checked, its time bounded, its ratings and texts made comparable. No I/O.

What cannot be used raises `Rejected` with its reason; a record on another partition than its user's is a `Reroute`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import msgspec

from penchant.errors import Rejected, RejectReason
from penchant.fields import (
    MAX_TEXT_BYTES,
    TIME_END_MS,
    TIMES_BEGIN_MS,
    bounded_time_ms,
    check_id,
    check_item_sizes,
    check_record_time,
    check_size,
    refuse_trending,
    unit_rating,
)
from penchant.messages import Click, Command, Item, Review
from penchant.partitioner import partition_of
from penchant.topics import Topics
from serving.lexical.wording import Wording, wording_of
from serving.model.negation import Intent
from serving.model.texts import clean
from serving.state.user_state import EventKind, id_hash
from stream.events.authority import Authority
from stream.events.encoder_input import EncoderInput
from stream.events.envelope import Deleted, body_of, convert, plain_fields, read
from stream.events.framing import id_in_key
from stream.events.languages import language_of
from stream.events.records import ORIGIN, Record, Reroute
from stream.events.weights import RATE, Weight, WeightRange, Weights

_ALWAYS_SEEN = frozenset({EventKind.RATE, EventKind.PURCHASE, EventKind.DISMISS, EventKind.REVIEW})
_KINDS = {kind.name.lower(): kind for kind in EventKind}
_OF_EVENTS = frozenset({"user_id", "type", "event_id", "event_time", "rating", "value"})  # fields of no item


@dataclass(frozen=True, slots=True)
class Event:
    """An action, a review or a statement, ready to be folded.

    dedup_key: the 48-bit hash that the id is remembered by. item_id: None for a statement. text: cleaned, or None.
    seen: whether the item enters the seen set. intent: what a statement that negates wants, and what not. wording: a
    statement's words and ranges of numbers.
    weight_range: how far the text may move the preference; None: it stands. list_version, position: which list it
    answers, and the item's place on it, from 1; None: not told. bought: whether it says that the item was bought.
    language: in which the user is to be told reasons; "": it does not say.
    """

    record: Record
    event_id: str
    dedup_key: int
    user_id: str
    item_id: str | None
    kind: EventKind
    time_ms: int
    weight: Weight
    text: str | None
    seen: bool
    intent: Intent | None = None
    wording: Wording | None = None
    weight_range: WeightRange | None = None
    list_version: int | None = None
    position: int | None = None
    bought: bool = False
    language: str = ""

    @property
    def encoder_input(self) -> EncoderInput | None:
        """What has to be encoded of it."""
        if self.intent is None and self.wording is not None:
            return self.wording.wanted or self.text
        return self.intent or self.text

    @property
    def most_preference(self) -> float:
        """The largest |preference| that it may count."""
        most = abs(self.weight.preference)
        return (
            max(most, abs(self.weight_range.lowest) + self.weight_range.blame, abs(self.weight_range.highest))
            if self.weight_range is not None
            else most
        )


@dataclass(frozen=True, slots=True)
class CommandEvent:
    """A command about a user.

    targets: of a retraction, the 48-bit hashes that its event may be remembered by. original: that event, if sent too.
    signed_by: the name of the key that signed it; "": none, or it is not looked at again.
    """

    record: Record
    command: Command
    time_ms: int
    targets: tuple[int, ...] = ()
    original: Event | None = None
    signed_by: str = ""

    @property
    def event_id(self) -> str:
        """What a list's `folded` calls it by."""
        return self.command.command_id

    @property
    def user_id(self) -> str:
        """Whom it is about."""
        return self.command.user_id

    @property
    def encoder_input(self) -> EncoderInput | None:
        """What has to be encoded to carry it out."""
        return self.original.encoder_input if self.original is not None else None


class Decoder:
    """Reads records of the user topics.

    identities: topic -> its identity, for ids made from offsets. clock: ms since 1970; a record that is further ahead
    of it than clocks differ would stay the newest for ever. authority: of commands; None: they need none.
    """

    def __init__(
        self,
        topics: Topics,
        weights: Weights,
        partitions: int,
        identities: Mapping[str, str],
        *,
        clock: Callable[[], int],
        clicks_are_seen: bool = True,
        authority: Authority | None = None,
    ) -> None:
        self.commands = topics.commands
        self._authority = authority
        self._clock = clock
        self._asked_ms = 0  # what it said when it was asked last
        self._weights = weights
        self._home = lru_cache(maxsize=100_000)(partial(partition_of, partitions=partitions))
        self._identities = identities
        self._clicks_are_seen = clicks_are_seen
        self._readers: dict[str, tuple[type[msgspec.Struct], Callable[..., Event | CommandEvent]]] = {
            topics.clicks: (Click, self._click),
            topics.reviews: (Review, self._review),
            topics.commands: (Command, self._command),
        }

    def decode(self, record: Record) -> Event | CommandEvent | Reroute:
        """Read one record.

        Raises Rejected if it cannot be used.
        """
        if not TIMES_BEGIN_MS <= record.timestamp_ms <= self._asked_ms:  # most are older than when it was asked last
            self._asked_ms = min(self._clock(), TIME_END_MS - 1)
            check_record_time(record.timestamp_ms, self._asked_ms)
        event = self._read(record)
        if self._authority is None or record.topic != self.commands:
            return event
        signer = self._authority(record)
        return replace(event, signed_by=signer) if isinstance(event, CommandEvent) else event

    def read_again(self, record: Record) -> Event | CommandEvent | Reroute:
        """Read one that was accepted before, whatever the clock says by now: it may have been set back since.

        Raises Rejected if it cannot be used (any more: the weights file may be another one).
        """
        check_record_time(record.timestamp_ms, now_ms=record.timestamp_ms)
        return self._read(record)

    def forget_users(self) -> None:
        """Drop the ids that are kept to save hashing: one of them was erased."""
        self._home.cache_clear()

    def _read(self, record: Record) -> Event | CommandEvent | Reroute:
        message, make = self._readers[record.topic]
        event = make(record, *read(record, message))
        home = self._home(event.user_id)
        if home == record.partition:
            return event
        if record.header(ORIGIN) is not None:
            raise Rejected(
                RejectReason.WRONG_PARTITION,
                f"forwarded once already, and still on partition {record.partition} instead of {home}: "
                "do the topics have the partition count that the workers think?",
            )
        return Reroute(record, event.user_id, home)

    def _click(self, record: Record, body: Click, envelope: Mapping[str, Any]) -> Event:
        action = body.type or _action(envelope.get("type"), self._weights)
        if not action:
            raise Rejected(RejectReason.MISSING_FIELD, "`type` is missing: what did the user do?")
        if not self._weights.accepts(action):
            raise Rejected(RejectReason.UNKNOWN_TYPE, f"`type` is {action!r}, which the weights file does not list")
        rating = None
        if action == RATE:
            if body.value is None:
                raise Rejected(
                    RejectReason.MISSING_FIELD, "`value` is missing: a `rate` event carries the rating there"
                )
            rating = unit_rating(body.value, body.rating_scale)
        check_id("item_id", body.item_id)
        kind = _KINDS.get(action, EventKind.OTHER)
        seen = kind in _ALWAYS_SEEN or (self._clicks_are_seen and kind is not EventKind.IMPRESSION)
        weight = self._weights.of(action, rating)
        event = self._event(record, body, envelope, kind, weight, text=None, seen=seen)
        return replace(event, bought=True) if self._weights.buys(action) else event

    def _review(self, record: Record, body: Review, envelope: Mapping[str, Any]) -> Event:
        check_size("text", body.text, MAX_TEXT_BYTES)
        text = clean(body.text) or None
        rating = unit_rating(body.rating, body.rating_scale) if body.rating is not None else None
        if text is None and (rating is None or body.item_id is None):
            raise Rejected(
                RejectReason.MISSING_FIELD, "`text` is empty (or nothing but markup), and there is no rating"
            )
        if body.item_id is None:
            weight = self._weights.of("statement", None)
            return self._event(record, body, envelope, EventKind.STATEMENT, weight, text=text, seen=False)
        check_id("item_id", body.item_id)
        weight = self._weights.of_review(rating) if rating is not None and text else self._weights.of("review", rating)
        event = self._event(record, body, envelope, EventKind.REVIEW, weight, text=text, seen=True)
        event = replace(event, bought=True) if self._weights.buys("review") else event
        weight_range = self._weights.weight_range
        if rating is not None or weight_range is None:
            return event
        return replace(event, weight_range=replace(weight_range, blame=self._weights.blame))

    def _command(self, record: Record, body: Command, envelope: Mapping[str, Any]) -> CommandEvent:
        _check_user(record, body.user_id)
        check_id("command_id", body.command_id)
        time_ms = bounded_time_ms(body.event_time, envelope.get("time"), record.timestamp_ms)
        if body.type == "retract":
            if not body.event_id:
                raise Rejected(RejectReason.MISSING_FIELD, "`event_id` is missing: which event is to be retracted?")
            check_id("event_id", body.event_id)
            return CommandEvent(record, body, time_ms, self._hashes(body.event_id), self._original(record, body))
        if body.type not in {"merge", "erase"}:
            raise Rejected(RejectReason.UNKNOWN_TYPE, f"`type` is {body.type!r}; it is one of retract, merge, erase")
        if body.type == "merge":
            if not body.anonymous_id:
                raise Rejected(
                    RejectReason.MISSING_FIELD, "`anonymous_id` is missing: who is to be merged into `user_id`?"
                )
            check_id("anonymous_id", body.anonymous_id)
            refuse_trending("anonymous_id", body.anonymous_id)
        return CommandEvent(record, body, time_ms)

    def _hashes(self, event_id: str) -> tuple[int, ...]:
        """What an id may be remembered by: as a producer's own, and as one made from an offset of a topic."""
        made = [identity for topic, identity in self._identities.items() if event_id.startswith(f"{topic}-")]
        return tuple(id_hash(event_id, namespace) for namespace in ("", *made))

    def _original(self, record: Record, command: Command) -> Event | None:
        if command.event is None:
            return None
        is_review = command.event.get("text") is not None
        sent = plain_fields(command.event, Review if is_review else Click)
        body = {"user_id": command.user_id, "event_id": command.event_id} | sent
        if (body["user_id"], body["event_id"]) != (command.user_id, command.event_id):
            raise Rejected(
                RejectReason.SCHEMA, "`event` is not the one that `user_id` and `event_id` of the command name"
            )
        if "event_time" not in body:
            raise Rejected(
                RejectReason.MISSING_FIELD, "`event` has no `event_time`: what it counts today depends on it"
            )
        if is_review:
            return self._review(record, convert(body, Review), {})
        return self._click(record, convert(body, Click), {})

    def _event(
        self,
        record: Record,
        body: Click | Review,
        envelope: Mapping[str, Any],
        kind: EventKind,
        weight: Weight,
        *,
        text: str | None,
        seen: bool,
    ) -> Event:
        _check_user(record, body.user_id)
        event_id, namespace = body.event_id or envelope.get("id"), ""
        if event_id is None:
            # Made from an offset, so it holds only for this very topic: a new one of the same name repeats it.
            event_id, namespace = record.origin, self._identities.get(record.topic, "")
        check_id("event_id", event_id)
        dedup_key = id_hash(event_id, namespace)
        time_ms = bounded_time_ms(body.event_time, envelope.get("time"), record.timestamp_ms)
        wording = wording_of(text) if text is not None and kind is EventKind.STATEMENT else None
        return Event(
            record=record,
            event_id=event_id,
            dedup_key=dedup_key,
            user_id=body.user_id,
            item_id=body.item_id,
            kind=kind,
            time_ms=time_ms,
            weight=weight,
            text=text,
            seen=seen,
            intent=Intent(wording.wanted, wording.unwanted) if wording is not None and wording.unwanted else None,
            wording=wording,
            list_version=body.list_version,
            position=body.position,
            language=language_of(body.context),
        )


def decode_item(record: Record) -> Item | None:
    """Read a record of the items topic; None removes the item that `removed` names.

    Raises Rejected if it cannot be used.
    """
    if record.value is None:
        check_id("item_id", removed(record))
        return None
    try:
        item, _ = read(record, Item)
    except Deleted as deletion:
        check_id("item_id", removed(record))
        row_id = deletion.row.get("item_id")
        if row_id is not None and str(row_id) != removed(record):
            raise Rejected(RejectReason.KEY_MISMATCH, "the key is not the `item_id` of the deleted row") from None
        return None
    _check_item(item, record)
    return item


def removed(record: Record) -> str:
    """Which item a record removes: its key, which may be JSON. Raises Rejected."""
    key = record.key
    if not key:
        raise Rejected(RejectReason.MISSING_FIELD, "a null without a key names no item to remove")
    named = id_in_key(key, "item_id") if key[:1] in {b"{", b'"', b"\x00"} else None
    try:
        return named if named is not None else key.decode()
    except UnicodeDecodeError:
        raise Rejected(RejectReason.BAD_ID, "the key is not UTF-8, so it names no item to remove") from None


def _check_item(item: Item, record: Record) -> None:
    check_id("item_id", item.item_id)
    key = record.key
    if key is not None and key != item.item_id.encode() and id_in_key(key, "item_id") != item.item_id:
        raise Rejected(RejectReason.KEY_MISMATCH, f"the key is not the item's id {item.item_id!r}")
    if not item.title.strip() and not item.text.strip():
        hint = ""
        if told := sorted(_OF_EVENTS & body_of(record.value, record.headers).keys()):
            what = "an event" if "user_id" in told else "an event without `user_id`"
            hint = f"; it has `{'`, `'.join(told)}` and looks like {what}, which belongs on another topic"
        raise Rejected(
            RejectReason.MISSING_FIELD, f"`title` and `text` are both empty: there is nothing to embed{hint}"
        )
    check_item_sizes(item)


def _action(ce_type: object, weights: Weights) -> str | None:
    """`com.example.click` says click, unless the weights file lists the whole name."""
    if not isinstance(ce_type, str | None):
        raise Rejected(RejectReason.SCHEMA, "the CloudEvent's `type` is not a string")
    if ce_type is None or weights.accepts(ce_type):
        return ce_type
    return ce_type.rsplit(".", 1)[-1]


def _check_user(record: Record, user_id: str) -> None:
    check_id("user_id", user_id)
    refuse_trending("user_id", user_id)
    if record.key is not None and record.key != user_id.encode():
        is_json = id_in_key(record.key, "user_id") == user_id
        remedy = "it is JSON: use a string serializer for keys" if is_json else "key user topics by user id"
        raise Rejected(RejectReason.KEY_MISMATCH, f"the key is not `user_id`: {remedy}, or leave the key out")
