"""Bad events through the whole pipeline: each to the dead letters as it came, and the good ones around it to lists."""

import pytest

from penchant.errors import RejectReason
from penchant.partitioner import partition_of
from stream.events.records import ORIGIN, Record
from stream.testing import NOW_MS, TOPICS, record
from tests.support.pipeline import DAY_MS, FakeWorker, click, named, says

GOOD = [click(0), click(2, "i2")]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (record(TOPICS.clicks, b"\x00\xff not JSON", 1), RejectReason.NOT_JSON),
        (record(TOPICS.clicks, None, 1), RejectReason.NOT_JSON),
        (record(TOPICS.clicks, b"[" * 100_000, 1), RejectReason.NOT_JSON),
        (click(1, context=None, user_id=5.5), RejectReason.SCHEMA),
        (record(TOPICS.clicks, {"user_id": "u1", "type": "click"}, 1), RejectReason.MISSING_FIELD),
        (click(1, type="teleport" + "\U0001f600" * 100_000), RejectReason.UNKNOWN_TYPE),
        (click(1, type="rate", value=float("nan")), RejectReason.BAD_RATING),
        (click(1, type="rate", value=9), RejectReason.BAD_RATING),
        (click(1, event_time="2026-09-01T10:00:00"), RejectReason.BAD_TIME),
        (record(TOPICS.clicks, {"user_id": "u1"}, 1, timestamp_ms=NOW_MS * 1000), RejectReason.BAD_TIME),
        (click(1, user="*"), RejectReason.BAD_ID),
        (click(1, user="u\ud800"), RejectReason.BAD_ID),
        (click(1, item="x" * 257), RejectReason.TOO_LARGE),
        (click(1, event_id="c-0", type="like"), RejectReason.ID_REUSED),
        (click(1, event_id="c-0", item_id="i3"), RejectReason.ID_REUSED),
        (
            record(TOPICS.clicks, {"user_id": "u1", "item_id": "i1", "type": "click"}, 1, key=b"u2"),
            RejectReason.KEY_MISMATCH,
        ),
        (
            record(TOPICS.clicks, {"user_id": "u1", "item_id": "i1", "type": "click", "\ud800": 1}, 1),
            RejectReason.SCHEMA,
        ),
        (click(1, position="\ud800"), RejectReason.SCHEMA),
        (click(1, context={"a": ["\ud800"]}), RejectReason.SCHEMA),
        (click(1, list_version=10**400), RejectReason.SCHEMA),
        (record(TOPICS.clicks, {"user_id": "u1"}, 1, timestamp_ms=NOW_MS + 3_600_001), RejectReason.BAD_TIME),
        (says(1, ""), RejectReason.MISSING_FIELD),
        (says(1, "x" * 1_000_000), RejectReason.TOO_LARGE),
    ],
    ids=lambda value: value.value if isinstance(value, RejectReason) else "",
)
async def test_bad_events_become_dead_letters_and_the_stream_goes_on(
    worker: FakeWorker, bad: Record, reason: RejectReason
) -> None:
    (made,) = await worker.takes(GOOD[0], bad, GOOD[1])
    assert [each.item_id for each in made.items] == ["i2", "i1"]
    assert set(named(made)) == {"c-0", "c-2"}
    assert worker.dead_letters() == [(reason.value, bad.value)]
    (dead_letter,) = worker.log.dead()
    assert (dead_letter.topic, dead_letter.key, dead_letter.timestamp_ms) == (
        f"{bad.topic}.dlq",
        bad.key,
        bad.timestamp_ms,
    )
    assert sum(len(text) for _, text in dead_letter.headers) < 32 * 1024
    (after,) = await worker.takes(click(3, "i3"))
    assert named(after) == ["c-3"]
    assert worker.store.lease(0).offsets[TOPICS.clicks] == 4


async def test_an_odd_but_lawful_event_is_taken_in(worker: FakeWorker) -> None:
    """No key, no time, no id, a year ahead, 1970, a lone surrogate in a text."""
    body = {"user_id": "u1", "item_id": "i1", "type": "click"}
    lists = await worker.takes(
        record(TOPICS.clicks, body, 0),
        record(TOPICS.clicks, body | {"event_time": NOW_MS + 365 * DAY_MS}, 1),
        record(TOPICS.clicks, body | {"event_time": "1970-01-01T00:00:00Z"}, 2),
        says(0, "space\ud800" + "!" * 20_000),
    )
    assert [len(each.folded) for each in lists] == [4]
    assert worker.dead_letters() == []
    assert [event.time_ms for event in (await worker.state("u1")).ring] == [0, NOW_MS, NOW_MS, NOW_MS]


@pytest.mark.parametrize(
    "written",
    [
        "&#" + "9" * 4_301,
        "&#x" + "f" * 9_000,
        "<!--" * 8_000,
        "e" + "\u0301\u0316" * 8_000,
        "not the " * 4_000,
        "\ud800\udc00\udc00",
        "\x00\x1b[2J\u202e",
    ],
    ids=lambda text: ascii(text)[:20],
)
async def test_whatever_a_visitor_writes_stops_nobody(worker: FakeWorker, written: str) -> None:
    """Given what no cleaning likes in a statement and in a review, then both count, and so do the others."""
    lists = await worker.takes(
        says(0, f"space {written}"), says(1, f"space {written}", item_id="i1"), click(0, user="u2")
    )
    assert {each.user_id for each in lists} == {"u1", "u2"}
    assert worker.dead_letters() == []
    assert [event.event_id for event in (await worker.state("u1")).ring] == ["r-0", "r-1"]


async def test_a_wrong_partition_is_forwarded_once_and_then_given_up() -> None:
    worker = FakeWorker(partitions=4)
    await worker.acquires(*range(4))
    user = next(f"u{n}" for n in range(99) if partition_of(f"u{n}", 4) == 3)
    body = {"user_id": user, "item_id": "i1", "type": "click"}
    reroute = record(TOPICS.clicks, body, 7, partition=1, headers=(("ce_source", b"app"),))
    assert await worker.takes(reroute) == []
    (copy,) = worker.log.on(TOPICS.clicks)
    origin = f"{TOPICS.clicks}-1-7"
    assert (copy.partition, copy.key, copy.value, copy.timestamp_ms) == (3, user.encode(), reroute.value, NOW_MS)
    assert copy.headers == (("ce_source", b"app"), (ORIGIN, origin.encode()))
    assert await worker.takes(reroute) == []
    assert len(worker.log.on(TOPICS.clicks)) == 1, "it was forwarded before: the offset says so"
    arrived = record(TOPICS.clicks, body, 0, partition=3, key=copy.key, headers=copy.headers)
    (made,) = await worker.takes(arrived)
    assert named(made) == [origin]
    lost = record(TOPICS.clicks, body, 0, partition=2, key=copy.key, headers=copy.headers)
    assert await worker.takes(lost) == []
    assert worker.dead_letters() == [("wrong_partition", reroute.value)]
