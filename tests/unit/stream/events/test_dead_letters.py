"""Dead letters and forwarded copies keep the original's bytes."""

from importlib.metadata import version

import pytest

from penchant.errors import RejectReason
from penchant.topics import DEAD_LETTER_HEADERS_BYTES
from stream.events.dead_letters import dead_letter_message, forwarded
from stream.events.outgoing import Outgoing
from stream.events.records import ORIGIN, DeadLetter, Headers, Record, Reroute
from stream.testing import NOW_MS, TOPICS

POISON = Record(TOPICS.clicks, 2, 4711, NOW_MS - 5, b"\xffkey", b"\x00\xff", (("ce_id", b"x"), ("ce_id", b"y")))


def dead_letter(record: Record = POISON, message: str = "the value is not JSON") -> Outgoing:
    return dead_letter_message(DeadLetter(record, RejectReason.NOT_JSON, message, "decode"), NOW_MS)


def test_a_dead_letter_is_the_original_and_says_where_when_and_why() -> None:
    out = dead_letter()
    assert (out.topic, out.key, out.value, out.timestamp_ms) == (
        f"{TOPICS.clicks}.dlq", POISON.key, POISON.value, NOW_MS - 5
    )  # fmt: skip
    assert out.headers[:2] == POISON.headers
    assert dict(out.headers[2:]) == {
        "penchant.error": b"not_json",
        "penchant.message": b"the value is not JSON",
        "penchant.stage": b"decode",
        "penchant.topic": TOPICS.clicks.encode(),
        "penchant.partition": b"2",
        "penchant.offset": b"4711",
        "penchant.time": b"2026-09-21T14:13:20.000Z",
        "penchant.version": version("penchant").encode(),
        "penchant.attempts": b"1",
    }


def test_a_null_stays_a_null() -> None:
    out = dead_letter(Record(TOPICS.clicks, 0, 0, NOW_MS, None, None))
    assert (out.key, out.value) == (None, None)


def again(headers: Headers) -> dict[str, bytes]:
    out = dead_letter(Record(TOPICS.clicks, 2, 4712, NOW_MS, None, b"", headers))
    assert len({name for name, _ in out.headers}) == len(out.headers)
    return dict(out.headers)


def test_a_redriven_dead_letter_that_fails_again_counts_its_attempts() -> None:
    headers = again(dead_letter(Record(TOPICS.clicks, 2, 4711, NOW_MS, None, b"")).headers)
    assert headers["penchant.attempts"] == b"2"
    assert headers["penchant.offset"] == b"4712"


@pytest.mark.parametrize("forged", [b"abc", b"-3", b"\xff", b"", b"9" * 5000, "²".encode()])
def test_a_forged_count_is_no_count(forged: bytes) -> None:
    assert again((("penchant.attempts", forged),))["penchant.attempts"] == b"1"


def test_a_message_that_quotes_a_whole_record_is_cut() -> None:
    out = dead_letter(message="unknown type " + "\U0001f600" * 2_000_000)
    assert sum(len(name) + len(text) for name, text in out.headers) < DEAD_LETTER_HEADERS_BYTES


def test_a_message_with_a_lone_surrogate_can_be_sent() -> None:
    assert dict(dead_letter(message="type \ud800").headers)["penchant.message"] == b"type ?"


@pytest.mark.parametrize("key", [b"u1", None])
def test_a_forwarded_copy_keeps_bytes_time_and_headers_and_names_its_origin(key: bytes | None) -> None:
    reroute = Record(TOPICS.clicks, 1, 7, NOW_MS, key, b"{}", (("ce_id", b"x"),))
    assert forwarded(Reroute(reroute, "u1", 3)) == Outgoing(
        TOPICS.clicks, b"u1", b"{}", 3, NOW_MS, (("ce_id", b"x"), (ORIGIN, f"{TOPICS.clicks}-1-7".encode()))
    )
