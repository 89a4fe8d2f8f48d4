"""Texts that the encoder missed: their events wait, lists say so, and all are retried."""

from typing import Any

import msgspec
import pytest

from penchant.messages import Receipt
from serving.state.user_state import encode
from stream.events.records import Record
from stream.processing.pending_events import TEXTS
from stream.store.base import Wait
from stream.testing import FINGERPRINT, NOW_MS, TOPICS, embed_by_words, record
from tests.support.pipeline import DAY_MS, Degraded, FakeWorker, click, named, says


@pytest.fixture
async def worker() -> Degraded:
    made = Degraded()
    await made.acquires(0)
    return made


def retract(offset: int, event_id: str, event: dict[str, Any] | None = None) -> Record:
    command = {"command_id": f"k-{offset}", "type": "retract", "user_id": "u1", "event_id": event_id}
    return record(TOPICS.commands, command if event is None else command | {"event": event}, offset)


def receipts(worker: FakeWorker) -> list[tuple[str, str, str]]:
    made = [msgspec.json.decode(out.value or b"", type=Receipt) for out in worker.log.on(TOPICS.receipts)]
    return [(each.command_id, each.status, each.reason or "") for each in made]


async def test_a_list_comes_from_what_is_known_and_again_when_the_text_is_read(worker: Degraded) -> None:
    await worker.takes(click(0))
    worker.misses = {"love"}
    (made,) = await worker.takes(says(0, "love"))
    assert (made.path, [(each.event_id, each.waiting) for each in made.folded]) == ("cached", [("r-0", True)])
    assert [each.item_id for each in made.items] == ["i1"]
    (other,) = await worker.takes(click(1, "i2"))
    assert other.path == "cached", "the text waits still"
    assert await worker.pipeline.retry_missed_texts(64) == 0
    assert len(worker.log.lists()) == 3, "nothing new, no list"

    worker.misses = set()
    assert await worker.pipeline.retry_missed_texts(64) == 1
    after = worker.log.lists()[-1]
    assert (after.path, [(each.event_id, each.waiting) for each in after.folded]) == ("live", [("r-0", False)])
    assert after.version > other.version
    assert (len(worker.pipeline.waiting), await worker.store.waiting(0)) == (0, [])
    assert await worker.pipeline.retry_missed_texts(64) == 0


async def test_of_a_user_of_whom_nothing_is_known_the_list_is_trending(worker: Degraded) -> None:
    worker.misses = {"love"}
    (made,) = await worker.takes(says(0, "love"))
    assert (made.path, made.folded[0].waiting) == ("trending", True)


async def test_what_was_retried_ends_as_what_was_not_missed(worker: Degraded) -> None:
    texts = [says(0, "love"), says(1, "war", item_id="i3", rating=5), says(2, "food", event_time=NOW_MS - DAY_MS)]
    worker.misses = {"love", "war"}
    await worker.takes(click(0), *texts, click(1, "i2"))
    worker.misses = set()
    await worker.pipeline.retry_missed_texts(64)
    other = FakeWorker()
    await other.acquires(0)
    await other.takes(click(0), *texts, click(1, "i2"))
    mine, theirs = await worker.state("u1"), await other.state("u1")
    assert mine.long == pytest.approx(theirs.long, abs=1e-6)
    assert (mine.ring, mine.texts) == (theirs.ring, theirs.texts)
    assert sorted(mine.seen.tolist()) == sorted(theirs.seen.tolist())
    assert [pair.item_id for covisits in worker.covisits() for pair in covisits.events] == ["i1", "i2", "i3"], (
        "sent once"
    )


async def test_one_missed_text_holds_up_neither_another_text_nor_another_user(worker: Degraded) -> None:
    worker.misses = {"love"}
    lists = await worker.takes(says(0, "love"), says(1, "war"), says(2, "food", user="u2"))
    by_user = {made.user_id: made for made in lists}
    assert {user: made.path for user, made in by_user.items()} == {"u1": "cached", "u2": "live"}
    assert [(each.event_id, each.waiting) for each in by_user["u1"].folded] == [("r-0", True), ("r-1", False)]


async def test_a_review_of_an_unknown_item_waits_for_the_item_and_then_for_its_text(worker: Degraded) -> None:
    worker.misses = {"love"}
    (made,) = await worker.takes(says(0, "love", item_id="new", rating=5))
    assert made.folded[0].waiting
    assert worker.pipeline.waiting.items() == ["new"]
    worker.items["new"] = embed_by_words("food")
    await worker.pipeline.on_items_available(["new"])
    assert worker.pipeline.waiting.items() == [TEXTS]
    assert await worker.store.waiting(0) == [Wait(TEXTS, "u1", NOW_MS + 7 * DAY_MS)]
    assert len(worker.log.lists()) == 1
    worker.misses = set()
    await worker.pipeline.retry_missed_texts(64)
    after = worker.log.lists()[-1]
    assert (named(after), after.path) == (["r-0"], "live")
    love, food = (await worker.long("u1"))[[1, 4]]
    assert love == food > 0


async def test_an_item_that_goes_while_a_text_is_missing_is_waited_for_again(worker: Degraded) -> None:
    worker.misses = {"love"}
    await worker.takes(says(0, "love", item_id="i1", rating=5))
    vector = worker.items.pop("i1")
    worker.misses = set()
    await worker.pipeline.retry_missed_texts(64)
    assert worker.pipeline.waiting.items() == ["i1"]
    worker.items["i1"] = vector
    await worker.pipeline.on_items_available(["i1"])
    assert named(worker.log.lists()[-1]) == ["r-0"]
    assert len(worker.pipeline.waiting) == 0


async def test_after_seven_days_the_event_goes_to_the_dead_letters_as_it_came(worker: Degraded) -> None:
    worker.misses = {"love"}
    lost = says(0, "love")
    await worker.takes(lost, click(0, "new"))
    worker.now_ms = NOW_MS + DAY_MS
    await worker.pipeline.expire()
    assert [word for word, _ in worker.dead_letters()] == ["unknown_item"], "an item is waited for a day"
    worker.now_ms = NOW_MS + 7 * DAY_MS - 1
    await worker.pipeline.expire()
    assert len(worker.dead_letters()) == 1
    worker.now_ms += 1
    await worker.pipeline.expire()
    assert worker.dead_letters()[1:] == [("encoder_timeout", lost.value)]
    assert (len(worker.pipeline.waiting), await worker.store.waiting(0)) == (0, [])


async def test_the_ninth_text_finds_no_room_to_wait(worker: Degraded) -> None:
    worker.misses = {"love"}
    records = [says(n, "love") for n in range(9)]
    (made,) = await worker.takes(*records, click(0, "new"))
    assert len(made.folded) == 9, "eight texts, and the click, which is pending by itself"
    assert worker.dead_letters() == [("encoder_timeout", records[8].value)]
    worker.misses = set()
    assert await worker.pipeline.retry_missed_texts(64) == 1, "the same text, read once"
    assert named(worker.log.lists()[-1]) == [f"r-{n}" for n in range(8)]


async def test_users_are_retried_in_rotation(worker: Degraded) -> None:
    worker.misses = {"love"}
    await worker.takes(*[says(n, "love", user=f"u{n}") for n in range(5)])
    worker.misses = set()
    for turn in range(3):
        await worker.pipeline.retry_missed_texts(2)
        assert worker.pipeline.waiting.count(TEXTS) == max(0, 3 - 2 * turn)
    assert sorted(made.user_id for made in worker.log.lists()[5:]) == [f"u{n}" for n in range(5)]


async def test_texts_that_are_missed_for_good_do_not_keep_others_waiting(worker: Degraded) -> None:
    worker.misses = {"love", "war"}
    await worker.takes(*[says(n, "love", user=f"u{n}") for n in range(4)], says(4, "war", user="u4"))
    worker.misses = {"love"}
    assert [await worker.pipeline.retry_missed_texts(2) for _ in range(3)] == [0, 0, 1]
    assert worker.log.lists()[-1].user_id == "u4"


async def test_a_duplicate_of_what_waits_waits_no_second_time(worker: Degraded) -> None:
    worker.misses = {"love"}
    await worker.takes(says(0, "love"))
    assert await worker.takes(says(1, "love", event_id="r-0")) == []
    assert len((await worker.state("u1")).pending) == 1


async def test_a_batch_that_comes_again_waits_no_second_time(worker: Degraded) -> None:
    worker.misses = {"love"}
    (first,) = await worker.takes(says(0, "love"), click(0))
    before = encode(await worker.state("u1"), FINGERPRINT)
    (again,) = await worker.takes(says(0, "love"), click(0))
    assert (again.version, again.path) == (first.version, "cached")
    assert encode(await worker.state("u1"), FINGERPRINT) == before


async def test_another_worker_takes_over_what_was_missed(worker: Degraded) -> None:
    worker.misses = {"love"}
    await worker.takes(says(0, "love"))
    successor = Degraded(beside=worker)
    await successor.acquires(0)
    await successor.pipeline.retry_missed_texts(64)
    assert named(worker.log.lists()[-1]) == ["r-0"]
    worker.misses = set()
    await worker.pipeline.retry_missed_texts(64)
    assert len(worker.log.lists()) == 2, "the zombie published nothing"


# --- Commands ---


async def test_a_text_that_waits_is_retracted_at_once(worker: Degraded) -> None:
    worker.misses = {"love"}
    await worker.takes(says(0, "love"))
    (made,) = await worker.takes(retract(0, "r-0"))
    assert (made.path, receipts(worker)) == ("live", [("k-0", "done", "")])
    assert len(worker.pipeline.waiting) == 0
    worker.misses = set()
    assert await worker.pipeline.retry_missed_texts(64) == 0
    assert (await worker.state("u1")).long is None


async def test_an_erased_user_s_text_does_not_wait(worker: Degraded) -> None:
    worker.misses = {"love"}
    await worker.takes(says(0, "love"))
    await worker.takes(record(TOPICS.commands, {"command_id": "k-0", "type": "erase", "user_id": "u1"}, 0))
    assert (len(worker.pipeline.waiting), await worker.store.waiting(0)) == (0, [])
    worker.misses = set()
    assert await worker.pipeline.retry_missed_texts(64) == 0
    assert not (await worker.state("u1")).known


async def far_back(worker: Degraded) -> dict[str, Any]:
    """A statement that was counted, and left the ring, the texts and the remembered ids since."""
    body = {"user_id": "u1", "event_id": "r-0", "text": "love", "event_time": NOW_MS - DAY_MS}
    await worker.takes(record(TOPICS.reviews, body, 0))
    await worker.takes(*[says(n, "war") for n in range(1, 70)])
    return body


async def test_a_retraction_whose_text_is_missed_waits_and_is_carried_out_later(worker: Degraded) -> None:
    body = await far_back(worker)
    worker.misses = {"love"}
    before = await worker.long("u1")
    (made,) = await worker.takes(retract(0, "r-0", body))
    assert (made.path, [(each.event_id, each.waiting) for each in made.folded]) == ("cached", [("k-0", True)])
    assert (await worker.long("u1")).tolist() == before.tolist(), "never half done"
    assert receipts(worker) == []
    assert await worker.pipeline.retry_missed_texts(64) == 0
    assert len(worker.log.lists()) == 3

    worker.misses = set()
    assert await worker.pipeline.retry_missed_texts(64) == 1
    assert receipts(worker) == [("k-0", "done", "")]
    after = await worker.long("u1")
    assert after[1] == pytest.approx(0, abs=1e-4)
    assert after[2] == before[2]
    last = worker.log.lists()[-1]
    assert (named(last), last.path, worker.dead_letters()) == (["k-0"], "live", [])
    assert (len(worker.pipeline.waiting), await worker.store.waiting(0)) == (0, [])


async def test_a_retraction_whose_text_is_missed_for_seven_days_is_refused(worker: Degraded) -> None:
    body = await far_back(worker)
    worker.misses = {"love"}
    command = retract(0, "r-0", body)
    await worker.takes(command)
    worker.now_ms = NOW_MS + 7 * DAY_MS
    await worker.pipeline.expire()
    assert worker.dead_letters() == [("encoder_timeout", command.value)]
    ((_, status, reason),) = receipts(worker)
    assert (status, reason.split(":")[0]) == ("refused", "encoder_timeout")
    assert len(worker.pipeline.waiting) == 0


async def test_a_retraction_that_finds_no_room_is_refused(worker: Degraded) -> None:
    body = await far_back(worker)
    worker.misses = {"love"}
    await worker.takes(*[says(n, "love") for n in range(70, 78)])
    command = retract(0, "r-0", body)
    await worker.takes(command)
    assert worker.dead_letters() == [("encoder_timeout", command.value)]
    assert receipts(worker)[0][1] == "refused"


async def test_a_retraction_needs_no_encoder_while_the_text_is_kept(worker: Degraded) -> None:
    body = {"user_id": "u1", "event_id": "r-0", "text": "love", "event_time": NOW_MS}
    await worker.takes(record(TOPICS.reviews, body, 0))
    worker.misses = {"love"}
    await worker.takes(retract(0, "r-0", body))
    assert receipts(worker) == [("k-0", "done", "")]
    assert not (await worker.long("u1")).any()
