"""Updates: what waits for an item, and for how long."""

from dataclasses import replace
from typing import Any

import pytest

from stream.events.records import Record
from stream.store.base import Wait
from stream.testing import NOW_MS, TOPICS, WORDS, embed_by_words, record
from tests.support.pipeline import DAY_MS, FakeWorker, click, named, says


def stranger(offset: int, item: str = "new", **more: Any) -> Record:
    return record(
        TOPICS.clicks,
        {"event_id": f"c-{offset}", "user_id": "u1", "item_id": item, "type": "click"} | more,
        offset,
        headers=(("ce_source", b"app"),),
    )


async def test_an_event_on_an_unknown_item_waits_and_is_folded_when_its_vector_comes(worker: FakeWorker) -> None:
    (made,) = await worker.takes(stranger(0))
    assert [(each.event_id, each.waiting) for each in made.folded] == [("c-0", True)]
    assert made.path == "trending"
    assert [pair.item_id for covisits in worker.covisits() for pair in covisits.events] == ["new"], (
        "pairs need no vector"
    )
    await worker.pipeline.on_items_available(["other"])
    assert len(worker.log.lists()) == 1
    worker.items["new"] = embed_by_words("food")
    await worker.pipeline.on_items_available(["new"])
    woken = worker.log.lists()[-1]
    assert [(each.event_id, each.offset, each.waiting) for each in woken.folded] == [("c-0", 0, False)]
    assert ([each.item_id for each in woken.items], woken.path) == (["new"], "live")
    assert woken.version > made.version
    assert len(worker.covisits()) == 1
    assert worker.store.lease(0).offsets == {TOPICS.clicks: 1}
    assert (len(worker.pipeline.waiting), await worker.store.waiting(0)) == (0, [])


async def test_what_waited_ends_as_what_did_not(worker: FakeWorker) -> None:
    """The second event of two on one item comes after its vector; the first waited for it."""
    await worker.takes(stranger(0, type="like"), click(1))
    worker.items["new"] = embed_by_words("food")
    await worker.takes(stranger(2))
    await worker.pipeline.on_items_available(["new"])
    other = FakeWorker()
    other.items["new"] = embed_by_words("food")
    await other.acquires(0)
    await other.takes(stranger(0, type="like"), click(1), stranger(2))
    mine, theirs = await worker.state("u1"), await other.state("u1")
    assert mine.long == pytest.approx(theirs.long, abs=1e-6)
    assert mine.ring == theirs.ring
    assert sorted(mine.seen.tolist()) == sorted(theirs.seen.tolist())


async def test_two_events_waiting_for_one_item_leave_nobody_waiting(worker: FakeWorker) -> None:
    await worker.takes(stranger(0), stranger(1), stranger(2, "newer"))
    assert len(worker.pipeline.waiting) == 2
    worker.items["new"] = embed_by_words("food")
    await worker.pipeline.on_items_available(["new"])
    assert named(worker.log.lists()[-1]) == ["c-0", "c-1"]
    left = [Wait("newer", "u1", NOW_MS + DAY_MS)]
    assert (worker.pipeline.waiting.items(), await worker.store.waiting(0)) == (["newer"], left)


async def test_a_duplicate_of_what_waits_waits_no_second_time(worker: FakeWorker) -> None:
    await worker.takes(stranger(0))
    assert await worker.takes(stranger(1, event_id="c-0")) == []
    worker.items["new"] = embed_by_words("food")
    await worker.pipeline.on_items_available(["new"])
    woken = worker.log.lists()[-1]
    assert [(each.offset, each.duplicate) for each in woken.folded] == [(1, True), (0, False)]
    assert len((await worker.state("u1")).ring) == 1


async def test_an_id_that_waits_cannot_be_used_for_another_item(worker: FakeWorker) -> None:
    await worker.takes(stranger(0))
    reused = stranger(1, "newer", event_id="c-0")
    assert await worker.takes(reused) == []
    assert worker.dead_letters() == [("id_reused", reused.value)]


async def test_after_a_day_the_event_goes_to_the_dead_letters_as_it_came(worker: FakeWorker) -> None:
    lost = stranger(0)
    await worker.takes(lost, stranger(1, "known-soon", event_time=NOW_MS - DAY_MS))
    worker.now_ms = NOW_MS + DAY_MS - 1
    await worker.pipeline.expire()
    assert worker.dead_letters() == []
    worker.items["known-soon"] = embed_by_words("food")
    await worker.pipeline.on_items_available(["known-soon"])
    worker.now_ms += 1
    await worker.pipeline.expire()
    assert worker.dead_letters() == [("unknown_item", lost.value)]
    (dead_letter,) = worker.log.dead()
    headers = dict(dead_letter.headers)
    assert (headers["ce_source"], headers["penchant.offset"]) == (b"app", b"0")
    assert (len(worker.pipeline.waiting), await worker.store.waiting(0)) == (0, [])
    worker.items["new"] = embed_by_words("food")
    await worker.pipeline.on_items_available(["new"])
    await worker.pipeline.expire()
    assert [event.item_id for event in (await worker.state("u1")).ring] == ["known-soon"]
    assert len(worker.dead_letters()) == 1


async def test_the_65th_event_finds_no_room_to_wait(worker: FakeWorker) -> None:
    records = [stranger(n, f"new-{n}") for n in range(65)]
    (made,) = await worker.takes(*records)
    assert len(made.folded) == 64
    assert worker.dead_letters() == [("unknown_item", records[64].value)]


async def test_a_state_does_not_grow_by_what_nobody_reads(worker: FakeWorker) -> None:
    """Two megabytes of a field that is ignored, 64 times a user, would be written with every batch."""
    bulky = stranger(0, context={"page": "x" * 2_000_000})
    assert await worker.takes(bulky) == []
    assert worker.dead_letters() == [("unknown_item", bulky.value)]
    longest = says(0, "\U0001f600 a" * 5400, item_id="new")
    (made,) = await worker.takes(longest)
    assert made.folded[0].waiting


async def test_each_event_has_a_deadline_of_its_own(worker: FakeWorker) -> None:
    first, second = stranger(0), stranger(1, "newer")
    await worker.takes(first, replace(second, timestamp_ms=NOW_MS + 1))
    worker.now_ms = NOW_MS + DAY_MS
    await worker.pipeline.expire()
    assert worker.dead_letters() == [("unknown_item", first.value)]
    worker.now_ms += 1
    await worker.pipeline.expire()
    assert len(worker.dead_letters()) == 2


async def test_another_worker_takes_over_who_waits(worker: FakeWorker) -> None:
    await worker.takes(stranger(0))
    successor = FakeWorker(beside=worker)
    await successor.acquires(0)
    successor.items["new"] = embed_by_words("food")
    await successor.pipeline.on_items_available(["new"])
    assert named(successor.log.lists()[-1]) == ["c-0"]
    worker.items["new"] = embed_by_words("food")
    await worker.pipeline.on_items_available(["new"])
    assert len(worker.log.lists()) == 2, "the zombie published nothing"


async def test_a_long_review_waits_with_what_the_encoder_reads_of_it(worker: FakeWorker) -> None:
    """Also one that only the lenient reader takes, with a lone surrogate, and one in an envelope."""
    texts = ["food " * 5000, "food \ud800" + "love " * 5000]
    reviews = [says(n, text, item_id="new", rating=5) for n, text in enumerate(texts)]
    envelope = {"id": "r-2", "data": {"user_id": "u1", "item_id": "new", "text": texts[0]}}
    wrapped = record(TOPICS.reviews, envelope, 2, headers=(("content-type", b"application/cloudevents+json"),))
    await worker.takes(*reviews, wrapped)
    pending = (await worker.state("u1")).pending
    assert all(len(entry.value) < 9000 for entry in pending)
    worker.items["new"] = embed_by_words("war")
    await worker.pipeline.on_items_available(["new"])
    assert named(worker.log.lists()[-1]) == ["r-0", "r-1", "r-2"]
    food = embed_by_words(texts[0]).tolist()
    assert [text.as_float32().tolist() == food for text in (await worker.state("u1")).texts] == [True, False, True]


async def test_a_dismissal_and_an_impression_of_unknown_items(worker: FakeWorker) -> None:
    """The first counts for the preference, so it waits; the second counts for nothing."""
    (made,) = await worker.takes(stranger(0, type="dismiss"), stranger(1, "newer", type="impression"))
    assert {each.event_id: each.waiting for each in made.folded} == {"c-0": True, "c-1": False}
    assert [entry.item_id for entry in (await worker.state("u1")).pending] == ["new"]


async def test_a_negated_statement_moves_the_long_vector_both_ways(worker: FakeWorker) -> None:
    await worker.takes(says(0, "no more war, give me music"))
    long = await worker.long("u1")
    war, music = embed_by_words("war"), embed_by_words("music")
    assert long.tolist() == ((music - war) * (long @ music)).tolist()
    (text,) = (await worker.state("u1")).texts
    assert (text.wanted().tolist(), text.unwanted().tolist()) == (music.tolist(), war.tolist())


async def test_a_statement_that_only_negates_wants_nothing(worker: FakeWorker) -> None:
    await worker.takes(says(0, "no more war"))
    (text,) = (await worker.state("u1")).texts
    assert not text.wanted().any()
    assert (await worker.long("u1")) @ embed_by_words("war") < 0


async def test_a_negated_statement_is_retracted_whole(worker: FakeWorker) -> None:
    await worker.takes(says(0, "no more war, give me music"), click(0))
    await worker.takes(
        record(TOPICS.commands, {"command_id": "k", "type": "retract", "user_id": "u1", "event_id": "r-0"})
    )
    state = await worker.state("u1")
    assert [(each.vector, each.against) for each in state.texts] == [(b"", b"")]
    assert abs((await worker.long("u1"))[WORDS.index("war")]) < 1e-6
