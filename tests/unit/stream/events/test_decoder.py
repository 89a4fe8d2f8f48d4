"""From bytes to events: what is read, what is refused and under which word."""

import json
from dataclasses import replace
from typing import Any

import pytest

from penchant.errors import Rejected, RejectReason
from penchant.fields import MAX_AHEAD_MS
from penchant.partitioner import partition_of
from serving.state.user_state import EventKind, id_hash
from stream.events.decoder import CommandEvent, Decoder, Event, decode_item
from stream.events.records import ORIGIN, Headers, Record, Reroute
from stream.events.weights import load_weights
from stream.testing import NOW_MS, TOPICS, record

WEIGHTS = load_weights()
STRUCTURED: Headers = (("content-type", b"application/cloudevents+json; charset=utf-8"),)
CLICK: dict[str, Any] = {"event_id": "c-17", "user_id": "u1", "item_id": "i9", "type": "click"}
RATE = CLICK | {"type": "rate", "value": 4}
REVIEW: dict[str, Any] = {"event_id": "r-3", "user_id": "u1", "item_id": "i9", "text": "A good film."}
COMMAND: dict[str, Any] = {"command_id": "k-1", "type": "retract", "user_id": "u1", "event_id": "c-17"}
ITEM: dict[str, Any] = {"item_id": "i9", "title": "Alien", "text": "In space.", "facets": {"genre": ["Sci-Fi"]}}


def decoder(partitions: int = 1, *, clicks_are_seen: bool = True) -> Decoder:
    return Decoder(
        TOPICS, WEIGHTS, partitions, {TOPICS.clicks: "run-1"}, clock=lambda: NOW_MS, clicks_are_seen=clicks_are_seen
    )


def read(each: Record) -> Event:
    event = decoder().decode(each)
    assert isinstance(event, Event)
    return event


def click(value: object = None, **fields: Any) -> Record:
    headers = fields.pop("headers", ())
    return record(TOPICS.clicks, value if value is not None else CLICK | fields, headers=headers)


def review(**fields: Any) -> Record:
    return record(TOPICS.reviews, REVIEW | fields)


def enveloped(data: object, **attributes: object) -> Record:
    return click({**attributes, "data": data}, headers=STRUCTURED)


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def test_a_click_becomes_an_event() -> None:
    event = read(click(event_time="2026-09-01T10:00:00.123Z"))
    assert (event.user_id, event.item_id, event.event_id, event.kind) == ("u1", "i9", "c-17", EventKind.CLICK)
    assert event.time_ms == 1_788_256_800_123
    assert event.weight == WEIGHTS.actions["click"]
    assert event.dedup_key == id_hash("c-17")
    assert event.seen


def test_a_review_is_weighed_by_its_rating_and_a_statement_as_such() -> None:
    rated = read(review(rating=5))
    assert (rated.kind, rated.weight, rated.text) == (EventKind.REVIEW, WEIGHTS.ratings[5], "A good film.")
    assert read(review()).weight == WEIGHTS.actions["review"]
    said = read(record(TOPICS.reviews, without(REVIEW, "item_id") | {"text": "我喜欢看电影，尤其是科幻片"}))
    assert (said.kind, said.item_id, said.weight) == (EventKind.STATEMENT, None, WEIGHTS.actions["statement"])
    assert said.text == "我喜欢看电影，尤其是科幻片"
    assert not said.seen


def test_a_rating_without_words_is_a_review() -> None:
    event = read(review(text=" <br/> ", rating=2))
    assert (event.kind, event.text, event.weight) == (EventKind.REVIEW, None, WEIGHTS.ratings[2])


@pytest.mark.parametrize(
    ("value", "scale", "stars"),
    [(1, [1, 5], 1), (5, [1, 5], 5), (0, [0, 10], 1), (7.5, [0, 10], 4), (100, [0, 100], 5), (-1, [-1, 1], 1)],
)
def test_ratings_of_any_scale_are_the_nearest_stars(value: float, scale: list[float], stars: int) -> None:
    event = read(click(RATE | {"value": value, "rating_scale": scale}))
    assert event.weight == WEIGHTS.ratings[stars]


# --- Bad input: each under its word ---

REFUSED: list[tuple[str, Record, RejectReason]] = [
    ("not JSON", click(b"{user_id: u1}"), RejectReason.NOT_JSON),
    ("no bytes", click(b""), RejectReason.NOT_JSON),
    ("not UTF-8", click(b'{"user_id": "\xff", "item_id": "i9", "type": "click"}'), RejectReason.NOT_JSON),
    ("a null", record(TOPICS.clicks, None), RejectReason.NOT_JSON),
    ("deep nesting", click(b"[" * 200_000), RejectReason.NOT_JSON),
    (
        "deep nesting in a field that is not read",
        click(json.dumps(CLICK)[:-1].encode() + b', "context": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"),
        RejectReason.NOT_JSON,
    ),
    ("a list instead of an object", click([CLICK]), RejectReason.SCHEMA),
    ("a fraction as user_id", click(user_id=7.0), RejectReason.SCHEMA),
    ("true as item_id", click(item_id=True), RejectReason.SCHEMA),
    ("a list as event_id", click(event_id=["c-17"]), RejectReason.SCHEMA),
    ("a number over 256 digits as user_id", click(user_id=10**256), RejectReason.TOO_LARGE),
    ("a number over 4,300 digits", click(json.dumps(CLICK)[:-1].encode() + b', "value": ' + b"9" * 5000 + b"}"),
     RejectReason.SCHEMA),
    ("a list_version beyond 64 bits", click(list_version=2**63), RejectReason.SCHEMA),
    ("a position beyond 64 bits", click(position=-(10**400)), RejectReason.SCHEMA),
    ("a list_version that is a fraction", click(list_version=1.5), RejectReason.SCHEMA),
    ("a position in words", click(position="first"), RejectReason.SCHEMA),
    ("no user_id", click(without(CLICK, "user_id")), RejectReason.MISSING_FIELD),
    ("empty user_id", click(user_id=""), RejectReason.MISSING_FIELD),
    ("no item_id", click(without(CLICK, "item_id")), RejectReason.MISSING_FIELD),
    ("empty item_id", click(item_id=""), RejectReason.MISSING_FIELD),
    ("no type", click(without(CLICK, "type")), RejectReason.MISSING_FIELD),
    ("unknown type", click(type="teleport"), RejectReason.UNKNOWN_TYPE),
    ("a review on the clicks topic", click(type="review"), RejectReason.UNKNOWN_TYPE),
    ("user id *", click(user_id="*"), RejectReason.BAD_ID),
    ("user_id over 256 bytes", click(user_id="é" * 129), RejectReason.TOO_LARGE),
    ("item_id over 256 bytes", click(item_id="x" * 257), RejectReason.TOO_LARGE),
    ("event_id over 256 bytes", click(event_id="x" * 257), RejectReason.TOO_LARGE),
    ("lone surrogate in user_id", click(user_id="u\ud800"), RejectReason.BAD_ID),
    ("lone surrogate in item_id", click(item_id="\udfff"), RejectReason.BAD_ID),
    ("lone surrogate in event_id", click(event_id="\ud800"), RejectReason.BAD_ID),
    ("lone surrogate in type", click(type="\ud800"), RejectReason.SCHEMA),
    ("rate without a value", click(without(RATE, "value")), RejectReason.MISSING_FIELD),
    ("NaN rating", click(RATE | {"value": float("nan")}), RejectReason.BAD_RATING),
    ("infinite rating", click(RATE | {"value": float("inf")}), RejectReason.BAD_RATING),
    ("rating beyond any float", click(json.dumps(RATE).replace("4", "1e999").encode()), RejectReason.BAD_RATING),
    ("rating out of scale", click(RATE | {"value": 6}), RejectReason.BAD_RATING),
    ("rating in words", click(RATE | {"value": "four"}), RejectReason.BAD_RATING),
    ("scale upside down", click(RATE | {"rating_scale": [5, 1]}), RejectReason.BAD_RATING),
    ("scale of one point", click(RATE | {"rating_scale": [4, 4]}), RejectReason.BAD_RATING),
    ("scale of one number", click(RATE | {"rating_scale": [5]}), RejectReason.BAD_RATING),
    ("scale wider than any float", click(RATE | {"value": 1e308, "rating_scale": [-1e308, 1e308]}),
    RejectReason.BAD_RATING), ("no zone", click(event_time="2026-09-01T10:00:00"), RejectReason.BAD_TIME),
    ("a date only", click(event_time="2026-09-01"), RejectReason.BAD_TIME),
    ("a time in words", click(event_time="yesterday"), RejectReason.BAD_TIME),
    ("a time that is true", click(event_time=True), RejectReason.BAD_TIME),
    ("a time that is NaN", click(event_time=float("nan")), RejectReason.BAD_TIME),
    ("a time before 1970", click(event_time=-1), RejectReason.BAD_TIME),
    ("a time long before 1970", click(json.dumps(CLICK | {"event_time": 5}).replace("5", "-" + "9" * 500).encode()),
     RejectReason.BAD_TIME),
    ("a time in the year 1", click(event_time="0001-01-01T00:00:00+14:00"), RejectReason.BAD_TIME),
    ("empty statement", record(TOPICS.reviews, {"user_id": "u1", "text": ""}), RejectReason.MISSING_FIELD),
    ("nothing but markup", record(TOPICS.reviews, {"user_id": "u1", "text": "<p> </p>"}), RejectReason.MISSING_FIELD),
    ("review without words or rating", review(text=""), RejectReason.MISSING_FIELD),
    ("review without text", record(TOPICS.reviews, without(REVIEW, "text")), RejectReason.MISSING_FIELD),
    ("1 MB of text", review(text="x" * 1_000_000), RejectReason.TOO_LARGE),
    ("text over 32 KB in bytes", review(text="科" * 11_000), RejectReason.TOO_LARGE),
    ("1 MB of text with a lone surrogate", review(text="\ud800" * 1_000_000), RejectReason.TOO_LARGE),
    ("rating of a review out of scale", review(rating=0), RejectReason.BAD_RATING),
    ("key of another user", record(TOPICS.clicks, CLICK, key=b"u2"), RejectReason.KEY_MISMATCH),
    ("key that is not UTF-8", record(TOPICS.clicks, CLICK, key=b"\xff"), RejectReason.KEY_MISMATCH),
    ("record without a time", record(TOPICS.clicks, CLICK, timestamp_ms=-1), RejectReason.BAD_TIME),
    ("record timed in microseconds", record(TOPICS.clicks, CLICK, timestamp_ms=NOW_MS * 1000), RejectReason.BAD_TIME),
    ("structured without data", click({"id": "x"}, headers=STRUCTURED), RejectReason.SCHEMA),
    ("structured list", click([CLICK], headers=STRUCTURED), RejectReason.SCHEMA),
    ("structured with null data", click({"data": None}, headers=STRUCTURED), RejectReason.SCHEMA),
    ("structured, not JSON", click(b"{", headers=STRUCTURED), RejectReason.NOT_JSON),
    ("structured, deep nesting", click(b"[" * 200_000, headers=STRUCTURED), RejectReason.NOT_JSON),
    ("structured, type a number", enveloped(without(CLICK, "type"), type=5), RejectReason.SCHEMA),
    ("structured, type a list", enveloped(without(CLICK, "type"), type=[]), RejectReason.SCHEMA),
    ("structured, id a fraction", enveloped(without(CLICK, "event_id"), id=5.5), RejectReason.SCHEMA),
    ("structured, time a list", enveloped(CLICK, time=[]), RejectReason.BAD_TIME),
    ("ce_time not UTF-8", click(headers=(("ce_time", b"\xff"),)), RejectReason.BAD_TIME),
    ("ce_id not UTF-8", click(without(CLICK, "event_id"), headers=(("ce_id", b"\xff"),)), RejectReason.BAD_ID),
    ("ce_type not UTF-8", click(without(CLICK, "type"), headers=(("ce_type", b"\xff"),)), RejectReason.SCHEMA),
    ("ce_id over 256 bytes", click(without(CLICK, "event_id"), headers=(("ce_id", b"x" * 257),)),
    RejectReason.TOO_LARGE), ("origin over 256 bytes", click(without(CLICK, "event_id"), headers=((ORIGIN, b"x" *
    257),)), RejectReason.TOO_LARGE), ("unknown command", record(TOPICS.commands, COMMAND | {"type": "clone"}),
    RejectReason.UNKNOWN_TYPE), ("retract of what", record(TOPICS.commands, without(COMMAND, "event_id")),
    RejectReason.MISSING_FIELD), ("merge of whom", record(TOPICS.commands, COMMAND | {"type": "merge"}),
    RejectReason.MISSING_FIELD), ("merge of *", record(TOPICS.commands, COMMAND | {"type": "merge", "anonymous_id":
    "*"}), RejectReason.BAD_ID), ("merge of an id over 256 bytes", record(TOPICS.commands, COMMAND | {"type": "merge",
    "anonymous_id": "a" * 257}),
     RejectReason.TOO_LARGE),
    ("command without id", record(TOPICS.commands, without(COMMAND, "command_id")), RejectReason.MISSING_FIELD),
    ("command about *", record(TOPICS.commands, COMMAND | {"user_id": "*"}), RejectReason.BAD_ID),
]  # fmt: skip


@pytest.mark.parametrize(
    ("bad", "reason"), [case[1:] for case in REFUSED], ids=[case[0].replace(" ", "-") for case in REFUSED]
)
def test_bad_input_is_refused_under_its_word(bad: Record, reason: RejectReason) -> None:
    with pytest.raises(Rejected) as refused:
        decoder().decode(bad)
    assert refused.value.reason is reason
    assert str(refused.value)


# --- Time ---


def test_event_time_is_the_bodys_then_the_envelopes_then_the_records() -> None:
    header: Headers = (("ce_time", b"2026-09-01T10:00:00Z"),)
    assert read(click(event_time=5, headers=header)).time_ms == 5
    assert read(click(headers=header)).time_ms == 1_788_256_800_000
    assert read(click()).time_ms == NOW_MS


def test_a_time_in_the_future_is_taken_as_the_records_beyond_five_minutes() -> None:
    assert read(click(event_time=NOW_MS + MAX_AHEAD_MS)).time_ms == NOW_MS + MAX_AHEAD_MS
    assert read(click(event_time=NOW_MS + MAX_AHEAD_MS + 1)).time_ms == NOW_MS
    assert read(click(event_time=NOW_MS + 365 * 86_400_000)).time_ms == NOW_MS
    assert read(click(event_time=10**400)).time_ms == NOW_MS
    assert read(click(event_time="9999-12-31T23:59:59-14:00")).time_ms == NOW_MS


def test_1970_is_a_time() -> None:
    assert read(click(event_time="1970-01-01T00:00:00Z")).time_ms == 0
    assert read(click(event_time=0)).time_ms == 0


def test_zones_are_read() -> None:
    at = read(click(event_time="2026-09-01T12:00:00+02:00"))
    assert at.time_ms == read(click(event_time="2026-09-01T10:00:00Z")).time_ms


# --- Ids and CloudEvents ---


def test_binary_cloud_events_fill_in_what_the_body_leaves_out() -> None:
    headers = (("ce_id", b"ce-1"), ("ce_type", b"com.example.cart"), ("ce_specversion", b"1.0"))
    event = read(click(without(CLICK, "event_id", "type"), headers=headers))
    assert (event.event_id, event.kind) == ("ce-1", EventKind.CART)
    assert read(click(headers=headers)).event_id == "c-17"
    assert read(click(headers=headers)).kind is EventKind.CLICK


def test_structured_cloud_events_are_unwrapped() -> None:
    envelope = {
        "specversion": "1.0",
        "id": "ce-1",
        "type": "com.example.purchase",
        "time": "2026-09-01T10:00:00Z",
        "data": without(CLICK, "event_id", "type"),
    }
    event = read(click(envelope, headers=STRUCTURED))
    assert (event.event_id, event.kind, event.time_ms) == ("ce-1", EventKind.PURCHASE, 1_788_256_800_000)


def test_an_id_made_from_the_offset_counts_for_this_very_topic_alone() -> None:
    anonymous = record(TOPICS.clicks, without(CLICK, "event_id"), 4711)
    event = read(anonymous)
    assert event.event_id == f"{TOPICS.clicks}-0-4711"
    assert event.dedup_key == id_hash(event.event_id, "run-1")
    recreated = Decoder(TOPICS, WEIGHTS, 1, {TOPICS.clicks: "run-2"}, clock=lambda: NOW_MS).decode(anonymous)
    assert isinstance(recreated, Event)
    assert recreated.dedup_key != event.dedup_key


def test_lone_surrogates_in_a_text_are_cut_out() -> None:
    assert read(review(text="good\ud800film")).text == "good film"
    assert read(review(text="good " + "\ud800" * 9000)).text == "good"


def test_unknown_fields_are_ignored() -> None:
    more = click(context={"page": [1, {"a": None}]}, mood="sunny")
    assert replace(read(more), record=click()) == read(click())


# --- Partitions ---


def user_on(partition: int, partitions: int = 4) -> str:
    return next(f"u{n}" for n in range(1000) if partition_of(f"u{n}", partitions) == partition)


@pytest.mark.parametrize("key", [None, True])
def test_a_wrong_partition_is_forwarded_once(key: bool | None) -> None:
    user = user_on(3)
    reroute = record(TOPICS.clicks, CLICK | {"user_id": user}, 7, partition=1, key=user.encode() if key else None)
    assert decoder(partitions=4).decode(reroute) == Reroute(reroute, user, 3)
    again = record(TOPICS.clicks, CLICK | {"user_id": user}, partition=1, headers=((ORIGIN, b"x-1-7"),))
    with pytest.raises(Rejected) as refused:
        decoder(partitions=4).decode(again)
    assert refused.value.reason is RejectReason.WRONG_PARTITION


def test_a_forwarded_copy_has_the_id_of_its_original() -> None:
    user = user_on(3)
    body = without(CLICK, "event_id") | {"user_id": user}
    copy = record(TOPICS.clicks, body, 99, partition=3, headers=((ORIGIN, f"{TOPICS.clicks}-1-7".encode()),))
    event = decoder(partitions=4).decode(copy)
    assert isinstance(event, Event)
    assert event.event_id == f"{TOPICS.clicks}-1-7"


# --- Seen ---


@pytest.mark.parametrize(
    ("action", "by_default", "only_consumed"),
    [
        ("view", True, False),
        ("click", True, False),
        ("purchase", True, True),
        ("dismiss", True, True),
        ("impression", False, False),
    ],
)
def test_what_enters_the_seen_set(action: str, by_default: bool, only_consumed: bool) -> None:
    for setting, expected in ((True, by_default), (False, only_consumed)):
        event = decoder(clicks_are_seen=setting).decode(click(type=action))
        assert isinstance(event, Event)
        assert event.seen is expected


# --- Commands and items ---


@pytest.mark.parametrize("kind", ["retract", "merge", "erase"])
def test_commands_are_read(kind: str) -> None:
    command = decoder().decode(record(TOPICS.commands, COMMAND | {"type": kind, "anonymous_id": "a7"}))
    assert isinstance(command, CommandEvent)
    assert (command.event_id, command.user_id, command.command.type) == ("k-1", "u1", kind)


def test_an_item_and_its_removal_are_read() -> None:
    item = decode_item(record(TOPICS.items, ITEM, key=b"i9"))
    assert item is not None
    assert (item.item_id, item.title, item.available) == ("i9", "Alien", True)
    assert decode_item(record(TOPICS.items, None, key=b"i9")) is None


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (record(TOPICS.items, None), RejectReason.MISSING_FIELD),
        (record(TOPICS.items, b"\x00"), RejectReason.NOT_JSON),
        (record(TOPICS.items, ITEM | {"item_id": ""}), RejectReason.MISSING_FIELD),
        (record(TOPICS.items, {"item_id": "i9", "title": " "}), RejectReason.MISSING_FIELD),
        (record(TOPICS.items, ITEM | {"facets": {"genre": {"name": "Sci-Fi"}}}), RejectReason.SCHEMA),
        (record(TOPICS.items, ITEM | {"facets": {"genre": [["Sci-Fi"]]}}), RejectReason.SCHEMA),
        (record(TOPICS.items, ITEM | {"facets": {"year": float("nan")}}), RejectReason.SCHEMA),
        (record(TOPICS.items, ITEM | {"facets": ["Sci-Fi"]}), RejectReason.SCHEMA),
        (record(TOPICS.items, ITEM | {"available": "yes"}), RejectReason.SCHEMA),
        (record(TOPICS.items, ITEM | {"available": 2}), RejectReason.SCHEMA),
        (record(TOPICS.items, None, key=b"\xff"), RejectReason.BAD_ID),
        (record(TOPICS.items, None, key=b"x" * 257), RejectReason.TOO_LARGE),
        (record(TOPICS.items, ITEM | {"title": "\ud800"}), RejectReason.SCHEMA),
        (record(TOPICS.items, ITEM | {"text": "\ud800"}), RejectReason.SCHEMA),
        (record(TOPICS.items, ITEM | {"facets": {"genre": ["\ud800"]}}), RejectReason.SCHEMA),
        (record(TOPICS.items, ITEM | {"text": "x" * 1_000_000}), RejectReason.TOO_LARGE),
        (record(TOPICS.items, ITEM | {"title": "x" * 5000}), RejectReason.TOO_LARGE),
        (record(TOPICS.items, ITEM | {"facets": {"genre": ["x" * 40_000]}}), RejectReason.TOO_LARGE),
        (record(TOPICS.items, ITEM, key=b"other"), RejectReason.KEY_MISMATCH),
        (record(TOPICS.items, ITEM | {"item_id": "x" * 257}), RejectReason.TOO_LARGE),
    ],
)
def test_bad_items_are_refused_under_their_word(bad: Record, reason: RejectReason) -> None:
    with pytest.raises(Rejected) as refused:
        decode_item(bad)
    assert refused.value.reason is reason
