"""Whatever bytes, keys and headers a record has: it is read, or refused with a reason; nothing else is raised.

What is read can be written again, as JSON and as MessagePack: the state, lists and item vectors are made of it.
"""

import base64
import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.errors import Rejected
from penchant.fields import MAX_AHEAD_MS, MAX_ID_BYTES
from penchant.messages import Item
from stream.events.dead_letters import dead_letter_message, forwarded
from stream.events.decoder import CommandEvent, Decoder, Event, decode_item, removed
from stream.events.envelope import body_of
from stream.events.records import ORIGIN, DeadLetter, Record, Reroute
from stream.events.weights import load_weights
from stream.testing import NOW_MS, TOPICS

DECODER = Decoder(TOPICS, load_weights(), 2, {TOPICS.clicks: "run-1"}, clock=lambda: NOW_MS)
EXAMPLES = settings(max_examples=400)

MESSAGES: dict[str, list[dict[str, Any]]] = {
    TOPICS.clicks: [
        {"event_id": "c-17", "user_id": "u1", "item_id": "i9", "type": "rate", "value": 4, "rating_scale": [1, 5],
         "event_time": "2026-09-01T10:00:00Z", "list_version": 1, "position": 3, "context": {"page": [1]}},
        {"user_id": "u1", "item_id": "i9", "type": "click"},
    ],
    TOPICS.reviews: [
        {"event_id": "r-3", "user_id": "u1", "item_id": "i9", "text": "A <b>good</b> film.", "rating": 4,
         "source": "app"},
        {"user_id": "u1", "text": "no more science fiction, give me romantic comedies", "session_id": "s"},
    ],
    TOPICS.commands: [
        {"command_id": "k-1", "type": "retract", "user_id": "u1", "event_id": "c-17", "event_time": NOW_MS,
         "event": {"text": "not bad", "item_id": "i9", "event_time": NOW_MS}},
        {"command_id": "k-1", "type": "merge", "user_id": "u1", "anonymous_id": "a7"},
    ],
    TOPICS.items: [
        {"item_id": "i9", "title": "Alien", "text": "In space.", "facets": {"genre": ["Sci-Fi"], "year": 1979},
         "available": True},
    ],
}  # fmt: skip
NAMES = sorted(
    {name for bodies in MESSAGES.values() for body in bodies for name in body} | {"data", "op", "after", "payload"}
)

# With halves of surrogate pairs, control characters, numbers that no float or 64 bits hold, NaN.
STRINGS = st.one_of(
    st.text(st.characters(), max_size=8),
    st.sampled_from(
        [
            "\ud800",
            "x\udfff",
            "\x00",
            "*",
            "",
            "u" * 257,
            "é" * 128,
            "&#" + "9" * 5_000,
            "2026-09-01T10:00:00",
            "1970-01-01t00:00:60z",
        ]
    ),
)
NUMBERS = st.one_of(
    st.integers(), st.floats(), st.sampled_from([2**63, -(2**63) - 1, 10**400, NOW_MS // 1000, NOW_MS * 1000, 1e308])
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | STRINGS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(STRINGS, inner, max_size=4),
    max_leaves=6,
)


@st.composite
def bodies(draw: st.DrawFn, topic: str) -> Any:
    """A message with fields altered, taken out and added; in an envelope or several."""
    body: Any = dict(draw(st.sampled_from(MESSAGES[topic])))
    for name in draw(st.lists(st.sampled_from(NAMES) | STRINGS, max_size=2)):
        body[name] = draw(VALUES)
    for name in draw(st.lists(st.sampled_from(sorted(body, key=repr)), max_size=1)):
        body.pop(name, None)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        body = draw(st.sampled_from([
            {"schema": None, "payload": body},
            {"op": "u", "before": None, "after": body},
            {"op": "d", "before": body},
            {"specversion": "1.0", "id": "ce", "type": "a.click", "data": body},
            {"specversion": "1.0", "id": "\ud800", "data": body},
            {"specversion": "1.0", "data_base64": base64.b64encode(json.dumps(body).encode()).decode()},
            [body],
            json.dumps(body),
        ]))  # fmt: skip
    return body


@st.composite
def values(draw: st.DrawFn, topic: str) -> bytes | None:
    """A message's bytes, framed, cut or altered now and then, or bytes from nowhere."""
    value = json.dumps(draw(bodies(topic))).encode()
    how = draw(st.integers(0, 9))
    if how == 0:
        return draw(st.none() | st.binary(max_size=40))
    if how == 1:
        return (
            draw(
                st.sampled_from([b"\xef\xbb\xbf", b"\x00\x00\x00\x00\x11", b"\x03\x00" + bytes(16), b" ", b"\xff\xfe"])
            )
            + value
        )
    if how == 2:
        at = draw(st.integers(0, len(value)))
        return draw(st.sampled_from([value[:at], value[:at] + draw(st.binary(max_size=3)) + value[at + 1 :]]))
    return value


HEADER_NAMES = (
    st.sampled_from(["ce_id", "CE-Type", "ce_time", "ce_source", "content-type", "Content_Type", ORIGIN]) | STRINGS
)
HEADER_VALUES = st.binary(max_size=8) | st.sampled_from(
    [b"application/cloudevents+json", b"application/cloudevents-batch+json", b"a.cart", b"u" * 300, b"x-1-7", b"\xff"]
)


@st.composite
def records(draw: st.DrawFn, topic: str) -> Record:
    """Mostly of a time and with a key that may be right."""
    right = draw(st.integers(0, 4))
    times = st.integers(-(2**63), 2**63 - 1) if right == 0 else st.just(NOW_MS)
    keys = st.binary(max_size=8) | bodies(topic).map(lambda key: json.dumps(key).encode())
    return Record(
        topic=topic,
        partition=draw(st.integers(0, 1)),
        offset=draw(st.integers(0, 2**63 - 1)),
        timestamp_ms=draw(times),
        key=draw(keys if right == 1 else st.sampled_from([None, b"i9" if topic == TOPICS.items else b"u1"])),
        value=draw(values(topic)),
        headers=tuple(draw(st.lists(st.tuples(HEADER_NAMES, HEADER_VALUES), max_size=2))),
    )


USER_RECORDS = st.sampled_from([TOPICS.clicks, TOPICS.reviews, TOPICS.commands]).flatmap(records)


def check_refusal(record: Record, why: Rejected) -> None:
    assert str(why)
    dead_letter = dead_letter_message(DeadLetter(record, why.reason, str(why), "decode"), NOW_MS)
    assert (dead_letter.key, dead_letter.value) == (record.key, record.value)
    assert sum(len(text) for _, text in dead_letter.headers) < 8_192


def check_event(event: Event) -> None:
    for each in (event.event_id, event.user_id):
        assert 0 < len(each.encode()) <= MAX_ID_BYTES
    told = [event.event_id, event.user_id, event.item_id, event.time_ms, event.text, event.list_version, event.position]
    assert msgspec.json.decode(msgspec.json.encode(told)) == told
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(told)) == told
    assert 0 <= event.time_ms <= event.record.timestamp_ms + MAX_AHEAD_MS
    if event.intent is not None:
        (event.intent.wanted + event.intent.unwanted).encode()


@EXAMPLES
@given(USER_RECORDS)
def test_every_record_of_a_user_is_read_or_refused(record: Record) -> None:
    try:
        event = DECODER.decode(record)
    except Rejected as why:
        check_refusal(record, why)
        return
    if isinstance(event, Reroute):
        assert forwarded(event).value == record.value
    elif isinstance(event, Event):
        check_event(event)
    else:
        assert isinstance(event, CommandEvent)
        told = [event.event_id, event.user_id, event.command.type, event.command.anonymous_id, event.command.event_id]
        assert msgspec.msgpack.decode(msgspec.msgpack.encode([*told, event.time_ms])) == [*told, event.time_ms]
        assert all(len(each.encode()) <= MAX_ID_BYTES for each in told if each is not None)
        if event.original is not None:
            check_event(event.original)


@EXAMPLES
@given(records(TOPICS.items))
def test_every_record_of_an_item_is_read_or_refused(record: Record) -> None:
    try:
        item = decode_item(record)
    except Rejected as why:
        check_refusal(record, why)
        return
    if item is None:
        assert 0 < len(removed(record).encode()) <= MAX_ID_BYTES
        return
    assert msgspec.json.decode(msgspec.json.encode(item), type=Item) == item
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(item), type=Item) == item


@EXAMPLES
@given(USER_RECORDS | records(TOPICS.items))
def test_what_a_message_names_can_be_told_of_every_record(record: Record) -> None:
    told = body_of(record.value, record.headers)
    for name in ("user_id", "item_id", "command_id", "type"):
        if isinstance(each := told.get(name), str):
            each.encode()
