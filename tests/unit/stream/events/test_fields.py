"""Fields that are not as the message's class has them: read where it is clear what was meant, else refused by name."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from penchant.errors import Rejected, RejectReason
from penchant.messages import Item
from stream.events.decoder import CommandEvent, Decoder, Event, decode_item
from stream.events.records import ORIGIN, Record
from stream.events.weights import load_weights
from stream.testing import NOW_MS, TOPICS, record

CLICK: dict[str, Any] = {"event_id": "c-17", "user_id": "u1", "item_id": "i9", "type": "click"}
REVIEW: dict[str, Any] = {"event_id": "r-3", "user_id": "u1", "item_id": "i9", "text": "A good film.", "rating": 4}
RETRACT: dict[str, Any] = {"command_id": "k-1", "type": "retract", "user_id": "u1", "event_id": "c-17"}
MERGE: dict[str, Any] = {"command_id": "k-1", "type": "merge", "user_id": "u1", "anonymous_id": "a7"}
ITEM: dict[str, Any] = {"item_id": "i9", "title": "Alien", "text": "In space."}
IDS = ("user_id", "item_id", "event_id", "source", "session_id")
WEIGHTS = load_weights()
DECODER = Decoder(TOPICS, WEIGHTS, 1, {}, clock=lambda: NOW_MS)


def read(topic: str, body: object, **more: Any) -> Event | CommandEvent:
    event = DECODER.decode(record(topic, body, **more))
    assert isinstance(event, Event | CommandEvent)
    return event


def item(**fields: object) -> Item:
    read_item = decode_item(record(TOPICS.items, {"item_id": "i9", "title": "Alien", **fields}))
    assert read_item is not None
    return read_item


def refused(topic: str, body: object, **more: Any) -> Rejected:
    read_it: Callable[[Record], object] = decode_item if topic == TOPICS.items else DECODER.decode
    with pytest.raises(Rejected) as why:
        read_it(record(topic, body, **more))
    return why.value


# --- Null is absent ---

CLICKS_OPTIONAL = (
    "event_time",
    "value",
    "rating_scale",
    "list_version",
    "position",
    "source",
    "session_id",
    "context",
    "mood",
)


@pytest.mark.parametrize("fields", [*([name] for name in CLICKS_OPTIONAL), CLICKS_OPTIONAL], ids="-".join)
@pytest.mark.parametrize(("topic", "body"), [(TOPICS.clicks, CLICK), (TOPICS.reviews, REVIEW)], ids=["click", "review"])
def test_null_where_a_field_is_optional_is_absent(topic: str, body: dict[str, Any], fields: list[str]) -> None:
    with_nulls = read(topic, body | dict.fromkeys(fields))
    assert msgspec.json.encode(_told(with_nulls)) == msgspec.json.encode(_told(read(topic, body)))


def test_null_where_an_id_is_optional_is_absent() -> None:
    assert read(TOPICS.clicks, CLICK | {"event_id": None}, offset=7).event_id == f"{TOPICS.clicks}-0-7"
    statement = read(TOPICS.reviews, REVIEW | {"item_id": None, "rating": None})
    assert isinstance(statement, Event)
    assert statement.item_id is None
    headers = (("ce_type", b"cart"),)
    assert read(TOPICS.clicks, CLICK | {"type": None}, headers=headers).record.headers == headers
    for command in (RETRACT, MERGE, RETRACT | {"type": "erase"}):
        nulls = {"event": None, "event_time": None} | ({"anonymous_id": None} if command is RETRACT else {})
        assert isinstance(read(TOPICS.commands, command | nulls), CommandEvent)


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        (TOPICS.clicks, CLICK | {"user_id": None}),
        (TOPICS.clicks, CLICK | {"item_id": None}),
        (TOPICS.clicks, CLICK | {"type": None}),
        (TOPICS.reviews, REVIEW | {"text": None}),
        (TOPICS.commands, RETRACT | {"event_id": None}),
        (TOPICS.commands, RETRACT | {"command_id": None}),
        (TOPICS.commands, MERGE | {"anonymous_id": None}),
        (TOPICS.commands, RETRACT | {"event": CLICK | {"event_time": None}}),
        (TOPICS.items, ITEM | {"item_id": None}),
        (TOPICS.items, ITEM | {"title": None, "text": None}),
    ],
)
def test_null_where_a_field_is_needed_is_a_missing_field(topic: str, body: object) -> None:
    assert refused(topic, body).reason is RejectReason.MISSING_FIELD


def test_nulls_of_an_item_are_absent() -> None:
    assert item(facets=None, text=None, available=None) == item()
    assert item(title=None, text="In space.").title == ""
    facets = {"brand": None, "genre": ["Sci-Fi", None, "Horror"], "mood": [None], "domain": "films"}
    assert item(facets=facets).facets == {"genre": ["Sci-Fi", "Horror"], "mood": [], "domain": "films"}


# --- Numbers and truth values ---


def test_numbers_and_truth_values_of_facets_are_text() -> None:
    facets = {
        "year": 1999,
        "stars": 4.5,
        "hd": True,
        "sold_out": False,
        "sizes": [38, 40.5, "L", True, None],
        "big": 10**30,
    }
    assert item(facets=facets).facets == {
        "year": "1999",
        "stars": "4.5",
        "hd": "true",
        "sold_out": "false",
        "sizes": ["38", "40.5", "L", "true"],
        "big": str(10**30),
    }
    assert item(title=1984).title == "1984"
    assert item(available=0).available is False


def test_an_item_of_odd_facets_is_the_one_of_plain_ones() -> None:
    """What was published as text before is not embedded anew when it comes as a number."""
    assert item(facets={"genre": [1, None], "domain": None}) == item(facets={"genre": ["1"]})


def test_whole_numbers_as_ids_are_text() -> None:
    event = read(
        TOPICS.clicks,
        {"event_id": 17, "user_id": 5, "item_id": 9, "type": "click", "session_id": 3, "source": 1},
        key=b"5",
    )
    assert isinstance(event, Event)
    assert (event.event_id, event.user_id, event.item_id) == ("17", "5", "9")
    assert event.dedup_key == _click(event_id="17", user_id="5").dedup_key
    command = read(TOPICS.commands, {"command_id": 1, "type": "merge", "user_id": 5, "anonymous_id": 6})
    assert isinstance(command, CommandEvent)
    assert (command.event_id, command.user_id, command.command.anonymous_id) == ("1", "5", "6")
    numbered = decode_item(record(TOPICS.items, ITEM | {"item_id": 9}, key=b"9"))
    assert numbered is not None
    assert numbered.item_id == "9"
    assert read(TOPICS.clicks, _without(CLICK, "event_id") | {"user_id": 10**80}).user_id == "1" + "0" * 80


def test_an_event_that_a_retraction_carries_is_read_as_it_was() -> None:
    was = {"user_id": 5, "event_id": 17, "item_id": 9, "type": "click", "event_time": NOW_MS, "value": None}
    command = read(TOPICS.commands, {"command_id": 1, "type": "retract", "user_id": 5, "event_id": 17, "event": was})
    assert isinstance(command, CommandEvent)
    assert command.original is not None
    assert (command.original.user_id, command.original.event_id, command.original.item_id) == ("5", "17", "9")
    review = {"text": None, "item_id": 9, "type": "like", "event_time": NOW_MS}
    liked = read(TOPICS.commands, {"command_id": 1, "type": "retract", "user_id": 5, "event_id": 17, "event": review})
    assert isinstance(liked, CommandEvent)
    assert liked.original is not None
    assert liked.original.weight == WEIGHTS.actions["like"]


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("value", [True, False, 17.0, 1e30, ["u"], {"id": "u"}])
def test_what_is_neither_text_nor_a_whole_number_is_no_id(name: str, value: object) -> None:
    why = refused(TOPICS.clicks, CLICK | {name: value})
    assert why.reason is RejectReason.SCHEMA
    assert name in str(why)


# --- Strings that are not Unicode, and ids with odd but lawful characters ---

LONE = "x\ud800y"


@pytest.mark.parametrize(
    ("topic", "body", "reason"),
    [
        *((TOPICS.clicks, CLICK | {name: LONE}, RejectReason.BAD_ID) for name in IDS),
        (TOPICS.clicks, CLICK | {"type": LONE}, RejectReason.SCHEMA),
        (TOPICS.clicks, CLICK | {"event_time": LONE}, RejectReason.BAD_TIME),
        (TOPICS.clicks, CLICK | {"value": LONE}, RejectReason.BAD_RATING),
        (TOPICS.clicks, CLICK | {"rating_scale": [1, LONE]}, RejectReason.BAD_RATING),
        (TOPICS.clicks, CLICK | {"position": LONE}, RejectReason.SCHEMA),
        (TOPICS.clicks, CLICK | {"list_version": LONE}, RejectReason.SCHEMA),
        (TOPICS.clicks, CLICK | {LONE: 1}, RejectReason.SCHEMA),
        (TOPICS.clicks, CLICK | {"context": {"page": [1, {"a": LONE}]}}, RejectReason.SCHEMA),
        (TOPICS.clicks, CLICK | {"context": {"page": [1, {LONE: "a"}]}}, RejectReason.SCHEMA),
        (TOPICS.reviews, REVIEW | {"rating": LONE}, RejectReason.BAD_RATING),
        (TOPICS.reviews, REVIEW | {"user_id": LONE}, RejectReason.BAD_ID),
        (TOPICS.commands, RETRACT | {"command_id": LONE}, RejectReason.BAD_ID),
        (TOPICS.commands, MERGE | {"anonymous_id": LONE}, RejectReason.BAD_ID),
        (TOPICS.commands, RETRACT | {"event": CLICK | {"event_time": NOW_MS, "item_id": LONE}}, RejectReason.BAD_ID),
        (TOPICS.commands, RETRACT | {"event": CLICK | {"event_time": NOW_MS, "context": [LONE]}}, RejectReason.SCHEMA),
        (TOPICS.commands, RETRACT | {"event": CLICK | {LONE: NOW_MS}}, RejectReason.SCHEMA),
        (TOPICS.items, ITEM | {"item_id": LONE}, RejectReason.BAD_ID),
        (TOPICS.items, ITEM | {"title": LONE}, RejectReason.SCHEMA),
        (TOPICS.items, ITEM | {"facets": {LONE: "a"}}, RejectReason.SCHEMA),
        (TOPICS.items, ITEM | {"facets": {"genre": ["a", LONE]}}, RejectReason.SCHEMA),
        (TOPICS.clicks, {"specversion": "1.0", "id": LONE, "data": CLICK}, RejectReason.BAD_ID),
        (TOPICS.clicks, {"specversion": "1.0", "time": LONE, "data": CLICK}, RejectReason.BAD_TIME),
        (TOPICS.clicks, {"specversion": "1.0", "type": LONE, "data": CLICK}, RejectReason.SCHEMA),
        (TOPICS.clicks, {"specversion": "1.0", "subject": LONE, "data": CLICK}, RejectReason.SCHEMA),
    ],
    ids=lambda value: ascii(value)[:60] if isinstance(value, dict) else None,
)  # fmt: skip
@pytest.mark.parametrize("half", [r"\ud800", r"\udbff", r"\udc00", r"\udfff", r"\ude00\ud83d"])
def test_a_lone_surrogate_is_refused_wherever_it_stands(
    topic: str, body: object, reason: RejectReason, half: str
) -> None:
    sent = json.dumps(body).replace(r"\ud800", half)
    why = refused(topic, sent.encode())
    assert why.reason is reason
    assert "not Unicode text" in str(why)
    str(why).encode()


@pytest.mark.parametrize("text", ["good \ud800 film", "good \ude00\ud83d film", "good\udfff\udfff film"])
def test_a_lone_surrogate_in_what_a_user_wrote_is_cut_out(text: str) -> None:
    for body in (REVIEW | {"text": text}, REVIEW | {"text": text, "item_id": 9}):
        event = read(TOPICS.reviews, body)
        assert isinstance(event, Event)
        assert event.text == "good film"
    was = {"text": text, "event_time": NOW_MS, "item_id": "i9"}
    command = read(TOPICS.commands, RETRACT | {"event": was})
    assert isinstance(command, CommandEvent)
    assert command.original is not None
    assert command.original.text == "good film"


@pytest.mark.parametrize(
    "odd", ["\x00", "a\x00b", "\x1b[2J", "\u202e", "\U0001f600", "\uffff", " ", "\n", "a|b-c:d{e}", "ü" * 128]
)
def test_any_unicode_is_an_id(odd: str) -> None:
    event = read(TOPICS.clicks, CLICK | {"user_id": odd, "item_id": odd, "event_id": odd}, key=odd.encode())
    assert isinstance(event, Event)
    assert (event.user_id, event.item_id, event.event_id) == (odd, odd, odd)
    numbered = read(TOPICS.clicks, CLICK | {"user_id": odd, "item_id": 9}, key=odd.encode())
    assert numbered.user_id == odd, "also where another field has to be looked at twice"


def test_the_last_of_two_fields_of_one_name_counts() -> None:
    twice = json.dumps(CLICK)[:-1] + ', "item_id": "i1"}'
    numbered = json.dumps(CLICK | {"user_id": 5})[:-1] + ', "item_id": "i1"}'
    for value in (twice, numbered):
        event = read(TOPICS.clicks, value.encode())
        assert isinstance(event, Event)
        assert event.item_id == "i1"


def test_an_origin_that_is_not_utf_8_is_none() -> None:
    each = record(TOPICS.clicks, _without(CLICK, "event_id"), 7, headers=((ORIGIN, b"\xff"),))
    assert read(each.topic, each.value, offset=7, headers=each.headers).event_id == f"{TOPICS.clicks}-0-7"


def _click(**fields: object) -> Event:
    event = read(TOPICS.clicks, CLICK | fields)
    assert isinstance(event, Event)
    return event


def _without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def _told(event: Event | CommandEvent) -> list[object]:
    """All that was read, but the record."""
    assert isinstance(event, Event)
    return [
        event.event_id,
        event.user_id,
        event.item_id,
        event.time_ms,
        event.weight,
        event.text,
        event.position,
        event.list_version,
    ]
