"""Merging one user into another, over two owners: what is added, what is passed on, and what if one of them dies."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from serving.ranking.ranker import Ranking
from serving.state.user_state import UserState
from stream.events.outgoing import Outgoing
from stream.events.transfers import OutboundTransfer, Republish, outgoing
from stream.testing import NOW_MS, TOPICS, embed_by_words, record
from tests.support.owners import ANONYMOUS, KNOWN, THIRD, Owners, click, erase, merge, retract
from tests.support.pipeline import live_effects, with_parts

NEW = NOW_MS + 1000


@pytest.fixture
async def owners() -> Owners:
    made = Owners()
    await made.acquire()
    return made


def ring(state: UserState) -> list[str]:
    return [each.event_id for each in state.ring]


async def test_what_was_known_of_both_is_one(owners: Owners) -> None:
    for worker in owners.workers:
        worker.items["love"] = embed_by_words("love")
    await owners.send(click("a", KNOWN), click("b", ANONYMOUS, "love", event_time=NOW_MS - 1000))
    await owners.send(merge("k1", KNOWN, ANONYMOUS))
    await owners.deliver()
    state, alias = await owners.state(KNOWN), await owners.state(ANONYMOUS)
    assert ring(state) == ["b", "a"]
    assert state.event_count == 2
    assert state.long is not None
    assert np.count_nonzero(state.long > 0.3) == 2
    assert (alias.known, alias.alias is not None and alias.alias.held) == (False, False)
    assert owners.told() == ["request", "hand-over", "confirm"]
    assert owners.receipts() == [("k1", "done", "")]
    (first, second) = owners.log.lists(KNOWN)[-2:]
    assert [(each.event_id, each.waiting) for each in first.folded] == [("k1", True)]
    assert [(each.event_id, each.waiting) for each in second.folded] == [("k1", False)]
    assert sorted(each.item_id for each in second.items) == ["i1", "love"]


async def test_what_comes_later_is_passed_on_whole(owners: Owners) -> None:
    await owners.send(merge("k1", KNOWN, ANONYMOUS))
    await owners.deliver()
    await owners.send(click("b", ANONYMOUS), {"user_id": ANONYMOUS, "event_id": "r", "text": "love"})
    await owners.send(click("b", ANONYMOUS))
    await owners.deliver()
    state = await owners.state(KNOWN)
    assert (sorted(ring(state)), state.event_count) == (["b", "r"], 2)
    named = [each for made in owners.log.lists(KNOWN) for each in made.folded if each.event_id == "b"]
    assert [(each.topic, each.partition, each.offset) for each in named] == [(TOPICS.clicks, 1, 0)]
    await owners.send(retract("k2", ANONYMOUS, "b"), retract("k3", KNOWN, "r"))
    await owners.deliver()
    state = await owners.state(KNOWN)
    assert (state.event_count, [each.retracted for each in state.ring]) == (0, [True, True])


async def test_the_pairs_of_what_is_passed_on_count_once_under_where_it_came(owners: Owners) -> None:
    await owners.send(merge("k1", KNOWN, ANONYMOUS))
    await owners.deliver()
    await owners.send(click("b", ANONYMOUS))
    await owners.deliver()
    (covisits,) = owners.workers[0].covisits()
    assert (covisits.topic, covisits.partition) == (TOPICS.transfers, 0)


async def test_what_comes_in_one_batch_with_the_request_is_handed_over_and_not_passed_on(owners: Owners) -> None:
    """Who gets something passed on looks whether the store knows the alias, and that is saved only after the batch."""
    await owners.send(merge("k1", KNOWN, ANONYMOUS))
    (request,) = owners.pending()
    event = record(TOPICS.clicks, click("b", ANONYMOUS), owners.next(TOPICS.clicks, 1), partition=1)
    await owners.take(request, event)
    assert "passed" not in owners.told()
    await owners.deliver()
    assert ring(await owners.state(KNOWN)) == ["b"]


async def test_a_hand_over_that_comes_twice_counts_once(owners: Owners) -> None:
    await owners.send(click("b", ANONYMOUS), merge("k1", KNOWN, ANONYMOUS))
    (request,) = owners.pending()
    await owners.take(request)
    await owners.resend_transfers()
    await owners.resend_transfers()
    await owners.deliver()
    state = await owners.state(KNOWN)
    assert (owners.told().count("hand-over"), state.event_count, ring(state)) == (5, 1, ["b"])
    assert [each[:2] for each in owners.receipts()] == [("k1", "done")]


async def test_an_owner_that_died_before_it_handed_over_is_asked_again(owners: Owners) -> None:
    await owners.send(click("b", ANONYMOUS), merge("k1", KNOWN, ANONYMOUS))
    (request,) = owners.pending()
    owners.log.refuses = lambda out: out.topic == TOPICS.transfers
    with pytest.raises(Exception, match="refuse"):
        await owners.workers[1].pipeline.process([request])
    owners.log.refuses = lambda _: False
    await owners.workers[1].acquires(1)
    held = await owners.state(ANONYMOUS)
    assert held.alias is not None
    assert (held.alias.held, ring(held)) == (True, ["b"])
    await owners.send(click("c", ANONYMOUS))
    await owners.resend_transfers()
    await owners.deliver()
    assert sorted(ring(await owners.state(KNOWN))) == ["b", "c"]


async def test_what_was_handed_over_before_the_store_was_put_back_is_counted_anew(owners: Owners) -> None:
    """An old hand-over that is read again does not count: its owner is none who handed anything over."""
    await owners.send(click("b", ANONYMOUS), merge("k1", KNOWN, ANONYMOUS))
    (request,) = owners.pending()
    await owners.take(request)
    (handed,) = [each for each in owners.pending() if each.partition == 0]
    fresh = Owners()
    await fresh.acquire()
    offset = fresh.next(TOPICS.transfers, 0)
    await fresh.take(record(TOPICS.transfers, handed.value, offset, key=handed.key, headers=handed.headers))
    assert not (await fresh.state(KNOWN)).known
    await fresh.send(merge("k1", KNOWN, ANONYMOUS), click("b", ANONYMOUS))
    await fresh.deliver()
    state = await fresh.state(KNOWN)
    assert (ring(state), state.event_count) == (["b"], 1)


async def test_a_chain_has_length_one(owners: Owners) -> None:
    await owners.send(click("a", KNOWN), click("b", ANONYMOUS), click("c", THIRD))
    await owners.send(merge("k1", KNOWN, ANONYMOUS))
    await owners.deliver()
    await owners.send(merge("k2", THIRD, KNOWN))
    await owners.deliver()
    alias = (await owners.state(ANONYMOUS)).alias
    assert alias is not None
    assert alias.target == THIRD
    await owners.send(click("d", ANONYMOUS))
    await owners.deliver()
    assert sorted(ring(await owners.state(THIRD))) == ["a", "b", "c", "d"]


async def test_a_merge_into_an_alias_is_one_into_its_target(owners: Owners) -> None:
    await owners.send(click("c", THIRD), merge("k1", KNOWN, ANONYMOUS))
    await owners.deliver()
    await owners.send(merge("k2", ANONYMOUS, THIRD))
    await owners.deliver()
    assert ring(await owners.state(KNOWN)) == ["c"]
    assert [each[:2] for each in owners.receipts()] == [("k1", "done"), ("k2", "done")]


@pytest.mark.parametrize("crossing", [False, True])
async def test_a_circle_is_refused(owners: Owners, crossing: bool) -> None:
    await owners.send(click("a", KNOWN), click("b", ANONYMOUS))
    await owners.send(merge("k1", KNOWN, ANONYMOUS))
    if not crossing:
        await owners.deliver()
    await owners.send(merge("k2", ANONYMOUS, KNOWN), merge("k3", KNOWN, KNOWN))
    for _ in range(3):
        await owners.deliver()
        await owners.resend_transfers()
    await owners.deliver()
    state = await owners.state(KNOWN)
    assert (sorted(ring(state)), state.event_count) == (["a", "b"], 2)
    assert sorted(set(owners.receipts())) == [
        ("k1", "done", ""),
        ("k2", "refused", "merge_cycle"),
        ("k3", "refused", "merge_cycle"),
    ]
    assert owners.workers[0].dead_letters()[0][0] == "merge_cycle"


async def test_the_list_of_a_merged_user_is_nobodys_any_more(owners: Owners) -> None:
    """A null follows it once the other has what it was made from, also where a frozen worker sent it late."""
    await owners.send(click("a", KNOWN), click("b", ANONYMOUS), merge("k1", KNOWN, ANONYMOUS))
    (late,) = [each for each in owners.log.on(TOPICS.recommendations) if each.key == ANONYMOUS.encode()]
    await owners.deliver()
    under = [each.value for each in owners.log.on(TOPICS.recommendations) if each.key == ANONYMOUS.encode()]
    assert under == [late.value, None]
    await owners.send(click("c", ANONYMOUS))
    await owners.deliver()
    republish = outgoing(TOPICS.transfers, OutboundTransfer(Republish(to=ANONYMOUS, folded=[])))
    await owners.log.send([late, republish])
    await owners.deliver()
    under = [each.value for each in owners.log.on(TOPICS.recommendations) if each.key == ANONYMOUS.encode()]
    assert under == [late.value, None, late.value, None]
    assert owners.log.lists(KNOWN)[-1].folded[-1].event_id == "c"


async def test_who_was_merged_into_another_is_refused(owners: Owners) -> None:
    await owners.send(merge("k1", KNOWN, ANONYMOUS))
    await owners.deliver()
    await owners.send(merge("k2", THIRD, ANONYMOUS))
    await owners.deliver()
    assert [each[:2] for each in owners.receipts()] == [("k1", "done"), ("k2", "refused")]
    assert (await owners.state(THIRD)).merges == []


@pytest.mark.parametrize("whom", [KNOWN, ANONYMOUS])
@pytest.mark.parametrize("moment", ["before the hand-over", "after it"])
async def test_erasing_either_erases_both(owners: Owners, whom: str, moment: str) -> None:
    await owners.send(click("a", KNOWN), click("b", ANONYMOUS), merge("k1", KNOWN, ANONYMOUS))
    if moment == "after it":
        await owners.deliver()
    await owners.send(erase("k2", whom), timestamp_ms=NEW)
    await owners.deliver()
    await owners.resend_transfers()
    await owners.deliver()
    for user in (KNOWN, ANONYMOUS):
        state = await owners.state(user)
        assert (state.known, state.alias, state.merges, state.erased_ms) == (False, None, [], NEW), user
    await owners.send(click("a", KNOWN), click("b", ANONYMOUS), merge("k1", KNOWN, ANONYMOUS))
    await owners.deliver()
    assert not (await owners.state(KNOWN)).known
    assert not (await owners.state(ANONYMOUS)).known
    for number in (0, 1):
        assert await owners.workers[number].store.waiting(number) == []
    await owners.send(click("e", ANONYMOUS), timestamp_ms=NEW + 1)
    assert ring(await owners.state(ANONYMOUS)) == ["e"]


@pytest.mark.parametrize("whom", [KNOWN, ANONYMOUS])
async def test_an_erasure_is_told_to_the_other_until_it_is_heard(owners: Owners, whom: str) -> None:
    """Given an erasure whose messages are lost, as their topic keeps them for a day, then the other is asked again."""
    await owners.send(click("a", KNOWN), click("b", ANONYMOUS), merge("k1", KNOWN, ANONYMOUS))
    await owners.deliver()
    other = ANONYMOUS if whom == KNOWN else KNOWN
    await owners.send(erase("k2", whom), timestamp_ms=NEW)
    for _ in range(2):
        assert owners.pending() != [], "lost"
        await owners.resend_transfers()
    assert (await owners.state(whom)).known is False
    assert (await owners.state(other)).erased_ms == 0
    await owners.deliver()
    assert [(await owners.state(user)).erased_ms for user in (KNOWN, ANONYMOUS)] == [NEW, NEW]
    await owners.send(click("c", whom), timestamp_ms=NEW + 1)
    assert ring(await owners.state(whom)) == ["c"], "of after it"
    await owners.resend_transfers()
    assert owners.pending() == []
    await owners.send(erase("k3", whom), timestamp_ms=NEW + 2)
    await owners.deliver()
    stored = [owners.workers[0].store._stored[number].records for number in (0, 1)]
    assert stored == [{}, {}], "nothing is left of either, once both have heard"


async def test_whoever_is_merged_after_an_erasure_still_tells_of_it(owners: Owners) -> None:
    """The two are strangers by then, so it is not the new target's to tell."""
    await owners.send(merge("k1", KNOWN, ANONYMOUS))
    await owners.deliver()
    await owners.send(erase("k2", KNOWN), timestamp_ms=NEW)
    owners.pending()
    await owners.send(merge("k3", THIRD, KNOWN), timestamp_ms=NEW + 1)
    await owners.deliver()
    assert [each.command_id for each in (await owners.state(THIRD)).merges] == ["k3"]
    await owners.resend_transfers()
    await owners.deliver()
    assert (await owners.state(ANONYMOUS)).erased_ms == NEW
    assert (await owners.state(KNOWN)).merges == []
    assert (await owners.state(THIRD)).erased_ms == 0


async def test_a_retraction_that_waits_finds_its_event_with_the_other(owners: Owners) -> None:
    await owners.send(click("b", ANONYMOUS), retract("k1", KNOWN, "b"))
    await owners.send(merge("k2", KNOWN, ANONYMOUS))
    await owners.deliver()
    state = await owners.state(KNOWN)
    assert (state.retractions, state.event_count, [each.retracted for each in state.ring]) == ([], 0, [True])


async def test_what_waits_for_an_item_waits_with_the_target(owners: Owners) -> None:
    await owners.send(click("b", ANONYMOUS, "soon"), merge("k1", KNOWN, ANONYMOUS))
    await owners.deliver()
    for worker in owners.workers:
        worker.items["soon"] = embed_by_words("war")
        await worker.pipeline.on_items_available(["soon"])
    assert ring(await owners.state(KNOWN)) == ["b"]
    assert not (await owners.state(ANONYMOUS)).pending


async def test_a_list_that_came_late_is_published_again_by_who_owns_the_user(owners: Owners) -> None:
    """Another worker takes over, and publishes, just while the first one's list is on its way."""
    late, owner = owners.workers
    late.items["love"] = owner.items["love"] = embed_by_words("love")
    rank = live_effects(late.pipeline).ranker

    def while_the_worker_is_frozen(users: Sequence[str], states: Sequence[UserState]) -> Sequence[Ranking]:
        taken_over.set()
        return rank(users, states)

    taken_over = asyncio.Event()
    frozen = with_parts(late.pipeline, ranker=while_the_worker_is_frozen, late_after_s=0.0)
    send = late.log.send

    async def slow(records: Sequence[Outgoing]) -> None:
        if taken_over.is_set() and any(each.topic == TOPICS.recommendations for each in records):
            taken_over.clear()
            await owner.acquires(0)
            await owner.takes(record(TOPICS.clicks, click("b", KNOWN, "love"), 1))
        await send(records)

    late.log.send = slow  # type: ignore[method-assign]
    await frozen.process([record(TOPICS.clicks, click("a", KNOWN), 0)])
    late.log.send = send  # type: ignore[method-assign]
    assert len(late.log.lists(KNOWN)[-1].items) == 1, "the older list stands last"
    for each in owners.pending():
        await owner.takes(each)
    assert len(owner.log.lists(KNOWN)[-1].items) == 2
    versions = [made.version for made in owner.log.lists(KNOWN)]
    assert versions[-1] == max(versions)
