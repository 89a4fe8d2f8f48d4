"""Record batches as a broker hands them out, by whatever producer: opened by every parser that we use.

An input is a list of batches: `{"raw": …}`, or what one is made of. A batch's checksum is put right, unless it says
its own, and its records are packed by its codec, so that changes reach what lies behind both.
"""

import json
import struct
from collections.abc import Callable, Iterable
from typing import Any

from crc32c import crc32c

from penchant.kafka.batch_records import Unreadable
from penchant.kafka.blocking import parsed_by_kafka_python
from penchant.kafka.record_batches import Aborted, Batch, Parse, has_batch
from penchant.kafka.record_batches import read as read_batches
from serving.kafka.asynchronous import parsed_by_aiokafka
from tests.fuzz.target import Target
from tests.fuzz.targets import messages as m
from tests.fuzz.targets.wire import as_bytes, read, whole
from tests.support.batches import CONTROL, PACKERS, TRANSACTIONAL, marker, record

PARSERS: tuple[Parse, ...] = (parsed_by_aiokafka, parsed_by_kafka_python)
_SINCE = (0, 3)
_LONG = 2**62


def batches() -> Target:
    """No parser raises, no offset is passed over or comes twice, and reading never stands still."""

    def run(data: bytes) -> None:
        told = read(data)
        raw = b"".join(map(built, told[:8])) if isinstance(told, list) else data
        for since in _SINCE:
            for parse in PARSERS:
                aborted = Aborted.of([(4, 0)])
                check(list(read_batches(raw, since, aborted, parse)), since, stuck=has_batch(raw))

    return Target(run=run, corpus=[json.dumps(each).encode() for each in corpus()], most_mib=160, most_bytes=16_384)


def check(opened: list[Batch], since: int, *, stuck: bool) -> None:
    """What a consumer relies on."""
    assert opened or not stuck, "what can be read is said"
    for each in opened:
        assert each.following >= since
        for piece in each.pieces:
            first, last = (piece.first, piece.last) if isinstance(piece, Unreadable) else (piece.offset, piece.offset)
            assert since <= last < each.following
            assert first <= last
            since = last + 1
            if not isinstance(piece, Unreadable):
                assert all(isinstance(name, str) for name, _ in piece.headers)
        since = each.following


def built(told: Any) -> bytes:
    """One batch."""
    if not isinstance(told, dict) or "records" not in told:
        return as_bytes(told) or b""
    codec = whole(told.get("codec"), 4, 0) % 5
    packed = PACKERS[codec](_records(told["records"]))

    def number(name: str, otherwise: int, bits: int = 63) -> int:
        return whole(told.get(name), 2**bits - 1, otherwise)

    count = len(told["records"]) if isinstance(told["records"], list) else 1
    attributes = number("attributes", 0, 15) & 0x7FF8 | number("packed", codec, 3)
    first, last = number("first_ms", 1000), number("last_ms", 2000)
    about = (max(attributes, 0), number("delta", count - 1, 31), first, last, number("producer", -1), 0, 0)
    tail = struct.pack(">hiqqqhi", *about) + struct.pack(">i", number("count", count, 31)) + packed
    checksum = number("crc", crc32c(tail), 32) & 0xFFFFFFFF
    length = number("length", len(tail) + 9, 31)
    return struct.pack(">qiibI", number("base", 0), length, 0, number("magic", 2, 7), checksum) + tail


def _records(told: Any) -> bytes:
    if not isinstance(told, list):
        return as_bytes(told) or b""
    return b"".join(_record(each, n) for n, each in enumerate(told[:50]))


def _record(told: Any, n: int) -> bytes:
    if not isinstance(told, dict) or "value" not in told:
        return as_bytes(told) or b""
    pairs = told.get("headers")
    headers = [
        (as_bytes(each[0]) or b"", as_bytes(each[1]) or b"")
        for each in (pairs if isinstance(pairs, list) else [])
        if isinstance(each, list) and len(each) == 2
    ]
    return record(whole(told.get("delta"), _LONG, n), as_bytes(told["value"]), as_bytes(told.get("key")), headers)


def corpus() -> list[list[Any]]:
    """Every codec, transactions with their markers, old formats, and bytes that are none."""
    events = [
        {"value": each, "key": "u1", "headers": [["ce_id", "x"], [m.raw(b"tr\xffce"), None]]} for each in m.CLICKS
    ]
    plain = [{"base": 2, "codec": codec, "records": events} for codec in PACKERS]
    transaction = [
        {"base": base, "attributes": TRANSACTIONAL, "producer": 0, "records": events[:1]} for base in (0, 4, 6)
    ]
    ends: Iterable[Callable[[], bytes]] = (lambda: marker(3, 0, abort=False), lambda: marker(5, 0, abort=True))
    marked = [m.raw(end()) for end in ends]
    control = {
        "base": 7,
        "attributes": TRANSACTIONAL | CONTROL,
        "records": [{"value": None, "key": m.raw(b"\0\0\0\1")}],
    }
    old = m.raw(struct.pack(">qiIbbii", 0, 22, 0, 1, 0, -1, 4) + b"text")
    return [
        *([each] for each in plain),
        plain[:2],
        [transaction[0], marked[0], transaction[1], marked[1], transaction[2]],
        [control, plain[0]],
        [old, plain[0]],
        [m.raw(built(plain[1])[:-5])],
        [m.raw(b"\0" * 70)],
    ]
