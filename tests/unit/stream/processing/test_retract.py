"""Retracting: what is left of an event, and what is answered."""

from typing import Any

import numpy as np
import pytest

from stream.testing import NOW_MS, TOPICS, embed_by_words, record
from tests.support.commands import counts, is_zero, receipts, retract
from tests.support.owners import Owners
from tests.support.pipeline import DAY_MS, FakeWorker, click, named, says


@pytest.fixture
async def owners() -> Owners:
    made = Owners()
    await made.acquire()
    return made


# --- Retract ---


async def test_what_was_added_is_taken_away_and_the_place_stays(worker: FakeWorker) -> None:
    worker.items["i2"] = embed_by_words("love")
    await worker.takes(click(0, "i1", type="like"), click(1, "i2", type="like"))
    (made,) = await worker.takes(retract(0, "c-1"))
    assert (named(made), [each.item_id for each in made.items]) == (["k-0"], ["i2", "i1"])
    state = await worker.state("u1")
    long = await worker.long("u1")
    assert long[1] == pytest.approx(0, abs=1e-7), "nothing of love is left"
    assert long[0] > 0.7
    assert [(each.event_id, each.retracted) for each in state.ring] == [("c-0", False), ("c-1", True)]
    assert counts(state) == [0, 1]
    assert receipts(worker) == [("k-0", "done", "")]


async def test_nothing_is_left_of_a_user_whose_every_event_is_retracted(worker: FakeWorker) -> None:
    """Exact zeros: what rounding leaves of a difference would be a direction like any other."""
    times = [NOW_MS - 12_345_678 * n for n in range(5)]
    await worker.takes(*[click(n, f"i{n}", type="like", event_time=at) for n, at in enumerate(times)])
    await worker.takes(*[retract(n, f"c-{n}") for n in range(5)])
    state = await worker.state("u1")
    assert (is_zero(state), state.event_count, counts(state)) == (True, 0, [0] * 5)


async def test_a_second_retraction_changes_nothing_and_is_done(worker: FakeWorker) -> None:
    await worker.takes(click(0), click(1, "i2"))
    await worker.takes(retract(0, "c-0"))
    before = await worker.state("u1")
    (made,) = await worker.takes(retract(1, "c-0"))
    after = await worker.state("u1")
    assert [(each.event_id, each.duplicate) for each in made.folded] == [("k-1", True)]
    assert (await worker.long("u1")).tolist() == (before.long if before.long is not None else np.zeros(8)).tolist()
    assert (after.ring, counts(after)) == (before.ring, counts(before))
    assert [each[:2] for each in receipts(worker)] == [("k-0", "done"), ("k-1", "done")]


async def test_an_event_that_was_retracted_is_a_duplicate_when_it_comes_again(worker: FakeWorker) -> None:
    await worker.takes(click(0))
    await worker.takes(retract(0, "c-0"))
    assert await worker.takes(click(1, event_id="c-0")) == []
    assert is_zero(await worker.state("u1"))


async def test_a_retraction_before_its_event_waits_for_it(worker: FakeWorker) -> None:
    (made,) = await worker.takes(retract(0, "c-0"))
    assert [(each.event_id, each.waiting) for each in made.folded] == [("k-0", True)]
    assert receipts(worker) == []
    (after,) = await worker.takes(click(0))
    assert set(named(after)) == {"k-0", "c-0"}
    state = await worker.state("u1")
    assert (is_zero(state), state.retractions, counts(state)) == (True, [], [0])
    assert receipts(worker) == [("k-0", "done", "")]
    assert worker.covisits() == [], "what never counted is none of the item statistics' business"
    assert await worker.store.waiting(0) == []
    assert len(worker.pipeline.waiting) == 0


async def test_a_retraction_whose_event_never_comes_is_given_up_after_a_day(worker: FakeWorker) -> None:
    command = retract(0, "never")
    await worker.takes(command)
    worker.now_ms += DAY_MS - 1
    await worker.pipeline.expire()
    assert receipts(worker) == []
    worker.now_ms += 1
    await worker.pipeline.expire()
    await worker.pipeline.expire()
    assert receipts(worker) == [("k-0", "refused", "retract_unknown")]
    assert worker.dead_letters() == [("retract_unknown", command.value)]
    assert await worker.store.waiting(0) == []


async def test_thirty_two_retractions_may_wait(worker: FakeWorker) -> None:
    await worker.takes(*[retract(n, f"c-{n}") for n in range(33)])
    assert receipts(worker) == [("k-32", "refused", "retract_unknown")]
    assert len((await worker.state("u1")).retractions) == 32


async def test_the_same_command_twice_waits_once(worker: FakeWorker) -> None:
    await worker.takes(retract(0, "c-0", command_id="k"), retract(1, "c-0", command_id="k"))
    await worker.takes(click(0))
    assert receipts(worker) == [("k", "done", "")]


async def test_an_event_that_waits_for_its_item_is_retracted_at_once(worker: FakeWorker) -> None:
    await worker.takes(click(0, "new"), retract(0, "c-0"))
    assert receipts(worker) == [("k-0", "done", "")]
    assert await worker.store.waiting(0) == []
    worker.items["new"] = embed_by_words("food")
    await worker.pipeline.on_items_available(["new"])
    worker.now_ms += 2 * DAY_MS
    await worker.pipeline.expire()
    state = await worker.state("u1")
    assert (is_zero(state), state.pending, worker.dead_letters()) == (True, [], [])
    assert [each.retracted for each in state.ring] == [True]


@pytest.mark.parametrize("item", [None, "i1"])
async def test_a_text_is_retracted_with_its_vector(worker: FakeWorker, item: str | None) -> None:
    await worker.takes(says(0, "love and war", item_id=item), says(1, "food"))
    await worker.takes(retract(0, "r-0"))
    state = await worker.state("u1")
    (left,) = [text for text in state.texts if text.vector]
    assert left.event_id == "r-1"
    assert [text.preference for text in state.texts if not text.vector] == [0.0]
    long = await worker.long("u1")
    assert long / long.max() == pytest.approx(embed_by_words("food"), abs=1e-6)


async def test_a_text_that_left_the_ring_is_retracted_while_it_is_kept(worker: FakeWorker) -> None:
    await worker.takes(says(0, "love", event_time=NOW_MS - 1000), *[click(n) for n in range(20)])
    await worker.takes(retract(0, "r-0"))
    assert (await worker.long("u1"))[1] == pytest.approx(0, abs=1e-6)
    await worker.takes(retract(1, "r-0"))
    assert (await worker.long("u1"))[1] == pytest.approx(0, abs=1e-6)
    assert [each[:2] for each in receipts(worker)] == [("k-0", "done"), ("k-1", "done")]


async def after_its_time(worker: FakeWorker, later: int) -> dict[str, Any]:
    """A like of love, and then so many clicks on space that it left the ring. Returns the like."""
    worker.items["love"] = embed_by_words("love")
    like: dict[str, Any] = {"event_id": "old", "item_id": "love", "type": "like", "event_time": NOW_MS - 1000}
    await worker.takes(record(TOPICS.clicks, like | {"user_id": "u1"}))
    await worker.takes(*[click(n) for n in range(1, later + 1)])
    return like


@pytest.mark.parametrize("later", [30, 70])
async def test_beyond_the_ring_the_command_has_to_bring_the_event(worker: FakeWorker, later: int) -> None:
    """After 30 more its id is remembered; after 70 no more, but it is older than all of the ring."""
    like = await after_its_time(worker, later)
    if later == 30:
        refused = retract(0, "old")
        await worker.takes(refused)
        assert receipts(worker) == [("k-0", "refused", "retract_too_late")]
        assert worker.dead_letters() == [("retract_too_late", refused.value)]
        assert (await worker.long("u1"))[1] > 0.7, "never half done"
    await worker.takes(retract(1, "old", event=like), retract(2, "old", event=like), retract(3, "old"))
    assert (await worker.long("u1"))[1] == pytest.approx(0, abs=1e-6)
    assert [each[:2] for each in receipts(worker)[-3:]] == [("k-1", "done"), ("k-2", "done"), ("k-3", "done")]
    assert await worker.takes(click(99, event_id="old", item_id="love", type="like")) == [], "a duplicate"


async def test_an_event_that_is_still_to_come_is_waited_for_also_if_it_was_sent_along(worker: FakeWorker) -> None:
    like = {"item_id": "i1", "type": "like", "event_time": NOW_MS}
    await worker.takes(retract(0, "c-0", event=like))
    assert receipts(worker) == []
    await worker.takes(click(0, type="like"))
    assert is_zero(await worker.state("u1"))
    assert receipts(worker) == [("k-0", "done", "")]


async def test_a_long_gone_text_is_encoded_anew(worker: FakeWorker) -> None:
    review: dict[str, Any] = {"item_id": "i1", "text": "war", "event_time": NOW_MS - 1000}
    await worker.takes(says(0, **review))
    await worker.takes(*[says(n, "food", item_id="i1") for n in range(1, 30)])
    assert (await worker.long("u1"))[2] > 0.1
    await worker.takes(retract(0, "r-0"))
    assert receipts(worker) == [("k-0", "refused", "retract_too_late")]
    await worker.takes(retract(1, "r-0", event=review))
    assert (await worker.long("u1"))[2] == pytest.approx(0, abs=1e-6)


async def test_an_item_without_a_vector_cannot_be_subtracted(worker: FakeWorker) -> None:
    await worker.takes(click(0))
    before = await worker.long("u1")
    del worker.items["i1"]
    await worker.takes(retract(0, "c-0"))
    assert receipts(worker) == [("k-0", "refused", "retract_too_late")]
    assert (await worker.long("u1")).tolist() == before.tolist()


async def test_an_event_without_an_id_is_retracted_by_its_place(worker: FakeWorker) -> None:
    body = {"user_id": "u1", "item_id": "i1", "type": "click"}
    await worker.takes(record(TOPICS.clicks, body, 7))
    await worker.takes(retract(0, f"{TOPICS.clicks}-0-7"))
    assert is_zero(await worker.state("u1"))


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"event": {"item_id": "i1", "type": "click"}}, "missing_field"),
        ({"event": {"item_id": "i1", "type": "click", "event_time": 1, "event_id": "other"}}, "schema"),
        ({"event": {"item_id": "i1", "type": "click", "event_time": 1, "user_id": "u2"}}, "schema"),
        ({"event": {"item_id": "i1", "type": "teleport", "event_time": 1}}, "unknown_type"),
        ({"event": {"item_id": "i1", "event_time": 1, "text": 7}}, "schema"),
        ({"event": 7}, "schema"),
        ({"type": "forget"}, "unknown_type"),
        ({"type": "erase", "event_time": "yesterday"}, "bad_time"),
        ({"type": "merge", "anonymous_id": "a" * 257}, "too_large"),
        ({"type": "merge", "anonymous_id": "a\ud800"}, "bad_id"),
    ],
)
async def test_a_command_that_cannot_be_read_is_answered_and_kept(
    worker: FakeWorker, fields: dict[str, Any], word: str
) -> None:
    bad = retract(0, "c-0", **fields)
    assert await worker.takes(bad) == []
    assert worker.dead_letters() == [(word, bad.value)]
    assert receipts(worker) == [("k-0", "refused", word)]
    await worker.takes(bad)
    assert len(receipts(worker)) == 1


@pytest.mark.parametrize(
    ("value", "answered"),
    [
        (b'{"command_id": "k", "type": "erase", "user_id": 1.5}', True),
        (b'{"command_id": 7, "type": "erase", "user_id": 1.5}', True),
        (b'\0\0\0\0\x11{"command_id": "k", "type": "erase"}', True),
        (b'{"schema": null, "payload": {"command_id": "k", "type": "erase"}}', True),
        (b'{"specversion": "1.0", "data": {"command_id": "k", "type": "erase"}}', True),
        (b'{"command_id": "k", "type": "erase", "data": [1]}', True),
        (b'{"data": [1]}', False),
        (b'{"data": null}', False),
        (b'{"command_id": "\\ud800", "type": "erase", "user_id": "u1"}', False),
        (b'{"command_id": "k", "type": "\\ud800", "user_id": "u1"}', False),
        (b'{"command_id": "", "type": "erase", "user_id": "u1"}', False),
        (b'{"command_id": "' + b"k" * 300_000 + b'", "type": "erase", "user_id": "u1"}', False),
        (b'{"command_id": "k", "type": "' + b"k" * 300_000 + b'", "user_id": "u1"}', False),
        (b"[" * 100_000, False),
        (b"\xff\xfe{\0", False),
    ],
    ids=lambda value: value[:50] if isinstance(value, bytes) else None,
)
async def test_a_command_that_cannot_be_read_is_answered_if_it_names_itself(
    worker: FakeWorker, value: bytes, answered: bool
) -> None:
    await worker.takes(record(TOPICS.commands, value), click(0))
    assert [dead_letter for _, dead_letter in worker.dead_letters()] == [value]
    assert len(worker.log.on(TOPICS.receipts)) == answered
    assert len(worker.log.lists()) == 1, "the others are taken in"


async def test_a_retraction_that_comes_again_changes_nothing_and_publishes_again(worker: FakeWorker) -> None:
    await worker.takes(click(0), click(1, "i2"))
    (first,) = await worker.takes(retract(0, "c-0"))
    before = (await worker.long("u1")).tolist()
    (again,) = await worker.takes(retract(0, "c-0"))
    assert (again.version, again.items) == (first.version, first.items)
    assert (await worker.long("u1")).tolist() == before
    assert len(receipts(worker)) == 1


async def test_an_impression_is_retracted_before_it_after_it_and_once(worker: FakeWorker) -> None:
    """Also without the event along, and however many ids came since: impressions are remembered by ids of their own."""
    await worker.takes(retract(0, "c-0"), click(0, "i1", type="impression"), click(1, "i2", type="impression"))
    await worker.takes(*[click(n, f"i{n % 30}") for n in range(2, 90)])
    await worker.takes(retract(1, "c-1"), retract(2, "c-1"), click(90, "i2", type="impression", event_id="c-1"))

    assert (await worker.state("u1")).impressions["item"].tolist() == [0, 0]
    assert {status for _, status, _ in receipts(worker)} == {"done"}


async def test_another_item_under_the_id_of_an_impression_is_a_dead_letter(worker: FakeWorker) -> None:
    await worker.takes(click(0, "i1", type="impression"), click(1, "i1", type="impression", event_id="c-0"))
    assert worker.dead_letters() == []
    await worker.takes(click(2, "i2", type="impression", event_id="c-0"))
    assert [word for word, _ in worker.dead_letters()] == ["id_reused"]
