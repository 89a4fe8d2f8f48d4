"""Times of events, in whatever way a producer may lawfully write them, and clocks that are wrong."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import Rejected, RejectReason
from penchant.fields import MAX_AHEAD_MS, MOST_AHEAD_MS, TIME_END_MS, bounded_time_ms
from stream.events.decoder import CommandEvent, Decoder, Event
from stream.events.records import Record
from stream.events.weights import load_weights
from stream.testing import NOW_MS, TOPICS, record
from tests.support.pipeline import FakeWorker, click, named

AT_MS = 1_788_256_800_000  # 2026-09-01T10:00:00Z
WEIGHTS = load_weights()


def decoder(clock: Callable[[], int] = lambda: NOW_MS) -> Decoder:
    return Decoder(TOPICS, WEIGHTS, 1, {}, clock=clock)


def time_of(stated: object) -> int:
    event = decoder().decode(click(0, event_time=stated))
    assert isinstance(event, Event)
    return event.time_ms


@pytest.mark.parametrize(
    ("stated", "time_ms"),
    [
        ("2026-09-01T10:00:00Z", AT_MS),
        ("2026-09-01t10:00:00z", AT_MS),
        ("2026-09-01 10:00:00Z", AT_MS),
        ("2026-09-01 10:00:00z", AT_MS),
        ("2026-09-01T10:00:00+00:00", AT_MS),
        ("2026-09-01T10:00:00-00:00", AT_MS),
        ("2026-09-01T23:59:00+13:59", AT_MS),
        ("2026-08-31T20:00:00-14:00", AT_MS),
        ("2026-09-01T10:00:00.5Z", AT_MS + 500),
        ("2026-09-01T10:00:00.123456789z", AT_MS + 123),
        ("2026-09-01T10:00:00.1234567890123456789012345Z", AT_MS + 123),
        ("2026-09-01T10:00:00." + "0" * 40 + "1Z", AT_MS),
        ("2016-12-31T23:59:60Z", 1_483_228_799_999),
        ("2016-12-31t23:59:60.25z", 1_483_228_799_999),
        ("2017-01-01T05:29:60+05:30", 1_483_228_799_999),
        ("2015-06-30T15:59:60-08:00", 1_435_708_799_999),
        ("1970-01-01T00:00:00Z", 0),
    ],
)
def test_every_rfc_3339_time_is_read(stated: str, time_ms: int) -> None:
    assert time_of(stated) == time_ms


@pytest.mark.parametrize(
    "stated",
    [
        "2026-09-01T10:00:00",
        "2026-09-01t10:00:00.5",
        "2016-12-31T23:59:60",
        "2026-09-01T10:00:61Z",
        "2026-09-01T24:00:60Z",
        "2026-09-01T10:60:00Z",
        "2026-13-01T10:00:00Z",
        "2026-02-29T10:00:00Z",
        "2026-09-01T10:00:00+25:00",
        "２０２６-09-01T10:00:00Z",
        "1788256800000",
        "",
        "Z" * 100_000,
        ":59:60" * 100_000,
        [AT_MS],
        {"seconds": 1},
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_what_is_no_time_is_refused_and_said_so(stated: object) -> None:
    with pytest.raises(Rejected) as why:
        time_of(stated)
    assert why.value.reason is RejectReason.BAD_TIME
    assert len(str(why.value)) < 300


@pytest.mark.parametrize(
    ("stated", "time_ms"),
    [
        (AT_MS, AT_MS),
        (AT_MS + 0.4, AT_MS),
        (AT_MS // 1000, AT_MS),
        (AT_MS / 1000 + 0.25, AT_MS + 250),
        (AT_MS * 1000, AT_MS),
        (AT_MS * 1000 + 999, AT_MS + 1),
        (AT_MS * 1_000_000, AT_MS),
        (float(AT_MS * 1_000_000), AT_MS),
        (874_724_710, 874_724_710_000),  # MovieLens begins in 1997
        (315_532_800, 315_532_800_000),
        (315_532_799, 315_532_799),
        (4_102_444_799, NOW_MS),  # the year 2099: later than its record
        (4_102_444_800, 4_102_444_800),
        (0, 0),
        (1_000, 1_000),
        (10**30, NOW_MS),
    ],
)
def test_the_unit_of_a_number_is_told_by_its_size(stated: float, time_ms: int) -> None:
    assert time_of(stated) == time_ms


@given(st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.datetimes().map(lambda at: at.isoformat())))
def test_whatever_is_stated_is_a_time_within_bounds_or_refused(stated: object) -> None:
    time_ms, reason = None, None
    try:
        time_ms = bounded_time_ms(None, stated, NOW_MS)
    except Rejected as why:
        reason = why.reason
    assert reason is RejectReason.BAD_TIME or (isinstance(time_ms, int) and 0 <= time_ms <= NOW_MS + MAX_AHEAD_MS)


# --- The record's own time, against the worker's clock ---


def like(timestamp_ms: int, event_id: str = "c") -> Record:
    return record(
        TOPICS.clicks,
        {"event_id": event_id, "user_id": "u1", "item_id": "i1", "type": "like"},
        timestamp_ms=timestamp_ms,
    )


def command(kind: str, timestamp_ms: int) -> Record:
    body = {"command_id": "k", "type": kind, "user_id": "u1", "event_id": "c", "anonymous_id": "a"}
    return record(TOPICS.commands, body, timestamp_ms=timestamp_ms)


def test_a_record_may_be_an_hour_ahead_and_no_more() -> None:
    assert isinstance(decoder().decode(like(NOW_MS + MOST_AHEAD_MS)), Event)
    with pytest.raises(Rejected) as why:
        decoder().decode(like(NOW_MS + MOST_AHEAD_MS + 1))
    assert why.value.reason is RejectReason.BAD_TIME
    assert "1.0 h ahead of this worker's clock (2026-09-21" in str(why.value)


@pytest.mark.parametrize("year_2105_ms", [4_260_211_200_000, TIME_END_MS - 1])
@pytest.mark.parametrize("kind", ["retract", "merge", "erase"])
def test_a_command_of_a_time_to_come_does_nothing(kind: str, year_2105_ms: int) -> None:
    assert isinstance(decoder().decode(command(kind, NOW_MS)), CommandEvent)
    with pytest.raises(Rejected, match="ahead of this worker's clock"):
        decoder().decode(command(kind, year_2105_ms))


@pytest.mark.parametrize(
    ("timestamp_ms", "words"),
    [
        (NOW_MS // 1000, "as if in seconds"),
        (315_532_800, "as if in seconds"),
        (NOW_MS * 1000, "milliseconds since 1970"),
        (NOW_MS * 1_000_000, "milliseconds since 1970"),
        (2**63 - 1, "milliseconds since 1970"),
        (-1, "milliseconds since 1970"),
    ],
)
def test_a_record_in_another_unit_is_refused_by_name(timestamp_ms: int, words: str) -> None:
    with pytest.raises(Rejected, match=words) as why:
        decoder().decode(like(timestamp_ms))
    assert why.value.reason is RejectReason.BAD_TIME


def test_what_was_ahead_of_the_clock_once_is_not_when_that_time_has_come() -> None:
    now = [NOW_MS]
    reads = decoder(lambda: now[0])
    later = like(NOW_MS + 2 * MOST_AHEAD_MS)
    with pytest.raises(Rejected):
        reads.decode(later)
    now[0] += MOST_AHEAD_MS
    assert isinstance(reads.decode(later), Event)


async def test_a_record_of_2100_leaves_no_trace_and_true_ones_count(worker: FakeWorker) -> None:
    """Given a like of a time to come, when true ones follow, then they are the newest and decide the interests."""
    false = like(4_102_444_800_000, "false")
    await worker.takes(false)
    (made,) = await worker.takes(*(click(n, f"i{n}", type="like") for n in range(1, 5)))
    assert [each.item_id for each in made.items] == ["i4", "i3", "i2", "i1"]
    assert set(named(made)) == {"c-1", "c-2", "c-3", "c-4"}
    assert worker.dead_letters() == [("bad_time", false.value)]
    assert max(event.time_ms for event in (await worker.state("u1")).ring) == NOW_MS


async def test_an_erasure_of_2105_erases_nobody_and_is_answered(worker: FakeWorker) -> None:
    await worker.takes(click(0))
    await worker.takes(command("erase", 4_260_211_200_000))
    assert [event.event_id for event in (await worker.state("u1")).ring] == ["c-0"]
    (receipt,) = worker.log.on(TOPICS.receipts)
    told = json.loads(receipt.value or b"")
    assert (told["command_id"], told["status"]) == ("k", "refused")
    assert told["reason"].startswith("bad_time")


async def test_what_waits_is_folded_though_the_clock_was_set_back(worker: FakeWorker) -> None:
    """Given an event that waits for its item, when it comes under a clock that is a day slow, then it counts."""
    await worker.takes(click(0, "later"))
    worker.now_ms = NOW_MS - 24 * MOST_AHEAD_MS
    worker.items["later"] = worker.items["i1"]
    await worker.pipeline.on_items_available(["later"])
    assert [event.event_id for event in (await worker.state("u1")).ring] == ["c-0"]
    assert worker.dead_letters() == []
