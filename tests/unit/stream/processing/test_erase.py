"""Erasing: what is left of a user, and what is answered."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from penchant.messages import Receipt
from stream.events.records import Record
from stream.testing import NOW_MS, TOPICS, embed_by_words, record
from tests.support.commands import erase, receipts, retract
from tests.support.owners import ANONYMOUS, KNOWN, Owners, merge
from tests.support.pipeline import FakeWorker, click, named, says


@pytest.fixture
async def owners() -> Owners:
    made = Owners()
    await made.acquire()
    return made


async def test_nothing_is_left_of_an_erased_user(worker: FakeWorker) -> None:
    await worker.takes(click(0), click(1, "new"), says(0, "love"), click(2, user="u2"))
    await worker.takes(retract(0, "soon"))
    assert len(await worker.store.waiting(0)) == 2
    assert await worker.takes(erase(1)) == []
    state = await worker.state("u1")
    assert (state.known, state.pending, state.retractions, state.list_version) == (False, [], [], 0)
    assert (await worker.store.waiting(0), len(worker.pipeline.waiting)) == ([], 0)
    last = worker.log.on(TOPICS.recommendations)[-1]
    assert (last.key, last.value, last.partition) == (b"u1", None, 0)
    receipt = msgspec.json.decode(worker.log.on(TOPICS.receipts)[-1].value or b"", type=Receipt)
    assert (receipt.status, receipt.removed) == (
        "done", {"events": 2, "items": 1, "texts": 1, "waiting": 2, "lists": 1, "aliases": 0}
    )  # fmt: skip
    assert b"u1" not in msgspec.json.encode(receipt)
    stored = worker.store._stored[0]
    assert b"u1" not in repr(stored).encode()
    assert (await worker.state("u2")).known


async def test_events_of_before_the_erasure_do_not_bring_the_user_back(worker: FakeWorker) -> None:
    await worker.takes(click(0))
    await worker.takes(erase(0))
    assert await worker.takes(click(1), says(0, "love"), retract(1, "c-0")) == []
    assert not (await worker.state("u1")).known
    assert worker.dead_letters() == []
    later = record(
        TOPICS.clicks,
        {"event_id": "c-2", "user_id": "u1", "item_id": "i2", "type": "click"},
        2,
        timestamp_ms=NOW_MS + 1,
    )
    (made,) = await worker.takes(later)
    assert (named(made), [each.item_id for each in made.items]) == (["c-2"], ["i2"])
    assert [each[:2] for each in receipts(worker)] == [("k-0", "done"), ("k-1", "done")]


async def test_an_erasure_in_the_middle_of_a_batch(worker: FakeWorker) -> None:
    """What came before is gone, what is later starts afresh: also what waits for one and the same item."""
    new = {"event_id": "c-9", "user_id": "u1", "item_id": "new", "type": "click"}
    after = record(TOPICS.clicks, new, 9, timestamp_ms=NOW_MS + 1)
    (made,) = await worker.takes(click(0), click(1, "new"), erase(0), click(2), after)
    assert [(each.event_id, each.waiting) for each in made.folded] == [("c-9", True)]
    assert [wait.item_id for wait in await worker.store.waiting(0)] == ["new"]
    worker.items["new"] = embed_by_words("food")
    await worker.pipeline.on_items_available(["new"])
    assert [each.event_id for each in (await worker.state("u1")).ring] == ["c-9"]


async def test_an_event_of_before_an_erasure_that_is_delivered_again_brings_nothing_back(worker: FakeWorker) -> None:
    """Given events that were saved and not acknowledged, one of them a little later than the command."""
    late = record(TOPICS.clicks, {"event_id": "c-1", "user_id": "u1", "item_id": "i1", "type": "click"}, 1)
    events = [click(0), replace(late, timestamp_ms=NOW_MS + 5)]
    await worker.takes(*events)
    await worker.takes(erase(0))
    assert await worker.takes(*events) == []
    assert (await worker.state("u1")).list_version == 0
    assert [named(made) for made in await worker.takes(replace(click(2), timestamp_ms=NOW_MS + 9))] == [["c-2"]]
    assert await worker.takes(events[0]) == [], "nor does it stand on a list of later"


AHEAD_MS = NOW_MS + 3_600_000  # as far as a record may be ahead of a worker; beyond it is refused (test_times.py)


async def test_an_erasure_from_a_clock_that_is_ahead_forgets_no_other_erasure(worker: FakeWorker) -> None:
    await worker.takes(erase(0, "u2", timestamp_ms=NOW_MS - 1000))
    await worker.takes(click(0), erase(1, timestamp_ms=AHEAD_MS))
    states = await worker.store.load(0, ["u1", "u2"])
    assert (states["u1"].known, states["u1"].erased_ms) == (False, AHEAD_MS)
    assert states["u2"].erased_ms == NOW_MS - 1000, "what was sent before comes back to nobody"
    assert await worker.takes(click(1, user="u2", event_id="c-9")) != []
    worker.now_ms += 1
    (made,) = await worker.takes(replace(click(2), timestamp_ms=AHEAD_MS + 1))
    assert named(made) == ["c-2"]


async def test_an_erasure_of_2105_erases_nobody_and_forgets_no_other_erasure(worker: FakeWorker) -> None:
    await worker.takes(erase(0, "u2", timestamp_ms=NOW_MS - 1000))
    await worker.takes(click(0), far := erase(1, timestamp_ms=4_260_000_000_000))
    states = await worker.store.load(0, ["u1", "u2"])
    assert (states["u1"].known, states["u1"].erased_ms) == (True, 0)
    assert states["u2"].erased_ms == NOW_MS - 1000
    assert worker.dead_letters() == [("bad_time", far.value)]
    assert receipts(worker)[-1] == ("k-1", "refused", "bad_time")


async def test_an_erasure_is_told_to_others_as_of_its_time(owners: Owners) -> None:
    await owners.send(of(click(0, user=KNOWN)), of(click(1, user=ANONYMOUS)), merge("m", KNOWN, ANONYMOUS))
    await owners.deliver()
    await owners.send({"command_id": "x", "type": "erase", "user_id": ANONYMOUS}, timestamp_ms=AHEAD_MS)
    await owners.deliver()
    for user in (KNOWN, ANONYMOUS):
        state = await owners.state(user)
        assert (state.known, state.erased_ms) == (False, AHEAD_MS)


def of(event: Record) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.json.decode(event.value or b"")
    return body


async def test_an_older_erasure_that_comes_again_erases_nothing(worker: FakeWorker) -> None:
    await worker.takes(erase(0, timestamp_ms=NOW_MS - 10))
    await worker.takes(click(0))
    await worker.takes(erase(1, timestamp_ms=NOW_MS - 10))
    assert (await worker.state("u1")).known
    assert [each[:2] for each in receipts(worker)] == [("k-0", "done"), ("k-1", "done")]


async def test_an_erasure_that_was_not_saved_is_carried_out_by_the_next_worker(worker: FakeWorker) -> None:
    await worker.takes(click(0))
    successor = FakeWorker(beside=worker)
    await successor.acquires(0)
    done, refused = await worker.pipeline.process([erase(0)])
    assert (done, len(refused)) == ([], 1)
    assert (await successor.state("u1")).known
    await successor.takes(erase(0))
    assert not (await successor.state("u1")).known
    after = FakeWorker(beside=worker)
    await after.acquires(0)
    await after.pipeline.resume(0)
    assert after.log.on(TOPICS.recommendations)[-1].value is None, "no list of the user is unpublished"
