"""What producers' tools put around a message: opened, or named for what it is."""

import base64
import bz2
import gzip
import json
import lzma
import pickle
import struct
import zlib
from typing import Any

import cramjam
import msgspec
import pytest

from penchant.errors import Rejected, RejectReason
from stream.events.decoder import Decoder, Event, decode_item, removed
from stream.events.payload_formats import named
from stream.events.records import Headers, Record
from stream.events.weights import load_weights
from stream.testing import NOW_MS, TOPICS, record

CLICK: dict[str, Any] = {"event_id": "c-17", "user_id": "u1", "item_id": "i9", "type": "click"}
ITEM: dict[str, Any] = {"item_id": "i9", "title": "Alien", "text": "In space."}
JSON = json.dumps(CLICK).encode()
DECODER = Decoder(TOPICS, load_weights(), 1, {}, clock=lambda: NOW_MS)
SCHEMA = {"type": "struct", "fields": [{"field": "user_id", "type": "string"}], "optional": False, "name": "click"}


def connect(payload: object) -> dict[str, Any]:
    return {"schema": SCHEMA, "payload": payload}


def change(op: str, before: object = None, after: object = None) -> dict[str, Any]:
    """As Debezium writes it."""
    source = {"version": "3.0.0.Final", "connector": "postgresql", "db": "shop", "table": "clicks", "lsn": 24023128}
    return {"before": before, "after": after, "source": source, "op": op, "ts_ms": NOW_MS, "transaction": None}


def cloud_event(data: object, **more: object) -> dict[str, Any]:
    return {"specversion": "1.0", "id": "ce-1", "source": "/shop", "type": "com.example.click", "data": data, **more}


def click(value: object, headers: Headers = (), key: bytes | None = None) -> Record:
    return record(TOPICS.clicks, value, headers=headers, key=key)


def read(value: object, headers: Headers = ()) -> Event:
    event = DECODER.decode(click(value, headers))
    assert isinstance(event, Event)
    return event


def refused(value: object, headers: Headers = ()) -> Rejected:
    with pytest.raises(Rejected) as told:
        DECODER.decode(click(value, headers))
    return told.value


@pytest.mark.parametrize(
    "value",
    [
        b"\xef\xbb\xbf" + JSON,
        b"\x00" + struct.pack(">I", 17) + JSON,
        b"\x00" + struct.pack(">I", 2**31) + b"\n " + JSON,
        b"\x00" + struct.pack(">Q", 17) + JSON,
        b"\x03\x00" + bytes(range(16)) + JSON,
        b" \r\n" + JSON + b"\r\n",
        connect(CLICK),
        {"payload": CLICK, "schema": None},
        b"\x00\x00\x00\x00\x01" + json.dumps(connect(CLICK)).encode(),
        change("c", after=CLICK),
        change("r", after=CLICK),
        change("u", before=CLICK | {"type": "view"}, after=CLICK),
        {"op": "c", "after": CLICK},
        connect(change("c", after=CLICK)),
        cloud_event(CLICK),
        cloud_event(connect(change("c", after=CLICK))),
        {"specversion": "1.0", "id": "x", "data_base64": base64.b64encode(JSON).decode()},
        {"specversion": "1.0", "id": "x", "data": None, "data_base64": base64.b64encode(JSON).decode()},
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_message_is_read_in_whatever_stands_around_it(value: object) -> None:
    event = read(value)
    assert (event.user_id, event.item_id, event.event_id) == ("u1", "i9", "c-17")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/cloudevents+json",
        "application/cloudevents+json; charset=utf-8",
        "Application/CloudEvents+JSON; Charset=UTF-8",
        "application/cloudevents",
    ],
)
@pytest.mark.parametrize("name", ["content-type", "Content-Type", "CONTENT_TYPE", "content_type"])
def test_structured_mode_is_told_by_the_content_type(name: str, content_type: str) -> None:
    body = cloud_event({"user_id": "u1", "item_id": "i9"})
    del body["specversion"]
    assert read(body, ((name, content_type.encode()),)).event_id == "ce-1"


@pytest.mark.parametrize("prefix", ["ce_", "ce-", "Ce-", "CE_"])
def test_attributes_in_headers_are_read_in_any_case(prefix: str) -> None:
    headers = (
        (f"{prefix}Id", b"ce-1"),
        (f"{prefix}TYPE", b"com.example.cart"),
        (f"{prefix}time", b"2026-09-01t10:00:00z"),
        ("Content-Type", b"application/json"),
    )
    event = read({"user_id": "u1", "item_id": "i9"}, headers)
    assert (event.event_id, event.time_ms, event.kind.name) == ("ce-1", 1_788_256_800_000, "CART")


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        ([CLICK, CLICK], ()),
        ([], ()),
        ([cloud_event(CLICK)], (("content-type", b"application/cloudevents-batch+json"),)),
        (JSON, (("Content-Type", b"application/cloudevents-batch+json; charset=UTF-8"),)),
        ([cloud_event(CLICK)], (("content-type", b"application/cloudevents+json"),)),
        (connect([CLICK]), ()),
    ],
)
def test_a_batch_is_refused_as_what_it_is(value: object, headers: Headers) -> None:
    why = refused(value, headers)
    assert why.reason is RejectReason.SCHEMA
    assert "a batch of events: send one record an event" in str(why)


@pytest.mark.parametrize(
    ("value", "reason", "words"),
    [
        (json.dumps(json.dumps(CLICK)), RejectReason.SCHEMA, "encoded twice"),
        (b"null", RejectReason.SCHEMA, "null instead of an object"),
        (b"17", RejectReason.SCHEMA, "not an object"),
        (b'"hello"', RejectReason.SCHEMA, "not an object"),
        (cloud_event("hello"), RejectReason.SCHEMA, "not an object"),
        (connect(None), RejectReason.SCHEMA, "`retract`"),
        (change("d", before=CLICK), RejectReason.SCHEMA, "`retract`"),
        (change("t"), RejectReason.SCHEMA, "`op` 't'"),
        (change("c"), RejectReason.SCHEMA, "null instead of an object"),
        ({"specversion": "1.0", "data_base64": "%%%"}, RejectReason.SCHEMA, "`data_base64`"),
        ({"specversion": "1.0", "data_base64": 5}, RejectReason.SCHEMA, "`data_base64`"),
        (
            {"specversion": "1.0", "data_base64": base64.b64encode(gzip.compress(JSON, mtime=0)).decode()},
            RejectReason.NOT_JSON,
            "gzip",
        ),
        (JSON + b"\n" + JSON, RejectReason.NOT_JSON, "send one record an event"),
        (JSON[:-2], RejectReason.NOT_JSON, "at character"),
        (JSON.replace(b"}", b",}"), RejectReason.NOT_JSON, "at character"),
    ],
)
def test_what_cannot_be_opened_is_refused_with_the_reason(value: object, reason: RejectReason, words: str) -> None:
    why = refused(value if isinstance(value, bytes | dict) else str(value).encode())
    assert why.reason is reason
    assert words in str(why)


# By hand, as there is no library for them here: a record of two strings in Avro (zigzag lengths), the fields 1 and 2 in
# Protobuf, a map of strings in CBOR, a document of one string in BSON.
AVRO = b"\x04u1\x04i9"
PROTOBUF = b"\x0a\x02u1\x12\x02i9\x18\x96\x01"
CBOR = b"\xa2\x67user_id\x62u1\x67item_id\x62i9"
BSON = struct.pack("<i", 25) + b"\x02user_id\x00" + struct.pack("<i", 3) + b"u1\x00" + b"\x00" * 5
LONG = json.dumps(CLICK | {"context": "x" * 300}).encode()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (gzip.compress(JSON, mtime=0), "gzip"),
        (zlib.compress(JSON), "zlib"),
        (zlib.compress(JSON, 1), "zlib"),
        (bz2.compress(JSON), "bzip2"),
        (lzma.compress(JSON), "xz"),
        (bytes(cramjam.zstd.compress(JSON)), "zstd"),
        (bytes(cramjam.lz4.compress(JSON)), "lz4"),
        (bytes(cramjam.snappy.compress(JSON)), "snappy"),
        (bytes(cramjam.snappy.compress_raw(JSON)), "snappy"),
        (bytes(cramjam.snappy.compress_raw(LONG)), "snappy"),
        (b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01", "snappy"),
        (b"Obj\x01\x04\x14avro.codec\x08null", "Avro file"),
        (b"\xc3\x01" + bytes(range(8)) + AVRO, "Avro"),
        (b"\x00" + struct.pack(">I", 17) + AVRO, "Avro or Protobuf behind a schema id"),
        (b"\x00" + struct.pack(">I", 1280) + b"\x00" + PROTOBUF, "Avro or Protobuf behind a schema id"),
        (b"\x03\x00" + bytes(range(16)) + AVRO, "AWS Glue"),
        (PROTOBUF, "Protobuf"),
        (AVRO, "binary data"),
        (b"\x08\x02u1\x0e", "binary data"),
        (JSON.decode().encode("utf-16"), "UTF-16"),
        (JSON.decode().encode("utf-16-le"), "UTF-16"),
        (JSON.decode().encode("utf-16-be"), "UTF-16"),
        (JSON.decode().encode("utf-32"), "UTF-32"),
        (JSON.decode().encode("utf-32-le"), "UTF-32"),
        (JSON.decode().encode("utf-32-be"), "UTF-32"),
        ('{"user_id": "Zoë"}'.encode("latin-1"), "not UTF-8"),
        ('{"text": "我喜欢看电影"}'.encode("gb18030"), "not UTF-8"),
        (b'{"user_id": "\xed\xa0\x80"}', "not UTF-8"),
        (msgspec.msgpack.encode(CLICK), "MessagePack"),
        (msgspec.msgpack.encode({str(n): n for n in range(20)}), "MessagePack"),
        (CBOR, "CBOR"),
        (b"\xbf" + CBOR[1:] + b"\xff", "CBOR"),
        (BSON, "BSON"),
        (b":)\n\x01\xfa\x86user_id", "Smile"),
        (pickle.dumps(CLICK), "pickle"),
        (b"\xac\xed\x00\x05sr\x00\x05Click", "Java"),
        (b"PAR1\x15\x04", "Parquet"),
        (b'<?xml version="1.0"?><click user="u1"/>', "XML"),
        (b"\n<click><user>u1</user></click>", "XML"),
        (b"user_id=u1&item_id=i9&type=click", "web form"),
        (b"u1,i9,click,2026-09-01T10:00:00Z", "a table"),
        (b"u1\ti9\tclick", "a table"),
        (b"user u1 clicked on i9", "plain text"),
        (b"[2026-09-01 10:00:00] INFO clicked", "at character"),
        (str(CLICK).encode(), "Python"),
        (b"{user_id: 'u1'}", "JavaScript"),
        (base64.b64encode(JSON), "base64"),
    ],
)
def test_what_is_no_json_is_named(value: bytes, name: str) -> None:
    why = refused(value)
    assert why.reason is RejectReason.NOT_JSON
    assert name in str(why)
    assert "codec" not in str(why), "what Python calls it helps nobody"
    assert ": " in str(why), "what to do about it"
    if value:
        with pytest.raises(Rejected, match="the value is not JSON"):
            decode_item(record(TOPICS.items, value))


def test_what_is_large_and_not_as_it_should_be_is_not_taken_apart() -> None:
    """Given brackets by the hundred thousand, when the user's id is a number, then they cost nobody half a second."""
    brackets = json.dumps(CLICK)[:-1].encode() + b', "context": [' + b"[]," * 200_000 + b"[]]}"
    assert read(brackets).user_id == "u1", "as the schema says: what is not read is skipped"
    assert refused(brackets.replace(b'"u1"', b"5")).reason is RejectReason.TOO_LARGE
    assert refused(b"\x1f\x8b" + brackets).reason is RejectReason.NOT_JSON


@pytest.mark.parametrize("value", [bytes([n, m]) * 3 for n in range(0, 256, 5) for m in (0, 10, 34, 123, 200)])
def test_every_value_has_a_name(value: bytes) -> None:
    for length in range(len(value) + 1):
        assert named(value[:length])


# --- Items ---


@pytest.mark.parametrize(
    "value",
    [
        b"\x00\x00\x00\x00\x11" + json.dumps(ITEM).encode(),
        connect(ITEM),
        change("u", before=None, after=ITEM | {"available": 1}),
        connect(change("c", after=ITEM)),
        cloud_event(ITEM),
    ],
    ids=lambda value: ascii(value)[:40],
)
@pytest.mark.parametrize("key", [None, b"i9", b'"i9"', b'{"item_id": "i9"}', json.dumps(connect("i9")).encode()])
def test_an_item_is_read_in_whatever_stands_around_it_and_its_key(value: object, key: bytes | None) -> None:
    item = decode_item(record(TOPICS.items, value, key=key))
    assert item is not None
    assert (item.item_id, item.title, item.available) == ("i9", "Alien", True)


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (None, b"i9"),
        (None, b'{"item_id": "i9"}'),
        (None, b'"i9"'),
        (None, json.dumps(connect({"item_id": "i9"})).encode()),
        (None, b'\x00\x00\x00\x00\x11{"item_id": "i9"}'),
        (connect(None), b"i9"),
        (change("d", before=ITEM), b"i9"),
        (change("d", before={"item_id": "i9"}), b'{"item_id": "i9"}'),
        (connect(change("d")), json.dumps(connect({"item_id": "i9"})).encode()),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_a_row_that_is_gone_removes_its_item(value: object, key: bytes) -> None:
    gone = record(TOPICS.items, value, key=key)
    assert decode_item(gone) is None
    assert removed(gone) == "i9"


@pytest.mark.parametrize(
    ("value", "key", "reason"),
    [
        (change("d", before=ITEM), None, RejectReason.MISSING_FIELD),
        (change("d", before=ITEM), b"i8", RejectReason.KEY_MISMATCH),
        (connect(ITEM), b'{"item_id": "i8"}', RejectReason.KEY_MISMATCH),
        (change("t"), b"i9", RejectReason.SCHEMA),
    ],
)
def test_a_row_and_a_key_that_differ_are_refused(value: object, key: bytes | None, reason: RejectReason) -> None:
    with pytest.raises(Rejected) as why:
        decode_item(record(TOPICS.items, value, key=key))
    assert why.value.reason is reason


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"item_id": "i9", "type": "view"}, "an event without `user_id`"),
        ({"item_id": "i9", "event_time": NOW_MS, "facets": {}}, "an event without `user_id`"),
        (cloud_event({"item_id": "i9", "rating": 5}), "an event without `user_id`"),
        ({"item_id": 9, "user_id": "u1", "type": "click"}, "an event, which belongs on another topic"),
        ({"item_id": "i9", "facets": {"genre": "Sci-Fi"}}, "nothing to embed"),
    ],
)
def test_an_event_among_items_is_told(body: object, words: str) -> None:
    with pytest.raises(Rejected, match=words) as why:
        decode_item(record(TOPICS.items, body))
    assert why.value.reason is RejectReason.MISSING_FIELD


def test_a_key_that_is_json_is_told_on_user_topics() -> None:
    """There it has to be the id itself: partitions go by it, and a replay of one user looks for it."""
    for key in (b'"u1"', b'{"user_id": "u1"}'):
        with pytest.raises(Rejected, match="use a string serializer for keys") as why:
            DECODER.decode(click(CLICK, key=key))
        assert why.value.reason is RejectReason.KEY_MISMATCH
