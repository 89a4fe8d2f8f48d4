"""Lists judged by what users take next: what counts as a trial, what as a hit, and what is forgotten."""

import tracemalloc
from array import array

import pytest

from stream.monitoring.list_cache import CachedList, ListCache
from stream.testing import TOPICS, record
from tests.support.evaluated_workers import EvaluatedWorker
from tests.support.pipeline import FakeWorker, click, says

LISTED = [f"i{n}" for n in range(20)]


@pytest.fixture
async def evaluated() -> EvaluatedWorker:
    """A worker that sends i0 to i19 to everybody."""
    made = EvaluatedWorker(LISTED)
    await made.acquires(0)
    return made


async def test_an_event_is_looked_for_in_the_first_ten_of_the_list_before_it(evaluated: EvaluatedWorker) -> None:
    await evaluated.takes(click(0, "i25"))
    assert evaluated.trials_and_hits() == (0, 0), "there was no list yet"
    assert evaluated.value("penchant_list_unjudged_total") == 1

    await evaluated.takes(click(1, "i9"))
    assert evaluated.trials_and_hits() == (1, 1), "the tenth place"
    await evaluated.takes(click(2, "i10"))
    assert evaluated.trials_and_hits() == (2, 1), "the eleventh place"
    await evaluated.takes(click(3, "i29"))
    assert evaluated.trials_and_hits() == (3, 1), "not on the list"


async def test_places_are_those_on_the_list_that_stood_before(evaluated: EvaluatedWorker) -> None:
    await evaluated.takes(click(0, "i25"))
    evaluated.listed = LISTED[::-1]
    await evaluated.takes(click(1, "i2"))
    await evaluated.takes(click(2, "i19"))
    by = {"experiment": "", "variant": ""}
    assert evaluated.value("penchant_list_rank_sum", **by) == 3 + 1
    assert evaluated.value("penchant_list_rank_count", **by) == 2


async def test_what_the_list_could_not_have_had_is_no_trial(evaluated: EvaluatedWorker) -> None:
    """Seen before, not on offer, blocked by a rule, without a vector, or a second time in one batch."""
    await evaluated.takes(click(0, "i1"))
    await evaluated.takes(click(1, "i1"))
    await evaluated.takes(click(2, "unheard-of"))
    evaluated.blocked.add(evaluated.catalogue.row("i3"))
    await evaluated.takes(click(3, "i3"))
    evaluated.catalogue.remove("i4")
    await evaluated.takes(click(4, "i4"))
    assert evaluated.trials_and_hits() == (0, 0)
    await evaluated.takes(click(5, "i5"), click(6, "i5"))
    assert evaluated.trials_and_hits() == (1, 1)


async def test_where_things_are_bought_again_only_the_dismissed_could_not_have_been_listed() -> None:
    shop = EvaluatedWorker(LISTED, seen="down")
    await shop.acquires(0)
    await shop.takes(click(0, "i1", type="purchase"), click(1, "i2", type="dismiss"))
    await shop.takes(click(2, "i1", type="purchase"))
    await shop.takes(click(3, "i2", type="purchase"))
    assert shop.trials_and_hits() == (1, 1)


async def test_only_what_is_new_and_links_items_counts(evaluated: EvaluatedWorker) -> None:
    """Not a duplicate, a dismissal, an impression, a statement, nor what is retracted before it comes."""
    await evaluated.takes(click(0, "i1"))
    await evaluated.takes(click(1, "i2", event_id="c-0"), click(2, "i2", type="dismiss"), says(0, "love"))
    assert await evaluated.takes(click(3, "i4", type="impression")) == []
    retract = {"type": "retract", "command_id": "t", "user_id": "u1", "event_id": "c-4"}
    await evaluated.takes(record(TOPICS.commands, retract, 0))
    await evaluated.takes(click(4, "i5"))
    assert evaluated.trials_and_hits() == (0, 0)


async def test_what_comes_again_after_a_crash_counts_once(evaluated: EvaluatedWorker) -> None:
    await evaluated.takes(click(0, "i25"))
    await evaluated.takes(click(1, "i1"))
    await evaluated.takes(click(1, "i1"))
    assert evaluated.trials_and_hits() == (1, 1)


async def test_answers_are_counted_by_place_source_and_path(evaluated: EvaluatedWorker) -> None:
    (made,) = await evaluated.takes(click(0, "i25"))
    await evaluated.takes(click(1, "i2", list_version=made.version, position=3))
    by = {"position": "2-3", "source": "covisit", "path": "live"}
    assert evaluated.value("penchant_list_answers_total", **by) == 1

    await evaluated.takes(click(2, "i7", list_version=made.version, position=8))
    by = {"position": "4-10", "source": "unknown", "path": "unknown"}
    assert evaluated.value("penchant_list_answers_total", **by) == 1, "a newer list stands, the old one is gone"
    await evaluated.takes(click(3, "i8"))
    assert evaluated.value("penchant_list_answers_total", **by) == 1, "it names no list"


async def test_squares_by_user_add_up(evaluated: EvaluatedWorker) -> None:
    """u1 has three trials and two hits, u2 one and none: 9 + 1, 4 + 0, 6 + 0."""
    await evaluated.takes(click(0, "i25"), click(1, "i25", "u2"))
    for offset, item, user in ((2, "i1", "u1"), (3, "i11", "u1"), (4, "i2", "u1"), (5, "i12", "u2")):
        await evaluated.takes(click(offset, item, user))
    by = {"experiment": "", "variant": ""}
    found = {of: evaluated.value("penchant_list_squares_total", of=of, **by) for of in ("trials", "hits", "both")}
    assert found == {"trials": 10, "hits": 4, "both": 6}
    assert evaluated.trials_and_hits() == (4, 2)


async def test_coverage_is_the_share_of_what_is_on_offer_that_late_lists_had_at_their_top(
    evaluated: EvaluatedWorker,
) -> None:
    assert evaluated.value("penchant_list_coverage") == 0
    await evaluated.takes(click(0, "i25"))
    assert evaluated.value("penchant_list_coverage") == pytest.approx(10 / 30)
    evaluated.listed = LISTED[5:]
    await evaluated.takes(click(1, "i26"))
    assert evaluated.value("penchant_list_coverage") == pytest.approx(15 / 30)
    evaluated.catalogue.remove("i0")
    assert evaluated.value("penchant_list_coverage") == pytest.approx(14 / 29)


async def test_an_erased_user_leaves_nothing_behind(evaluated: EvaluatedWorker) -> None:
    await evaluated.takes(click(0, "i25"), click(1, "i25", "u2"))
    assert "u1" in evaluated.live.lists
    erase = {"type": "erase", "command_id": "e", "user_id": "u1"}
    await evaluated.takes(record(TOPICS.commands, erase, 0))
    assert "u1" not in evaluated.live.lists
    assert "u2" in evaluated.live.lists
    evaluated.live.lists.forget("u2")
    assert evaluated.live.lists.bytes == 0


async def test_a_list_that_another_worker_made_since_is_not_judged_by_mine(evaluated: EvaluatedWorker) -> None:
    await evaluated.takes(click(0, "i25"))
    other = FakeWorker(beside=evaluated)
    await other.acquires(0)
    await other.takes(click(1, "i26"))
    await evaluated.acquires(0)
    await evaluated.takes(click(2, "i1"))
    assert evaluated.trials_and_hits() == (0, 0)
    assert evaluated.value("penchant_list_unjudged_total") == 2


def entry(partition: int = 0, n: int = 20) -> CachedList:
    return CachedList(partition, 1, "live", "", array("i", range(n)), bytes(n))


def test_users_of_partitions_that_went_to_another_worker_are_dropped() -> None:
    lists = ListCache()
    lists.keep({0, 1})
    lists.put("a", entry(0))
    lists.put("b", entry(1))
    lists.keep({1, 2})
    assert ("a" in lists, "b" in lists) == (False, True)
    lists.keep(set())
    assert (len(lists), lists.bytes) == (0, 0)


def test_memory_is_bounded_and_what_is_said_of_it_holds() -> None:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        lists = ListCache(most_bytes=2_000_000)
        for n in range(5_000):
            lists.put(f"user-{n:016d}", entry())
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.5 * lists.bytes < taken <= lists.bytes <= 2_000_000
    assert "user-0000000000004999" in lists, "the newest stay"
    assert "user-0000000000000000" not in lists


def test_who_had_a_list_lately_stays() -> None:
    lists = ListCache(most_bytes=2_200)
    for user in ("a", "b", "a", "c", "d"):
        lists.put(user, entry())
    assert ("a" in lists, "b" in lists, "c" in lists, "d" in lists) == (True, False, True, True)
