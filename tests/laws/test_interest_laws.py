"""Laws of the fold, tried through the codec with a save after every batch: what stands in a store is what is tested.

Tolerance: `TOLERANCE` of the sum of |preference| as decayed to the reference time. A save rounds to 2**-24 of the
largest component, so 80 saves stay below 5e-6, and float32 sums of 80 unit vectors below that again.
"""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.state.user_state import LANGUAGES, EventKind, UserState, Vector, decode, encode, item_hash
from stream.events.decoder import Event
from stream.events.weights import Weight, load_weights
from stream.interest.fold import Bounds, FoldResult, add
from stream.testing import FINGERPRINT, NOW_MS, TOPICS, WORDS, embed_by_words, record
from tests.support.events import event, take
from tests.support.pipeline import FakeWorker

TOLERANCE = 1e-5
HOUR_MS, DAY_MS, YEAR_MS = 3_600_000, 86_400_000, 31_557_600_000
ITEMS = {f"i{n}": embed_by_words(f"{WORDS[n % 8]} {WORDS[(3 * n + 1) % 8]}") for n in range(12)}
HALF_LIVES_MS = (HOUR_MS, DAY_MS, 30 * DAY_MS, 36_500 * DAY_MS, 12_345_678)

half_lives = st.sampled_from(HALF_LIVES_MS)
gaps = st.one_of(st.integers(0, 5000), st.integers(0, 60 * DAY_MS), st.integers(0, 30 * YEAR_MS))
preferences = st.sampled_from([weight.preference for weight in load_weights().actions.values()])


@st.composite
def logs(draw: st.DrawFn, most: int = 40) -> list[Event]:
    """Distinct events of one user: likes, dismissals, reviews, statements, at times up to 30 years apart."""
    count = draw(st.integers(1, most))
    events = []
    for n in range(count):
        item = draw(st.none() | st.sampled_from(sorted(ITEMS)))
        text = draw(st.sampled_from(WORDS)) if item is None else draw(st.none() | st.sampled_from(WORDS))
        preference, covisit = draw(preferences), draw(st.sampled_from([0.0, 0.5, 1.0]))
        if item is None and not covisit:
            preference = preference or 1.0  # what counts for nothing leaves no trace: there is nothing to test
        made = event(f"e{n}", item, time_ms=NOW_MS - draw(gaps), preference=preference, covisit=covisit, text=text)
        events.append(replace(made, language=draw(st.sampled_from(LANGUAGES))))
    return events


def saved(state: UserState) -> UserState:
    return decode(encode(state, FINGERPRINT), FINGERPRINT)


def vector_of(each: Event) -> Vector:
    item = ITEMS.get(each.item_id or "")
    text = embed_by_words(each.text) if each.text is not None else None
    both = [vector for vector in (item, text) if vector is not None]
    return both[0] if len(both) == 1 else np.float32(0.5) * (both[0] + both[1])


def online(batches: Sequence[Sequence[Event]], bounds: Bounds) -> UserState:
    state = UserState()
    for batch in batches:
        for each in batch:
            take(state, each, ITEMS.get(each.item_id or ""), bounds)
        state = saved(state)
    return state


def oracle(events: Sequence[Event], reference_ms: int, half_life_ms: int) -> tuple[npt.NDArray[np.float64], float]:
    """The formula of DESIGN, at once and in float64: the sum, and the sum of the absolute preferences in it."""
    total, size = np.zeros(8), 0.0
    for each in events:
        share = 2.0 ** (-(reference_ms - each.time_ms) / half_life_ms)
        total += each.weight.preference * share * vector_of(each)
        size += abs(each.weight.preference) * share
    return total, size


def check_long(state: UserState, events: Sequence[Event], half_life_ms: int) -> None:
    preferred = [each for each in events if each.weight.preference]
    if not preferred:
        assert state.long is None
        return
    newest = max(each.time_ms for each in preferred)
    assert state.reference_ms == math.ceil(newest / half_life_ms) * half_life_ms
    expected, size = oracle(preferred, state.reference_ms, half_life_ms)
    assert state.long is not None
    assert np.abs(state.long - expected).max() <= TOLERANCE * size


def check_rest(state: UserState, events: Sequence[Event]) -> None:
    """Ring, texts and seen set, from the definition of each."""
    by_time = sorted(events, key=lambda each: (each.time_ms, each.event_id))
    pushed = [each for each in by_time if each.weight.preference or each.weight.covisit]
    assert [each.event_id for each in state.ring] == [each.event_id for each in pushed[-20:]]
    texts = [each for each in pushed if each.text is not None]
    assert [each.event_id for each in state.texts] == [each.event_id for each in texts[-8:]]
    assert sorted(state.dedup_ids) == sorted(each.dedup_key for each in events if each in pushed or each.seen)
    seen = [[each for each in events if each.seen and each.item_id == item] for item in ITEMS]
    expected = sorted(
        (item_hash(item), max(each.time_ms for each in those) // 1000, len(those), dismissed(those), pairs(those))
        for item, those in zip(ITEMS, seen, strict=True)
        if those
    )
    assert sorted(state.seen.tolist()) == expected


def dismissed(events: Sequence[Event]) -> int:
    return sum(each.kind is EventKind.DISMISS for each in events)


def pairs(events: Sequence[Event]) -> int:
    """The sum of co-visit weights, in hundredths; none of what was disliked."""
    return sum(round(100 * each.weight.covisit) for each in events if each.weight.preference >= 0)


def split(data: st.DataObject, events: Sequence[Event]) -> list[list[Event]]:
    """Some order, cut into batches at any places."""
    order = data.draw(st.permutations(events))
    cuts = data.draw(st.lists(st.booleans(), min_size=len(order), max_size=len(order)))
    batches: list[list[Event]] = [[]]
    for each, cut in zip(order, cuts, strict=True):
        batches[-1].append(each)
        if cut:
            batches.append([])
    return batches


@settings(max_examples=150)
@given(logs(), half_lives, st.data())
def test_order_and_batches_do_not_matter(events: list[Event], half_life_ms: int, data: st.DataObject) -> None:
    """Any permutation, any split, some events twice: all that is kept is as its definition says."""
    again = data.draw(st.lists(st.sampled_from(events), max_size=10))
    state = online(split(data, events + again), Bounds(half_life_ms=half_life_ms))
    check_long(state, events, half_life_ms)
    check_rest(state, events)


@given(logs(), half_lives, st.integers(1, 64), st.data())
def test_an_event_counts_once_as_far_as_ids_or_ring_reach(
    events: list[Event], half_life_ms: int, remembered: int, data: st.DataObject
) -> None:
    bounds = Bounds(half_life_ms=half_life_ms, dedup_ids=remembered)
    state = online([events], bounds)
    before = encode(state, FINGERPRINT)
    known = {*state.dedup_ids, *(past.dedup_key for past in state.ring)}
    assert len(known) >= min(len(events), max(remembered, len(state.ring)))
    for each in data.draw(st.permutations([each for each in events if each.dedup_key in known])):
        assert take(state, each, ITEMS.get(each.item_id or ""), bounds) is FoldResult.DUPLICATE
    assert encode(state, FINGERPRINT) == before


@given(logs(most=20), half_lives, st.data())
def test_a_preference_and_its_negation_cancel(events: list[Event], half_life_ms: int, data: st.DataObject) -> None:
    """What retraction will rest on: nothing is left but rounding, whatever came between."""
    negated = [
        replace(each, event_id=f"-{each.event_id}", dedup_key=each.dedup_key ^ 1, weight=opposite(each))
        for each in events
    ]
    state = online(split(data, events + negated), Bounds(half_life_ms=half_life_ms))
    if state.long is not None:
        size = 2 * oracle(events, state.reference_ms, half_life_ms)[1]
        assert np.abs(state.long).max() <= TOLERANCE * size


def opposite(each: Event) -> Weight:
    return Weight(each.weight.covisit, -each.weight.preference)


@given(logs(most=20), half_lives)
def test_years_neither_overflow_nor_wipe_out(events: list[Event], half_life_ms: int) -> None:
    """Preferences for one direction: after gaps of up to 30 years the vector is finite, not zeros, and points there."""
    liked = [
        replace(each, item_id="i0", text=None, weight=Weight(0.5, abs(each.weight.preference) or 1.0))
        for each in events
    ]
    state = online([[each] for each in liked], Bounds(half_life_ms=half_life_ms))
    assert state.long is not None
    assert np.isfinite(state.long).all()
    # The newest event weighs at least a half: the reference lies less than a half-life ahead of it.
    assert np.linalg.norm(state.long) >= 0.49 * min(abs(each.weight.preference) for each in liked)
    assert state.long @ ITEMS["i0"] / np.linalg.norm(state.long) == pytest.approx(1.0, abs=1e-3)


@given(logs(most=20), half_lives, st.integers(0, 30 * 365))
def test_a_whole_log_from_the_past_keeps_its_direction(events: list[Event], half_life_ms: int, days: int) -> None:
    """Shifted by whole half-lives it is the same vector to the bit: nothing fades because a replay comes late."""
    since_1970_ms = min(each.time_ms for each in events)
    half_lives_ago = min(days * DAY_MS, since_1970_ms) // half_life_ms
    earlier = [replace(each, time_ms=each.time_ms - half_lives_ago * half_life_ms) for each in events]
    now, then = (online([log], Bounds(half_life_ms=half_life_ms)) for log in (events, earlier))
    if now.long is None:
        assert then.long is None
    else:
        assert then.long is not None
        assert then.long.tolist() == now.long.tolist()
        assert now.reference_ms - then.reference_ms == half_lives_ago * half_life_ms


@given(
    st.lists(st.integers(-(2**22), 2**22), min_size=8, max_size=8), half_lives, st.integers(0, 90), st.integers(0, 90)
)
def test_moving_the_reference_by_whole_half_lives_is_exact(
    numbers: list[int], half_life_ms: int, first: int, second: int
) -> None:
    """So it does not matter in how many steps it moves, as long as float32 has exponents: 90 halvings here."""
    second = min(second, 90 - first)
    long, at, nothing = np.array(numbers, np.float32) / np.float32(2**20), 100 * half_life_ms, np.zeros(8, np.float32)
    stepwise, at_once = UserState(long.copy(), at), UserState(long.copy(), at)
    add(stepwise, 1.0, nothing, at + first * half_life_ms, half_life_ms)
    add(stepwise, 1.0, nothing, at + (first + second) * half_life_ms, half_life_ms)
    add(at_once, 1.0, nothing, at + (first + second) * half_life_ms, half_life_ms)
    assert stepwise.long is not None
    assert at_once.long is not None
    assert stepwise.reference_ms == at_once.reference_ms == at + (first + second) * half_life_ms
    assert stepwise.long.tolist() == at_once.long.tolist()
    assert (at_once.long * np.float32(2.0 ** (first + second))).tolist() == long.tolist()


def test_ten_thousand_folds_through_the_codec_drift_by_less_than_a_millionth() -> None:
    """Half a year of events, 26 minutes apart, saved after each: within 1e-6 of the decayed sum of |preference|.

    A save rounds by at most 2**-24 of the peak, and old errors fade as the sum does. Measured: 1.6e-7.
    """
    rng = np.random.default_rng(0)
    names, weights = sorted(ITEMS), [1.0, -1.0, 0.5, 0.300048828125]
    events = [
        event(
            f"e{n}", names[rng.integers(len(names))], time_ms=NOW_MS + n * 26 * 60_000, preference=rng.choice(weights)
        )
        for n in range(10_000)
    ]
    state = online([[each] for each in events], Bounds())
    assert state.long is not None
    expected, size = oracle(events, state.reference_ms, Bounds().half_life_ms)
    assert np.abs(state.long - expected).max() <= 1e-6 * size
    assert [each.event_id for each in state.ring] == [each.event_id for each in events[-20:]]


# --- The same through the whole pipeline ---


@settings(max_examples=60)
@given(logs(most=25), st.data())
def test_the_pipeline_is_order_free(events: list[Event], data: st.DataObject) -> None:
    """Any order and split of the records, two topics, redelivery, and items whose vectors come at any moment."""
    batches = split(data, events)
    arrivals = {item: data.draw(st.integers(0, len(batches)), label=item) for item in ITEMS}
    again = data.draw(st.sets(st.integers(0, len(batches) - 1)))
    state = asyncio.run(_through(batches, arrivals, again))
    bounds = Bounds()
    taken = [replace(each, weight=_weight(each)) for each in events]
    check_long(state, taken, bounds.half_life_ms)
    check_rest(state, taken)
    assert state.pending == []


async def _through(batches: list[list[Event]], arrivals: dict[str, int], again: set[int]) -> UserState:
    worker = FakeWorker()
    worker.items.clear()
    await worker.acquires(0)
    offsets = {TOPICS.clicks: 0, TOPICS.reviews: 0}
    for n in range(len(batches) + 1):
        worker.items.update({item: ITEMS[item] for item, at in arrivals.items() if at == n})
        await worker.pipeline.on_items_available(list(worker.items))
        if n == len(batches):
            break
        records = []
        for each in batches[n]:
            topic = TOPICS.clicks if each.text is None else TOPICS.reviews
            records.append(record(topic, _body(each), offsets[topic]))
            offsets[topic] += 1
        for _ in range(2 if n in again else 1):
            await worker.takes(*records)
    assert worker.dead_letters() == []
    assert len(worker.pipeline.waiting) == 0
    named = {ref.event_id for made in worker.log.lists() for ref in made.folded if not ref.waiting}
    assert named == {each.event_id for batch in batches for each in batch}
    return await worker.state("u1")


def _body(each: Event) -> dict[str, object]:
    body = {"user_id": "u1", "event_id": each.event_id, "event_time": each.time_ms, "item_id": each.item_id}
    if each.text is not None:
        return body | {"text": each.text}
    return body | {"type": each.kind.name.lower()}


def _weight(each: Event) -> Weight:
    actions = load_weights().actions
    name = "statement" if each.item_id is None else "review" if each.text is not None else str(_body(each)["type"])
    return actions[name]
