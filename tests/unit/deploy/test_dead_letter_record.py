"""Dead letters as data: read back from what the worker writes, chosen, and undone."""

from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.dlq.dead_letter_record import (
    DeadLetterFilter,
    DeadLetterRecord,
    Offsets,
    RedriveCopy,
    copy_of,
    originals,
    read_dead_letter,
)
from penchant.errors import RejectReason
from penchant.kafka.batch_records import Unreadable, records
from penchant.kafka.record_batches import Aborted, read
from penchant.partitioner import partition_of
from penchant.topics import MAX_MESSAGE_BYTES, Topic
from stream.events.dead_letters import dead_letter_message, forwarded, unreadable
from stream.events.records import ORIGIN, DeadLetter, Headers, Record, Reroute
from stream.testing import NOW_MS, TOPICS
from tests.support.batches import batch
from tests.support.batches import record as part

PARTITIONS = 7
HEADERS: Headers = (("ce_id", b"x"), ("ce_id", b"\xff"))
CLICK = Record(TOPICS.clicks, 2, 4711, NOW_MS - 5000, b"u1", b'{"user_id": "u1"}', HEADERS)
TOPIC_OF = {TOPICS.name(topic): topic for topic in Topic}


def dead_lettered(
    record: Record, reason: RejectReason = RejectReason.UNKNOWN_TYPE, now_ms: int = NOW_MS
) -> DeadLetterRecord:
    """Through the worker's own writer, as a consumer would get it."""
    out = dead_letter_message(DeadLetter(record, reason, "no such thing", "decode"), now_ms)
    consumed: Any = SimpleNamespace(
        partition=out.partition,
        offset=3,
        timestamp=out.timestamp_ms,
        key=out.key,
        value=out.value,
        headers=list(out.headers),
    )
    return read_dead_letter(TOPIC_OF[record.topic], record.topic, consumed)


def sent_back(dead_letter: DeadLetterRecord) -> RedriveCopy:
    return copy_of(dead_letter, TOPICS, PARTITIONS)


def arrived(copy: RedriveCopy, offset: int) -> Record:
    """A copy as the worker reads it."""
    name = TOPICS.name(copy.topic)
    return Record(name, copy.partition, offset, copy.timestamp_ms, copy.key, copy.value, copy.headers)


def test_a_dead_letter_says_what_the_worker_wrote() -> None:
    dead_letter = dead_lettered(CLICK)
    assert (dead_letter.topic, dead_letter.origin) == (Topic.CLICKS, (2, 4711))
    assert (dead_letter.reason, dead_letter.message, dead_letter.stage) == ("unknown_type", "no such thing", "decode")
    assert (dead_letter.time_ms, dead_letter.timestamp_ms, dead_letter.attempts) == (NOW_MS, NOW_MS - 5000, 1)


def test_a_copy_is_the_original_with_its_place_on_its_users_partition() -> None:
    assert sent_back(dead_lettered(CLICK)) == RedriveCopy(
        Topic.CLICKS,
        partition_of("u1", PARTITIONS),
        CLICK.timestamp_ms,
        CLICK.key,
        CLICK.value,
        (*HEADERS, ("penchant.attempts", b"1"), (ORIGIN, f"{TOPICS.clicks}-2-4711".encode())),
    )


def test_a_dead_letter_of_a_copy_counts_on_and_keeps_the_first_place() -> None:
    copy = sent_back(dead_lettered(CLICK))
    for attempt in range(2, 5):
        dead_letter = dead_lettered(arrived(copy, 9000 + attempt))
        assert dead_letter.attempts == attempt
        copy = sent_back(dead_letter)
        assert dict(copy.headers)[ORIGIN] == f"{TOPICS.clicks}-2-4711".encode()
        assert len(copy.headers) == len(HEADERS) + 2


def test_a_forwarded_copy_keeps_the_place_of_its_original_and_goes_home() -> None:
    misrouted = forwarded(Reroute(CLICK, "u1", 5))
    assert misrouted.partition is not None
    again = Record(misrouted.topic, misrouted.partition, 12, NOW_MS, misrouted.key, misrouted.value, misrouted.headers)
    copy = sent_back(dead_lettered(again, RejectReason.WRONG_PARTITION))
    assert dict(copy.headers)[ORIGIN] == f"{TOPICS.clicks}-2-4711".encode()
    assert copy.partition == partition_of("u1", PARTITIONS)


ENVELOPE = b'{"specversion": "1.0", "type": "com.example.click", "data": {"user_id": "u9"}}'


@pytest.mark.parametrize(
    ("value", "headers", "owner"),
    [
        (b'{"user_id": "u9", "value": NaN}', (), b"u9"),
        (b'{"user_id": "u9", "data": {"user_id": "other"}}', (), b"u9"),
        (ENVELOPE, (("content-type", b"application/cloudevents+json; charset=UTF-8"),), b"u9"),
        (b'{"schema": null, "payload": {"op": "c", "after": {"user_id": "u9"}}}', (), b"u9"),
        (b'\0\0\0\0\x11{"user_id": "u9"}', (), b"u9"),
        (b'{"user_id": 9}', (), b"9"),
        (b'{"user_id": 9.5}', (), None),
        (b'{"user_id": "\\ud800"}', (), None),
        (b'{"item_id": "u9"}', (), None),
        (b'["u9"]', (), None),
        (b"{nonsense", (), None),
        (b"\xff\xfe", (), None),
        (b"[" * 200_000, (), None),
        (None, (), None),
    ],
)
def test_without_a_key_the_message_tells_the_partition_or_it_stays(
    value: bytes | None, headers: Headers, owner: bytes | None
) -> None:
    dead_letter = dead_lettered(replace(CLICK, key=None, value=value, headers=headers))
    assert dead_letter.owner == owner
    copy = sent_back(dead_letter)
    assert (copy.key, copy.value) == (None, value)
    assert copy.partition == (partition_of("u9", PARTITIONS) if owner == b"u9" else copy.partition)
    if owner is None:
        assert copy.partition == CLICK.partition


def test_an_item_goes_by_its_key_and_takes_no_place_along() -> None:
    item = Record(TOPICS.items, 0, 5, NOW_MS, None, b'{"item_id": "i9", "user_id": "u1"}')
    copy = sent_back(dead_lettered(item, RejectReason.MISSING_FIELD))
    assert copy.partition == partition_of("i9", PARTITIONS)
    assert copy.headers == (("penchant.attempts", b"1"),)


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("penchant.topic", b"elsewhere"), ("penchant.partition", b"1"), ("penchant.offset", b"1")),
        (("penchant.topic", TOPICS.clicks.encode()), ("penchant.partition", b"1"), ("penchant.offset", b"-1")),
        (("penchant.topic", TOPICS.clicks.encode()), ("penchant.partition", "²".encode()), ("penchant.offset", b"1")),
    ],
)
def test_what_no_worker_wrote_cannot_be_sent_back(headers: Headers) -> None:
    record: Any = SimpleNamespace(partition=1, offset=2, timestamp=NOW_MS, key=b"u1", value=b"{}", headers=headers)
    dead_letter = read_dead_letter(Topic.CLICKS, TOPICS.clicks, record)
    assert (dead_letter.origin, dead_letter.reason, dead_letter.time_ms) == (None, "", NOW_MS)
    with pytest.raises(ValueError, match="without an origin"):
        sent_back(dead_letter)


def test_only_an_erase_command_is_an_erasure() -> None:
    erase = Record(TOPICS.commands, 0, 1, NOW_MS, b"u1", b'{"type": "erase", "user_id": "u1", "command_id": "c"}')
    assert dead_lettered(erase).erasure
    assert not dead_lettered(replace(erase, value=b'{"type": "retract"}')).erasure
    assert not dead_lettered(replace(erase, topic=TOPICS.clicks)).erasure
    assert not dead_lettered(erase, RejectReason.UNSIGNED).erasure, "anybody may have sent it: it presses nobody"


@pytest.mark.parametrize(
    ("chosen", "meant"),
    [
        (DeadLetterFilter(), True),
        (DeadLetterFilter(topics=frozenset({Topic.CLICKS, Topic.ITEMS})), True),
        (DeadLetterFilter(topics=frozenset({Topic.REVIEWS})), False),
        (DeadLetterFilter(reasons=frozenset({"unknown_type"})), True),
        (DeadLetterFilter(reasons=frozenset({"not_json"})), False),
        (DeadLetterFilter(user="u1"), True),
        (DeadLetterFilter(user="u"), False),
        (DeadLetterFilter(since_ms=NOW_MS), True),
        (DeadLetterFilter(since_ms=NOW_MS + 1), False),
        (DeadLetterFilter(until_ms=NOW_MS + 1), True),
        (DeadLetterFilter(until_ms=NOW_MS), False),
        (DeadLetterFilter(user="u1", reasons=frozenset({"not_json"})), False),
    ],
)
def test_filters_go_by_what_a_dead_letter_says(chosen: DeadLetterFilter, meant: bool) -> None:
    assert chosen.matches(dead_lettered(CLICK)) is meant


@given(st.lists(st.integers(0, 40)), st.integers(0, 40))
def test_offsets_are_a_set(added: list[int], floor: int) -> None:
    offsets = Offsets()
    for offset in added:
        offsets.add(offset)
    reopened = Offsets(offsets.ranges())
    assert [offset in reopened for offset in range(45)] == [offset in set(added) for offset in range(45)]
    ranges = reopened.ranges()
    assert all(later[0] > before[1] + 1 for before, later in pairwise(ranges))

    reopened.drop_below(floor)
    assert {offset for offset in range(floor, 45) if offset in reopened} == {o for o in added if o >= floor}
    assert all(last >= floor for _, last in reopened.ranges())


def dead_lettered_by_the_reader(raw: bytes) -> list[DeadLetterRecord]:
    """What the worker makes of a batch from the log, as dead letters."""
    found = [piece for batch in read(raw, 0, Aborted.of([]), records) for piece in batch.pieces]
    dead_letters: list[DeadLetterRecord] = []
    for what in found:
        if isinstance(what, Unreadable):
            headers = tuple((name, value or b"") for name, value in what.headers)
            record = Record(TOPICS.clicks, 2, what.last, what.timestamp, what.key, what.raw, headers, unreadable=what)
            dead_letter = unreadable(record)
            assert dead_letter is not None
            dead_letters.append(dead_lettered(dead_letter.record, dead_letter.reason))
    return dead_letters


def test_a_batch_that_can_be_opened_by_now_is_sent_back_record_by_record() -> None:
    """Given a batch whose checksum was wrong, when that of the dead letter is right, then each record goes back."""
    raw = batch(5, [part(0, b"a", b"u1"), part(1, b"b", b"u2")])
    altered = bytearray(raw)
    altered[-1] ^= 1
    (dead_letter,) = dead_lettered_by_the_reader(bytes(altered))
    assert (dead_letter.origin, dead_letter.whole_batch) == ((2, 5), True)
    with pytest.raises(ValueError, match="still cannot be read: its checksum"):
        originals(dead_letter)

    back = [sent_back(each) for each in originals(replace(dead_letter, value=raw))]

    assert [(each.key, each.value) for each in back] == [(b"u1", b"a"), (b"u2", b"b")]
    assert [dict(each.headers)[ORIGIN] for each in back] == [b"penchant.clicks.v1-2-5", b"penchant.clicks.v1-2-6"]


def test_a_record_whose_header_name_was_not_utf8_is_sent_back_with_one_that_is() -> None:
    (dead_letter,) = dead_lettered_by_the_reader(batch(5, [part(0, b"a", b"u1", headers=[(b"tr\xffce", b"x")])]))
    assert dead_letter.reason == "unreadable"

    (back,) = [sent_back(each) for each in originals(dead_letter)]

    assert (back.key, back.value) == (b"u1", b"a")
    assert dict(back.headers)["tr\\xffce"] == b"x"


def test_what_was_cut_says_so_and_stays() -> None:
    dead_letter = dead_lettered(replace(CLICK, value=bytes(3 * MAX_MESSAGE_BYTES)), RejectReason.TOO_LARGE)

    told = dict(dead_letter.headers)
    assert told["penchant.length"] == str(3 * MAX_MESSAGE_BYTES).encode()
    assert told["penchant.sha256"] == sha256(bytes(3 * MAX_MESSAGE_BYTES)).hexdigest().encode()
    assert len(dead_letter.value or b"") < MAX_MESSAGE_BYTES
    with pytest.raises(ValueError, match="only its producer can send it again"):
        originals(dead_letter)
