"""The owner learns from pairs, at most so often; the others take its weights over."""

import asyncio
import binascii
from typing import cast

import numpy as np
import pytest
from redis.asyncio import Redis

from penchant.errors import BrokenState
from penchant.messages import CoVisitEvent
from serving.catalogue import Catalogue
from serving.ranking.learning.signals import Signal
from serving.ranking.popularity import Popularity
from serving.ranking.ranker import Ranker
from serving.state.history import OlderItems, older_items
from stream.tasks.blend_learning import BlendLearner, before
from tests.support.states import pack_older_items
from tests.unit.serving.ranking.test_ranker import catalogue


class FakeRedis:
    """A store of one key, as redis' client answers."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    async def set(self, key: str, value: bytes) -> None:
        self.kept[key] = value


class WatchedRedis(FakeRedis):
    """One that tells when it was asked, and when it was written to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.written = asyncio.Event(), asyncio.Event()

    async def get(self, key: str) -> bytes | None:
        self.asked.set()
        return await super().get(key)

    async def set(self, key: str, value: bytes) -> None:
        await super().set(key, value)
        self.written.set()


EARLIER = OlderItems(np.array([7, 9], np.uint32), np.array([0.2, 1.0], np.float32))


def pairs_of(items: Catalogue, n: int) -> list[CoVisitEvent]:
    """Users who stay with their genre."""
    random = np.random.default_rng(5)
    found = []
    for offset in range(n):
        one, other = random.integers(0, len(items) // 4, 2) * 4 + random.integers(4)
        found.append(CoVisitEvent(offset, items.ids[one], 1.0, [(items.ids[other], 1.0)]))
    return found


@pytest.fixture
def items() -> Catalogue:
    return catalogue()


def made(items: Catalogue, *, mine: bool, apart_s: float = 0.0, share: float = 1.0) -> tuple[Ranker, BlendLearner]:
    ranker = Ranker(items, Popularity())
    return ranker, BlendLearner(ranker, items, lambda: mine, apart_s, share)


def test_a_pair_tells_of_a_ring() -> None:
    state = before(CoVisitEvent(7, "c", 1.0, [("b", 0.5), ("a", 0.2)], [0, 30], pack_older_items(EARLIER)))

    assert [(event.item_id, event.covisit) for event in state.ring] == [("a", 0.2), ("b", 0.5)]
    assert state.ring == sorted(state.ring, key=lambda event: event.order)
    assert state.ring[1].time_ms - state.ring[0].time_ms == pytest.approx(30_000, abs=20)
    told = older_items(state)
    assert (told.items.tolist(), told.strengths.tolist()) == (EARLIER.items.tolist(), EARLIER.strengths.tolist())


def test_the_owner_learns_and_no_other_worker_does(items: Catalogue) -> None:
    (owner, learns), (other, does_not) = made(items, mine=True), made(items, mine=False)
    first = owner.blend.at(1.0)[Signal.CONTENT]

    for pair in pairs_of(items, 200):
        learns.learn([pair])
        does_not.learn([pair])

    assert owner.blend.steps == 200
    assert owner.blend.at(1.0)[Signal.CONTENT] > first, "users stay with their genre"
    assert other.blend.steps == 0


def test_steps_are_apart(items: Catalogue) -> None:
    ranker, learns = made(items, mine=True, apart_s=3600.0)

    for pair in pairs_of(items, 5):
        learns.learn([pair])

    assert ranker.blend.steps == 1


def test_steps_take_a_share_of_the_time(items: Catalogue) -> None:
    """Given steps that take as long as they like, when pairs pour in, then the rest of the time is for others."""
    ranker, learns = made(items, mine=True, share=1e-6)

    learns.learn(pairs_of(items, 50))

    assert ranker.blend.steps == 1


def test_what_time_saved_up_is_learned_at_once(items: Catalogue) -> None:
    """Given pairs that come together, then as many are learned as there was time for, and no more than may follow."""
    ranker, learns = made(items, mine=True, apart_s=0.04)

    learns.learn(pairs_of(items, 50))

    assert 2 <= ranker.blend.steps < 50


def test_nothing_is_learned_from_what_is_not_known(items: Catalogue) -> None:
    ranker, learns = made(items, mine=True)

    learns.learn([])
    learns.learn([CoVisitEvent(0, "never heard of", 1.0, [(items.ids[0], 1.0)])])
    assert ranker.blend.steps == 0


def test_the_first_event_of_a_user_teaches_what_to_show_to_whom_nobody_knows(items: Catalogue) -> None:
    popularity = Popularity()
    popularity.add(0, 1.0)
    ranker = Ranker(items, popularity)
    learns = BlendLearner(ranker, items, lambda: True)
    known, unknown = ranker.blend.at(1.0), ranker.blend.unknown()

    learns.learn([CoVisitEvent(1, items.ids[0], 1.0, [])])

    assert ranker.blend.steps == 1
    assert np.array_equal(ranker.blend.at(1.0), known)
    assert (ranker.blend.unknown() > unknown).any()


async def test_the_others_take_over_what_the_owner_wrote(items: Catalogue) -> None:
    (owner, learns), (other, reads) = made(items, mine=True), made(items, mine=False)
    redis = FakeRedis()
    await learns.exchange(redis, "blend")
    assert not redis.kept, "nothing was learned yet: what an owner before wrote must not be lost"
    for pair in pairs_of(items, 20):
        learns.learn([pair])

    await learns.exchange(redis, "blend")
    await reads.exchange(redis, "blend")

    assert other.blend.pack() == owner.blend.pack()
    anew, goes_on = made(items, mine=True)
    await goes_on.exchange(redis, "blend")
    assert anew.blend.steps == 20, "an owner that begins takes over what the last one learned"


async def test_weights_that_were_altered_are_not_taken(items: Catalogue) -> None:
    ranker, reads = made(items, mine=False)
    before_it = ranker.blend.pack()

    with pytest.raises(BrokenState):
        await reads.exchange(_altered(), "blend")

    assert ranker.blend.pack() == before_it


async def test_an_owner_begins_anew_where_the_blend_was_of_other_parts(
    items: Catalogue, caplog: pytest.LogCaptureFixture
) -> None:
    """Given the weights of a Penchant with a part less, then that is logged, and the first learned replace them."""
    ranker, learns = made(items, mine=True)
    redis = WatchedRedis()
    body = np.zeros(1 + 4 * (len(Signal) - 1)).astype("<f8").tobytes()
    redis.kept["blend"] = binascii.crc32(body).to_bytes(4, "little") + body
    sharing = asyncio.create_task(learns.share(cast("Redis", redis), "blend", every_s=0.001))
    async with asyncio.timeout(10):
        await redis.asked.wait()
        assert "another version of Penchant; this worker goes on with its own" in caplog.text
        for pair in pairs_of(items, 3):
            learns.learn([pair])
        await redis.written.wait()

    sharing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sharing
    assert redis.kept["blend"] == ranker.blend.pack()
    assert ranker.blend.steps == 3


def _altered() -> FakeRedis:
    redis = FakeRedis()
    redis.kept["blend"] = b"nonsense"
    return redis


def test_one_visits_view_cart_and_purchase_are_no_repeat() -> None:
    """Given an item bought a month ago, viewed and put into the cart now, then the purchase repeats the first alone."""
    ring, gaps_s = [("i1", 0.7), ("i1", 0.2), ("i2", 1.0), ("i1", 1.0)], [0, 60, 90, 30 * 86_400]
    bought = CoVisitEvent(0, "i1", 1.0, ring, gaps_s, same_visit=True)

    assert [each.item_id for each in before(bought).ring] == ["i1", "i2"]
    assert len(before(CoVisitEvent(0, "i1", 1.0, ring, gaps_s)).ring) == 4
