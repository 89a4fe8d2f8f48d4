"""The owner learns from pairs, at most so often; the others take its weights over."""

import asyncio
import binascii
from typing import cast

import numpy as np
import pytest

from penchant.errors import BrokenState
from penchant.messages import CoVisitEvent
from serving.catalogue import Catalogue
from serving.ranking.learning.signals import Signal
from serving.ranking.popularity import Popularity
from serving.ranking.ranker import Ranker
from serving.state.history import OlderItems, older_items
from stream.store.shared_blend import SharedBlend
from stream.tasks.blend_learning import BlendLearner, before
from tests.support.states import pack_older_items
from tests.unit.serving.ranking.test_ranker import catalogue


class FakeBlend:
    """Weights that any worker reads, and its owner writes."""

    def __init__(self, packed: bytes | None = None, *, owned: bool = True) -> None:
        self.packed = packed
        self.owned = owned
        self.asked, self.written = asyncio.Event(), asyncio.Event()

    async def read(self) -> bytes | None:
        self.asked.set()
        return self.packed

    async def write(self, packed: bytes) -> bool:
        if self.owned:
            self.packed = packed
            self.written.set()
        return self.owned


async def exchange(learner: BlendLearner, stored: FakeBlend) -> None:
    await learner.exchange(cast("SharedBlend", stored))


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
    stored = FakeBlend()
    await exchange(learns, stored)
    assert stored.packed is None, "nothing was learned yet: what an owner before wrote must not be lost"
    for pair in pairs_of(items, 20):
        learns.learn([pair])

    await exchange(learns, stored)
    await exchange(reads, stored)

    assert other.blend.pack() == owner.blend.pack()
    anew, goes_on = made(items, mine=True)
    await exchange(goes_on, stored)
    assert anew.blend.steps == 20, "an owner that begins takes over what the last one learned"


async def test_what_the_store_refused_is_written_later(items: Catalogue) -> None:
    """Given a worker that takes itself for the owner, then the owner's weights stay; its own go out once it is."""
    owner, learns = made(items, mine=True)
    for pair in pairs_of(items, 3):
        learns.learn([pair])
    stored = FakeBlend(b"the owner's", owned=False)

    await exchange(learns, stored)
    assert stored.packed == b"the owner's"

    stored.owned = True
    await exchange(learns, stored)
    assert stored.packed == owner.blend.pack()


async def test_weights_that_were_altered_are_not_taken(items: Catalogue) -> None:
    ranker, reads = made(items, mine=False)
    before_it = ranker.blend.pack()

    with pytest.raises(BrokenState):
        await exchange(reads, FakeBlend(b"nonsense"))

    assert ranker.blend.pack() == before_it


async def test_an_owner_begins_anew_where_the_blend_was_of_other_parts(
    items: Catalogue, caplog: pytest.LogCaptureFixture
) -> None:
    """Given the weights of a Penchant with a part less, then that is logged, and the first learned replace them."""
    ranker, learns = made(items, mine=True)
    body = np.zeros(1 + 4 * (len(Signal) - 1)).astype("<f8").tobytes()
    stored = FakeBlend(binascii.crc32(body).to_bytes(4, "little") + body)
    sharing = asyncio.create_task(learns.share(cast("SharedBlend", stored), every_s=0.001))
    async with asyncio.timeout(120):
        await stored.asked.wait()
        assert "another version of Penchant; this worker goes on with its own" in caplog.text
        for pair in pairs_of(items, 3):
            learns.learn([pair])
        await stored.written.wait()

    sharing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sharing
    assert stored.packed == ranker.blend.pack()
    assert ranker.blend.steps == 3
