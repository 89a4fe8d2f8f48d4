"""Laws of a burst: what its pairs tell of its user is what they would tell one by one."""

import asyncio
from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.messages import CoVisitEvent
from serving.state.history import unpack
from serving.state.user_state import SEEN, UserState, item_hash
from stream.events.decoder import Event
from stream.events.records import Record
from stream.interest.fold import Bounds
from stream.interest.interaction_context import Burst, InteractionContext, context_of
from stream.processing.batch import Limits
from stream.testing import NOW_MS, TOPICS, embed_by_words, record
from tests.support.events import event, take
from tests.support.pipeline import FakeWorker

ITEMS = [f"i{n}" for n in range(12)]
SPACE = embed_by_words("space")
Told = tuple[list[str], list[int], dict[int, float]]


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    """One user's events: mostly in order, some late; on items or none, some that link nothing, or are not seen."""
    made = []
    for n in range(draw(st.integers(1, 40))):
        item = draw(st.sampled_from([*ITEMS, None]))
        preference, pair = draw(st.sampled_from([(1.0, 0.5), (0.1, 0.2), (-1.0, 0.0), (0.0, 0.5)]))
        text = "love" if item is None else draw(st.sampled_from([None, None, "war"]))
        time_ms = NOW_MS + 1000 * n - draw(st.sampled_from([0, 0, 0, 0, 0, 1, 2500, 50_000]))
        seen = draw(st.sampled_from([True, True, False]))
        made.append(event(f"e{n}", item, time_ms=time_ms, preference=preference, covisit=pair, text=text, seen=seen))
    return made


def told(ring: Sequence[tuple[str, float]], gaps_s: Sequence[int], older_items: str) -> Told:
    """What a context says; the items before the ring have no order, and the ring's weights are the codec's."""
    before = unpack(older_items)
    return (
        [item for item, _ in ring],
        list(gaps_s),
        dict(zip(before.items.tolist(), before.strengths.tolist(), strict=True)),
    )


def with_past(items: int) -> UserState:
    """A user who has seen so many items long ago, some of which link nothing."""
    rows = [(item_hash(f"old-{n}"), 1_000 + n % 50, 1, 0, 20 * (n % 7 > 0)) for n in range(items)]
    return UserState(seen=np.array(rows, SEEN))


@settings(max_examples=300)
@given(
    log=events(),
    past=st.sampled_from([0, 3, 230]),
    bounds=st.sampled_from([Bounds(), Bounds(ring=4), Bounds(ring=4, seen=5), Bounds(seen=8), Bounds(seen=231)]),
)
def test_context_is_followed_as_it_would_be_made(log: list[Event], past: int, bounds: Bounds) -> None:
    """Given any events of one user, then after each the context that was followed is the one made from the state."""
    state, burst = with_past(past), Burst(short=1)
    for each in log:
        followed: InteractionContext = burst.context_of(state)
        assert told(*followed) == told(*context_of(state))
        take(state, each, SPACE if each.item_id else None, bounds)
        burst.follow(state)


def sent(log: list[Record], cuts: set[int]) -> dict[int, tuple[str, float, Told]]:
    """The pairs that a worker sends of records cut into batches at some places."""

    async def run() -> list[CoVisitEvent]:
        worker = FakeWorker(limits=Limits(Bounds(seen=9)))
        await worker.acquires(0)
        ends = sorted({*cuts, len(log)} - {0})
        for first, last in zip([0, *ends[:-1]], ends, strict=True):
            await worker.takes(*log[first:last])
        return [pair for message in worker.covisits() for pair in message.events]

    pairs = asyncio.run(run())
    return {each.offset: (each.item_id, each.covisit, told(each.ring, each.gaps_s, each.older_items)) for each in pairs}


@st.composite
def records(draw: st.DrawFn) -> list[Record]:
    """What comes of one user on one topic: clicks in and out of order, twice, on unknown items, impressions."""
    made = []
    for n in range(draw(st.integers(2, 30))):
        body = {
            "event_id": f"c-{draw(st.sampled_from([n, n, n, max(n - 1, 0)]))}",
            "user_id": "u1",
            "item_id": draw(st.sampled_from([*ITEMS, "unknown"])),
            "type": draw(st.sampled_from(["click", "click", "click", "purchase", "dismiss", "impression"])),
            "event_time": NOW_MS + 1000 * n - draw(st.sampled_from([0, 0, 0, 4000])),
        }
        made.append(record(TOPICS.clicks, body, n, timestamp_ms=NOW_MS + 1000 * n))
    return made


@settings(max_examples=60)
@given(log=records(), cuts=st.sets(st.integers(1, 29), max_size=4))
def test_a_burst_sends_the_pairs_of_its_events(log: list[Record], cuts: set[int]) -> None:
    """Given a user's records, then the pairs on covisits.v1 are the same in one batch as one by one, or cut anyhow."""
    one_by_one = sent(log, set(range(1, len(log))))
    assert sent(log, set()) == one_by_one
    assert sent(log, {cut for cut in cuts if cut < len(log)}) == one_by_one
