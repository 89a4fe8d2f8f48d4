"""The pipeline on fakes: what goes out for what came in, once, in the right order."""

import asyncio
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from penchant.errors import Unavailable
from penchant.partitioner import partition_of
from serving.state.user_state import Vector, encode
from stream.events.outgoing import Outgoing
from stream.interest.fold import FoldResult, fold
from stream.processing.batch import EVENTS_A_MESSAGE
from stream.testing import FINGERPRINT, NOW_MS, TOPICS, embed_by_words, embed_texts, record
from tests.support.pipeline import FakeWorker, click, named, says

# --- Lists ---


async def test_one_list_a_user_and_batch_names_all_that_was_taken_in(worker: FakeWorker) -> None:
    lists = await worker.takes(click(0), click(1, "i2"), click(2, "i3", "u2"), click(3, "i4"))
    assert {each.user_id: named(each) for each in lists} == {"u1": ["c-0", "c-1", "c-3"], "u2": ["c-2"]}
    mine = lists[-1]
    assert [each.item_id for each in mine.items] == ["i4", "i2", "i1"]
    assert (mine.path, mine.fingerprint, mine.version) == ("live", "words-8", NOW_MS)
    assert mine.cause is not None
    assert (mine.cause.offset, mine.cause.event_id) == (3, "c-3")
    assert mine.cause.event_time == "2026-09-21T14:13:20.000Z"
    assert (mine.generated_at, mine.expires_at) == ("2026-09-21T14:13:20.000Z", "2026-09-22T14:13:20.000Z")
    out = worker.log.on(TOPICS.recommendations)[-1]
    assert (out.key, out.partition) == (b"u1", 0)


async def test_a_burst_of_one_user_is_one_list_which_comes_last() -> None:
    worker = FakeWorker()
    await worker.acquires(0)
    lists = await worker.takes(*(click(n, user="hot") for n in range(50)), click(50, user="u1"), click(51, user="u2"))
    assert [made.user_id for made in lists] == ["u1", "u2", "hot"]
    assert len(lists[-1].folded) == 50


async def test_the_cause_is_the_newest_by_event_time(worker: FakeWorker) -> None:
    (made,) = await worker.takes(click(0, event_time=NOW_MS - 5), click(1, event_time=NOW_MS - 9))
    assert made.cause is not None
    assert made.cause.event_id == "c-0"


async def test_the_version_grows_even_if_the_clock_stands_or_goes_back(worker: FakeWorker) -> None:
    versions = [made.version for made in await worker.takes(click(0))]
    for offset, now in ((1, NOW_MS), (2, NOW_MS - 1000), (3, NOW_MS + 1000)):
        worker.now_ms = now
        versions += [made.version for made in await worker.takes(click(offset))]
    assert versions == [NOW_MS, NOW_MS + 1, NOW_MS + 2, NOW_MS + 1000]


async def test_a_duplicate_causes_no_list_and_is_named_by_the_next(worker: FakeWorker) -> None:
    await worker.takes(click(0))
    assert await worker.takes(click(1, event_id="c-0")) == []
    (made,) = await worker.takes(click(2, "i2"))
    assert [(each.event_id, each.offset, each.duplicate) for each in made.folded] == [
        ("c-0", 1, True), ("c-2", 2, False)
    ]  # fmt: skip
    assert [each.item_id for each in made.items] == ["i2", "i1"]
    (after,) = await worker.takes(click(3))
    assert named(after) == ["c-3"]


async def test_a_duplicate_in_the_same_batch_counts_once(worker: FakeWorker) -> None:
    await worker.takes(click(0), click(1, event_id="c-0"))
    other = FakeWorker()
    await other.acquires(0)
    await other.takes(click(0))
    assert (await worker.long("u1")).tolist() == (await other.long("u1")).tolist()


async def test_an_impression_causes_no_list_and_is_named_by_the_next(worker: FakeWorker) -> None:
    assert await worker.takes(click(0, "i5", type="impression")) == []
    assert worker.covisits() == []
    (made,) = await worker.takes(click(1))
    assert named(made) == ["c-0", "c-1"]
    assert [each.item_id for each in made.items] == ["i1"]


async def test_beyond_256_names_the_list_says_how_many_more(worker: FakeWorker) -> None:
    shown = [click(n, type="impression") for n in range(300)]
    assert await worker.takes(*shown) == []
    (made,) = await worker.takes(click(300))
    assert len(made.folded) + made.folded_more == 301
    assert len(made.folded) == 256
    assert named(made)[-1] == "c-300"


async def test_a_review_moves_towards_the_item_and_the_text_and_a_statement_towards_the_text(
    worker: FakeWorker,
) -> None:
    """Space is the first axis, love the second: a 5-star review of a space film about love is half of each."""
    await worker.takes(says(0, "love", item_id="i1", rating=5), says(1, "love", user="u2"))
    review, statement = await worker.long("u1"), await worker.long("u2")
    assert review[:3] / review.max() == pytest.approx([1, 1, 0])
    assert statement[:3] / statement.max() == pytest.approx([0, 1, 0])


async def test_a_text_of_which_the_encoder_makes_nothing_is_taken_in(worker: FakeWorker) -> None:
    (made,) = await worker.takes(says(0, "qwerty"))
    assert named(made) == ["r-0"]
    assert (await worker.long("u1")).tolist() == [0.0] * 8


async def test_two_topics_of_a_user_make_one_state(worker: FakeWorker) -> None:
    (first,) = await worker.takes(click(7))
    (second,) = await worker.takes(says(3, "war"))
    assert second.version > first.version
    (both,) = await worker.takes(click(8, "i2"), says(4, "love", item_id="i3"))
    assert named(both) == ["c-8", "r-4"]
    assert [each.item_id for each in both.items] == ["i3", "i2", "i1"]
    assert worker.store.lease(0).offsets == {TOPICS.clicks: 9, TOPICS.reviews: 5}


async def test_a_slow_review_does_not_hold_a_click_of_the_same_user(worker: FakeWorker) -> None:
    encoded = asyncio.Event()

    async def slow(texts: Sequence[str]) -> Mapping[str, Vector]:
        await encoded.wait()
        return await embed_texts(texts)

    pipeline = replace(worker.pipeline, embedder=slow)
    review = asyncio.create_task(pipeline.process([says(0, "love")]))
    clicks = [click(n, f"i{n}") for n in range(5)]
    await asyncio.gather(*[pipeline.process([each]) for each in clicks])
    assert [named(made) for made in worker.log.lists()] == [[f"c-{n}"] for n in range(5)]
    encoded.set()
    await review
    assert named(worker.log.lists()[-1]) == ["r-0"]
    versions = [made.version for made in worker.log.lists()]
    assert versions == sorted(set(versions))
    assert [each.event_id for each in (await worker.state("u1")).ring] == ["c-0", "c-1", "c-2", "c-3", "c-4", "r-0"]


async def test_no_records_are_no_work(worker: FakeWorker) -> None:
    assert await worker.pipeline.process([]) == ([], [])
    assert worker.log.sent == []


# --- Pairs ---


async def test_pairs_carry_the_ring_as_it_stood(worker: FakeWorker) -> None:
    await worker.takes(click(4, "i1"), click(5, "i2", type="purchase"), click(6, "i3", "u2"), says(0, "space"))
    await worker.takes(click(7, "i4", type="dismiss"), click(8, "i5"))
    first, second = worker.covisits()
    assert (first.topic, first.partition, first.first, first.last) == (TOPICS.clicks, 0, 4, 6)
    click_pair = 0.300048828125  # .3 in half precision
    assert [(each.offset, each.item_id, each.covisit, each.ring) for each in first.events] == [
        (4, "i1", click_pair, []),
        (5, "i2", 1.0, [("i1", click_pair)]),
        (6, "i3", click_pair, []),
    ]
    # A dismissal links nothing, but it stands in the ring, with pair 0; a statement is about no item.
    assert [(each.offset, each.item_id, each.ring) for each in second.events] == [
        (8, "i5", [("i4", 0.0), ("i2", 1.0), ("i1", click_pair)])
    ]
    assert worker.log.on(TOPICS.covisits)[0].key == f"{TOPICS.clicks}-0".encode()


async def test_duplicates_send_no_pairs(worker: FakeWorker) -> None:
    await worker.takes(click(0))
    await worker.takes(click(1, event_id="c-0"))
    assert [each.offset for covisits in worker.covisits() for each in covisits.events] == [0]


async def test_pairs_are_announced_in_messages_that_the_log_can_take(worker: FakeWorker) -> None:
    user = "u" + "\x01" * 255
    ids = [f"{n:02}" + "\x01" * 254 for n in range(25)]
    worker.items.update({each: embed_by_words("war") for each in ids})
    await worker.takes(*[click(n, ids[n % 25], user) for n in range(3 * EVENTS_A_MESSAGE - 1)])
    assert [(each.first, each.last, len(each.events)) for each in worker.covisits()] == [
        (0, 49, 50), (50, 99, 50), (100, 148, 49)
    ]  # fmt: skip
    assert max(len(each.value or b"") for each in worker.log.on(TOPICS.covisits)) < 2 * 1024 * 1024


# --- Effects before ack ---


async def test_a_batch_that_comes_again_changes_nothing_and_publishes_again(worker: FakeWorker) -> None:
    records = [click(0), record(TOPICS.clicks, b"poison", 1), click(2, "i2")]
    (first,) = await worker.takes(*records)
    before = await worker.state("u1")
    (again,) = await worker.takes(*records)
    after = await worker.state("u1")
    assert (again.version, again.items, named(again)) == (first.version, first.items, ["c-0", "c-2"])
    assert encode(after, FINGERPRINT) == encode(before, FINGERPRINT)
    assert len(worker.covisits()) == 1
    assert len(worker.dead_letters()) == 1


async def test_a_batch_that_overlaps_the_last_one_takes_in_what_is_new(worker: FakeWorker) -> None:
    await worker.takes(click(0), click(1, "i2"))
    (made,) = await worker.takes(click(1, "i2"), click(2, "i3"))
    assert [each.item_id for each in made.items] == ["i3", "i2", "i1"]
    assert [(each.first, each.last) for each in worker.covisits()] == [(0, 1), (2, 2)]
    assert worker.store.lease(0).offsets == {TOPICS.clicks: 3}


async def test_a_refused_write_publishes_nothing_and_returns_the_part(worker: FakeWorker) -> None:
    await worker.takes(click(0))
    usurper = FakeWorker(beside=worker)
    await usurper.acquires(0)
    late = [click(1, "i2"), click(2, "i3", "u2")]
    done, refused = await worker.pipeline.process(late)
    assert done == []
    assert [(part.partition, part.records) for part in refused] == [(0, late)]
    assert len(worker.log.lists()) == 1
    lists = await usurper.takes(*late)
    assert [named(each) for each in lists] == [["c-2"], ["c-0", "c-1"]], (
        "what the worker before may not have published is named too"
    )


async def test_a_refused_partition_does_not_hold_up_another() -> None:
    worker = FakeWorker(partitions=4)
    await worker.acquires(0, 1)
    await FakeWorker(beside=worker).acquires(1)
    users = {n: next(f"u{i}" for i in range(99) if partition_of(f"u{i}", 4) == n) for n in (0, 1)}
    records = [
        record(TOPICS.clicks, {"user_id": users[n], "item_id": "i1", "type": "click"}, 5, partition=n) for n in (0, 1)
    ]
    done, refused = await worker.pipeline.process(records)
    assert done == records[:1]
    assert [part.partition for part in refused] == [1]
    assert [each.user_id for each in worker.log.lists()] == [users[0]]


@pytest.mark.parametrize("topic", [f"{TOPICS.clicks}.dlq", TOPICS.covisits])
async def test_what_must_not_be_lost_is_acknowledged_before_the_state_is_saved(worker: FakeWorker, topic: str) -> None:
    command = record(TOPICS.commands, {"command_id": "k-1", "type": "erase", "user_id": "u1"}, 9)
    records = [click(0), record(TOPICS.clicks, b"poison", 1), command]
    worker.log.refuses = lambda each: each.topic == topic
    with pytest.raises(Unavailable):
        await worker.pipeline.process(records)
    assert worker.store.lease(0).offsets == {}
    assert not (await worker.state("u1")).known
    assert worker.log.lists() == []
    worker.log.refuses = lambda _: False
    await worker.takes(*records)
    assert len(worker.log.on(topic)) == 1


async def test_a_list_that_was_not_acknowledged_is_sent_when_the_batch_comes_again(worker: FakeWorker) -> None:
    worker.log.refuses = lambda each: each.topic == TOPICS.recommendations
    with pytest.raises(Unavailable):
        await worker.pipeline.process([click(0)])
    assert worker.store.lease(0).offsets == {TOPICS.clicks: 1}
    successor = FakeWorker(beside=worker)
    successor.log.refuses = lambda _: False
    await successor.acquires(0)
    (made,) = await successor.takes(click(0))
    assert (named(made), [each.item_id for each in made.items]) == (["c-0"], ["i1"])
    assert len(successor.covisits()) == 1


async def test_the_next_owner_brings_out_the_lists_of_the_last_write(worker: FakeWorker) -> None:
    """A worker died after saving, before or after publishing: the same lists come, and name the same events."""
    await worker.takes(click(0), click(1, user="u2"))
    worker.log.refuses = lambda each: each.topic == TOPICS.recommendations
    with pytest.raises(Unavailable):
        await worker.pipeline.process([click(2, "i2"), click(3, "i3")])
    worker.log.refuses = lambda _: False
    successor = FakeWorker(beside=worker)
    successor.now_ms += 1000
    await successor.acquires(0)
    for _ in range(2):
        await successor.pipeline.resume(0)
        made = worker.log.lists()[-1]
        assert (made.user_id, made.version, named(made)) == ("u1", NOW_MS + 1, ["c-2", "c-3"])
        assert [each.item_id for each in made.items] == ["i3", "i2", "i1"]
    assert len(worker.log.lists("u2")) == 1, "it had gone out before"
    (after,) = await successor.takes(click(4))
    assert (after.version, named(after)) == (NOW_MS + 1000, ["c-4"])


async def test_a_batch_that_was_ended_before_its_lists_were_out_owes_them_to_the_next(worker: FakeWorker) -> None:
    """A worker that is told to stop ends one topic's batch between save and publish; another topic's goes on."""
    ended = [False]

    def end_once(made: Outgoing) -> bool:
        if made.topic == TOPICS.recommendations and not ended[0]:
            ended[0] = True
            raise asyncio.CancelledError
        return False

    worker.log.refuses = end_once
    with pytest.raises(asyncio.CancelledError):
        await worker.pipeline.process([click(0), click(1, user="u2")])
    lists = await worker.takes(says(0, "space", user="u3"))
    assert {made.user_id: named(made) for made in lists} == {"u1": ["c-0"], "u2": ["c-1"], "u3": ["r-0"]}
    (after,) = await worker.takes(says(1, "love", user="u3"))
    assert named(after) == ["r-1"], "what was unpublished is out"


async def test_a_partition_that_was_never_written_has_no_lists_to_bring_out(worker: FakeWorker) -> None:
    await worker.pipeline.resume(0)
    assert worker.log.sent == []


# --- Commands ---


async def test_what_was_let_in_before_the_partition_was_acquired_anew_is_refused(worker: FakeWorker) -> None:
    """Reading goes back to the store's offsets then; what lies before these records would be taken for read."""
    await worker.takes(click(0))
    pipeline, embed = worker.pipeline, worker.pipeline.embedder

    async def put_back(texts: Sequence[str]) -> Mapping[str, Vector]:
        worker.store.put_back(0, {})
        await worker.store.acquire(0)
        return await embed(texts)

    slow = replace(pipeline, embedder=put_back)
    done, refused = await slow.process([says(3, "love")])

    assert (done, len(refused)) == ([], 1)
    assert worker.store.lease(0).offsets == {}
    assert "r-3" not in [each.event_id for each in (await worker.state("u1")).ring]


async def test_so_is_what_was_let_in_before_something_else_was_waited_for(worker: FakeWorker) -> None:
    """Marks are written to the store before records are read: it may be away then, and come back as an older copy."""
    await worker.takes(click(0))
    leases = worker.pipeline.leases([says(3, "love")])
    worker.store.put_back(0, {})
    await worker.store.acquire(0)

    done, refused = await worker.pipeline.process([says(3, "love")], leases)

    assert (done, len(refused)) == ([], 1)
    assert worker.store.lease(0).offsets == {}


async def test_few_frames_lie_between_a_batch_and_the_fold(worker: FakeWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three more lie before it in a worker: the agent, `RecordHandlers.take_in` and `process_beside`."""
    walked: list[list[str]] = []

    def watched(*given: Any) -> FoldResult:
        names = [each.name for each in traceback.extract_stack()][:-1]
        walked.append(names[names.index("process") :])
        return fold(*given)

    monkeypatch.setattr("stream.processing.apply.fold", watched)
    await worker.pipeline.process([click(0)])

    assert walked == [["process", "by_halves", "some", "run", "apply", "_on_event"]]
