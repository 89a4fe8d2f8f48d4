"""What a worker counts of its events: by kind and outcome, late ones, time to the list by the list's path."""

import pytest

from stream.testing import NOW_MS, TOPICS, record
from tests.support.evaluated_workers import EvaluatedWorker
from tests.support.pipeline import click, says

_TO_LIST = "penchant_event_to_list_seconds_count"


@pytest.fixture
async def worker() -> EvaluatedWorker:
    made = EvaluatedWorker([f"i{n}" for n in range(20)])
    await made.acquires(0)
    return made


async def test_events_are_counted_by_kind_and_by_what_became_of_them(worker: EvaluatedWorker) -> None:
    await worker.takes(click(0), click(1, event_id="c-0"), click(2, "unknown"), says(0, "space"))
    await worker.takes(click(3, "i2", event_id="c-0"))

    def counted(kind: str, outcome: str) -> float:
        return worker.value("penchant_events_total", kind=kind, outcome=outcome)

    assert counted("click", "folded") == 1
    assert counted("click", "duplicate") == 1
    assert counted("click", "waiting") == 1
    assert counted("click", "rejected") == 1, "an id that was used for another event"
    assert counted("statement", "folded") == 1


async def test_an_event_that_is_older_than_the_newest_is_late(worker: EvaluatedWorker) -> None:
    await worker.takes(click(0, event_time=NOW_MS))
    await worker.takes(click(1, "i2", event_time=NOW_MS - 60_000))
    await worker.takes(click(2, "i3", event_time=NOW_MS))

    assert worker.value("penchant_late_events_total") == 1


async def test_the_time_to_the_list_is_by_its_path(worker: EvaluatedWorker) -> None:
    shown = {"event_id": "s1", "user_id": "u1", "item_id": "i5", "type": "impression"}

    await worker.takes(click(0))
    await worker.takes(record(TOPICS.clicks, shown, 1))

    assert worker.value(_TO_LIST, path="live") == 1
    assert worker.value(_TO_LIST, path="none") == 1, "an impression causes no list"
