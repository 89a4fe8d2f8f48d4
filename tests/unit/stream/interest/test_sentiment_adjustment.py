"""What a review without a rating counts: by what it says, never beyond what a rating does, and retracted exactly."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.errors import Misconfigured
from serving.state.user_state import RecentText, UserState
from stream.events.records import Record
from stream.events.weights import WeightRange, load_weights
from stream.interest.fold import Bounds, fold
from stream.interest.sentiment_adjustment import adjusted
from stream.processing.batch import Limits
from stream.rebuild.caveats import Added
from stream.rebuild.compare import Yardstick, differences
from stream.testing import NOW_MS, TOPICS, WORDS, embed_by_words, record
from tests.support.events import event
from tests.support.heads import head_of
from tests.support.pipeline import DAY_MS, FakeWorker, click, says

HEAD = head_of([{"love": 4.0, "war": -4.0}.get(word, 0.0) for word in WORDS])
AS_WRITTEN = load_weights().actions["review"].preference


def adjusting() -> FakeWorker:
    """A worker whose head knows two words: love is praise, war is blame."""
    return FakeWorker(limits=Limits(sentiment=HEAD))


def preference_of(text: str, weight_range: WeightRange | None, preference: float = 0.7) -> float:
    review = replace(event("r-1", text=text, preference=preference), weight_range=weight_range)
    return adjusted(review, embed_by_words(text), HEAD).weight.preference


def back(offset: int, target: Record, **more: Any) -> Record:
    """The retraction of a review that `says` made, with the record's own words where `more` brings them."""
    event_id = f"r-{target.offset}"
    body = {"command_id": f"k-{offset}", "type": "retract", "user_id": "u1", "event_id": event_id} | more
    return record(TOPICS.commands, body, offset)


def test_a_preference_goes_towards_the_best_rating_or_the_worst_in_proportion() -> None:
    liking = np.tanh(2.0)  # of the head's 4 points

    assert preference_of("love", WeightRange(-0.5, 1.0)) == pytest.approx(0.7 + liking * 0.3, abs=1e-3)
    assert preference_of("war", WeightRange(-0.5, 1.0)) == pytest.approx(0.7 - liking * 1.2, abs=1e-3)
    assert preference_of("music", WeightRange(-0.5, 1.0)) == pytest.approx(0.7, abs=1e-3)
    assert preference_of("war", None) == 0.7


def test_a_preference_is_never_beyond_its_ends_and_exact_in_half_precision() -> None:
    certain = head_of([1e6] * len(WORDS))
    review = replace(event("r-1", text="love", preference=0.7), weight_range=WeightRange(0.25, 1.0))

    for vector, end in ((embed_by_words("love"), 1.0), (-embed_by_words("love"), 0.25)):
        assert adjusted(review, vector, certain).weight.preference == end
    halfway = preference_of("love war war", WeightRange(0.25, 1.0))
    assert 0.25 < halfway < 0.7
    assert halfway == float(np.float16(halfway))


def test_the_ends_are_those_of_the_ratings(tmp_path: Path) -> None:
    shipped = Path("stream/events/weights.toml").read_text("utf-8")
    assert load_weights().weight_range == WeightRange(0.0, 1.0)
    for was, becomes, weight_range in (
        ("1 = { pair = 0.2, taste = 0.0 }", "1 = { pair = 0.2, taste = -0.5 }", WeightRange(-0.5, 1.0)),
        ("review     = { pair = 0.8, taste = 0.7 }", "review = { pair = 0.8, taste = 1.5 }", WeightRange(0.0, 1.5)),
        ("review     = { pair = 0.8, taste = 0.7 }", "review = { pair = 0.8, taste = 0.0 }", None),
        ("review     = { pair = 0.8, taste = 0.7 }", "review = { pair = 0.0, taste = 0.7 }", None),
    ):
        assert was in shipped
        file = tmp_path / "weights.toml"
        file.write_text(shipped.replace(was, becomes), "utf-8")
        assert load_weights(file).weight_range == weight_range


async def test_blame_lowers_and_praise_raises_what_a_review_counts() -> None:
    worker = adjusting()
    await worker.acquires(0)
    await worker.takes(says(0, "love", item_id="i1"), says(1, "war", item_id="i2"), says(2, "music", item_id="i3"))

    state = await worker.state("u1")

    preferences = {each.item_id: each.preference for each in state.ring}
    assert -4.0 <= preferences["i2"] < -3.0
    assert preferences["i3"] == AS_WRITTEN < 0.9 < preferences["i1"] <= 1.0
    assert {each.item_id: each.preference for each in state.texts} == preferences
    assert [each.covisit for each in state.ring] == 3 * [load_weights().actions["review"].covisit]


async def test_a_rating_wins_over_the_text_and_a_statement_is_not_adjusted() -> None:
    worker = adjusting()
    await worker.acquires(0)
    await worker.takes(says(0, "war", item_id="i1", rating=5), says(1, "love", item_id="i2", rating=1), says(2, "war"))

    preferences = {each.event_id: each.preference for each in (await worker.state("u1")).ring}

    assert preferences == {"r-0": 1.0, "r-1": -4.0, "r-2": load_weights().actions["statement"].preference}


def test_a_low_rating_without_a_text_pushes_nowhere_and_a_file_may_say_so_of_reviews(tmp_path: Path) -> None:
    file = tmp_path / "weights.toml"
    shipped = Path("stream/events/weights.toml").read_text("utf-8")
    file.write_text(shipped.replace("blame = 4.0", "blame = 0.0"), "utf-8")

    assert load_weights().of("rate", 0.0).preference == 0.0
    assert load_weights().of_review(0.0).preference == -4.0
    assert load_weights().of_review(0.5).preference == load_weights().of("rate", 0.5).preference
    assert load_weights(file).of_review(0.0).preference == 0.0
    file.write_text(shipped.replace("blame = 4.0", "blame = -1.0"), "utf-8")
    with pytest.raises(Misconfigured, match="blame must be 0 to 1000"):
        load_weights(file)


async def test_a_retraction_retracts_what_the_text_made_of_it() -> None:
    review, worker, untouched = says(1, "war love war", item_id="i2"), adjusting(), adjusting()
    for each in (worker, untouched):
        await each.acquires(0)
        await each.takes(click(0))
    await worker.takes(review)
    moved = await worker.long("u1")
    await worker.takes(back(0, review))

    assert not np.allclose(moved, await untouched.long("u1"), atol=1e-3)
    np.testing.assert_allclose(await worker.long("u1"), await untouched.long("u1"), atol=1e-6)


async def test_a_retraction_with_the_event_retracts_the_same_when_nothing_of_it_is_kept() -> None:
    review = says(0, "war love war", item_id="i2", event_time=NOW_MS - 3 * DAY_MS)
    others = [says(1 + n, "music", item_id=f"i{n % 30}", event_time=NOW_MS - n) for n in range(70)]
    worker, untouched = adjusting(), adjusting()
    for each in (worker, untouched):
        await each.acquires(0)
    await worker.takes(review, *others)
    assert all(each.event_id != "r-0" for each in (await worker.state("u1")).texts)
    sent = {"text": "war love war", "item_id": "i2", "event_time": NOW_MS - 3 * DAY_MS}
    await worker.takes(back(0, review, event=sent))
    await untouched.takes(*others)

    assert worker.dead_letters() == []
    np.testing.assert_allclose(await worker.long("u1"), await untouched.long("u1"), atol=1e-5)


async def test_a_retraction_before_its_event_leaves_the_same_as_one_after() -> None:
    review = says(0, "war", item_id="i1")
    after, before = adjusting(), adjusting()
    for each in (after, before):
        await each.acquires(0)
    await after.takes(review)
    await after.takes(back(0, review))
    await before.takes(back(0, review))
    await before.takes(review)

    assert (await after.state("u1")).ring == (await before.state("u1")).ring
    assert (await after.state("u1")).texts == (await before.state("u1")).texts


def test_a_replay_forgives_what_the_batch_of_a_text_may_move_its_preference_by_and_no_more() -> None:
    def state(preference: float, *, written: bool = True) -> UserState:
        review = replace(event("r-1", text="love", preference=preference), text="love" if written else None)
        made = UserState()
        fold(made, review, None, embed_by_words("love"), Bounds())
        return made

    by = Yardstick(Limits(), Added(NOW_MS, 1.0, 1.0), NOW_MS)
    assert differences(state(0.5), state(0.5078125), by) == []
    assert [each.field for each in differences(state(0.5), state(0.53125), by)] == ["ring", "texts"]
    clicks = differences(state(0.5, written=False), state(0.5078125, written=False), by)
    assert [each.field for each in clicks] == ["ring"]
    assert isinstance(state(0.5).texts[0], RecentText)
