"""The fold, by sums that can be done in the head."""

import numpy as np
import pytest

from serving.state.history import unpack
from serving.state.user_state import UserState, Vector, decode, encode, item_hash
from stream.interest.fold import Bounds, FoldResult, direction, subtract
from stream.interest.interaction_context import context_of
from stream.testing import NOW_MS, embed_by_words
from tests.support.events import event, take

DAY_MS = 86_400_000
HALF_LIFE = Bounds(half_life_ms=10 * DAY_MS)
LANDMARK = 1000 * HALF_LIFE.half_life_ms  # a whole multiple of the half-life
SPACE, LOVE = embed_by_words("space"), embed_by_words("love")


def long(state: UserState) -> list[float]:
    """The first two numbers of the long vector: space and love."""
    assert state.long is not None
    numbers: list[float] = state.long[:2].tolist()
    return numbers


def test_an_event_moves_the_long_vector_by_its_preference() -> None:
    state = UserState()
    assert take(state, event("a", time_ms=LANDMARK, preference=0.5), SPACE, HALF_LIFE) is FoldResult.FOLDED
    assert (long(state), state.reference_ms) == ([0.5, 0.0], LANDMARK)
    take(state, event("b", time_ms=LANDMARK, preference=-1.0), LOVE, HALF_LIFE)
    assert long(state) == [0.5, -1.0]


def test_a_weight_halves_in_a_half_life() -> None:
    state = UserState()
    take(state, event("a", time_ms=LANDMARK), SPACE, HALF_LIFE)
    take(state, event("b", time_ms=LANDMARK + 20 * DAY_MS), LOVE, HALF_LIFE)
    assert (long(state), state.reference_ms) == ([0.25, 1.0], LANDMARK + 20 * DAY_MS)


def test_the_reference_is_the_first_multiple_of_the_half_life_at_or_after_the_newest_event() -> None:
    state = UserState()
    take(state, event("a", time_ms=LANDMARK + 5 * DAY_MS), SPACE, HALF_LIFE)
    assert state.reference_ms == LANDMARK + 10 * DAY_MS
    assert long(state) == pytest.approx([2**-0.5, 0.0])


def test_a_late_event_counts_what_it_would_have_counted() -> None:
    state = UserState()
    take(state, event("b", time_ms=LANDMARK), LOVE, HALF_LIFE)
    take(state, event("a", time_ms=LANDMARK - 30 * DAY_MS), SPACE, HALF_LIFE)
    assert long(state) == [0.125, 1.0]


def test_another_half_life_in_the_settings_keeps_what_there_is() -> None:
    """The reference then moves by a broken number of the new half-lives."""
    state = UserState()
    take(state, event("a", time_ms=LANDMARK), SPACE, HALF_LIFE)
    take(state, event("b", time_ms=LANDMARK + 6 * DAY_MS), LOVE, Bounds(half_life_ms=4 * DAY_MS))
    ahead = (state.reference_ms - LANDMARK) / (4 * DAY_MS)
    assert long(state)[0] == pytest.approx(2.0**-ahead)
    assert 1.5 <= ahead < 2.5


def test_an_event_without_a_preference_enters_the_ring_alone() -> None:
    state = UserState()
    take(state, event("a", preference=0.0, covisit=0.3), None)
    assert state.long is None
    assert [each.covisit for each in state.ring] == [0.3]
    assert state.known


def test_what_weighs_nothing_leaves_no_trace() -> None:
    state = UserState()
    take(state, event("a", preference=0.0, covisit=0.0, seen=False), None)
    assert (state.known, state.dedup_ids, len(state.seen)) == (False, [], 0)


@pytest.mark.parametrize("item", ["i1", None])
def test_a_text_is_kept_as_it_was_folded(item: str | None) -> None:
    state = UserState()
    take(state, event("a", item, text="space and love", time_ms=LANDMARK), None, HALF_LIFE)
    (kept,) = state.texts
    assert kept.as_float32().tolist() == embed_by_words("space and love").tolist()
    assert (kept.item_id, kept.preference) == (item or "", 1.0)
    assert state.long is not None
    assert state.long.tolist() == kept.as_float32().tolist()


def test_only_the_last_eight_texts_are_kept() -> None:
    state = UserState()
    for n in (9, 3, 7, 1, 5, 0, 8, 2, 6, 4):
        take(state, event(f"r{n}", None, text="space", time_ms=NOW_MS + n))
    assert [each.event_id for each in state.texts] == [f"r{n}" for n in range(2, 10)]


@pytest.mark.parametrize(
    ("item", "text", "expected"),
    [(SPACE, None, [1, 0]), (None, LOVE, [0, 1]), (SPACE, LOVE, [0.5, 0.5]), (None, None, None)],
)
def test_a_review_moves_half_towards_the_item(
    item: Vector | None, text: Vector | None, expected: list[float] | None
) -> None:
    moved = direction(item, text)
    assert (moved if moved is None else moved[:2].tolist()) == expected


# --- Once ---


def test_the_same_event_counts_once() -> None:
    state = UserState()
    first = event("a", time_ms=LANDMARK)
    assert take(state, first, SPACE) is FoldResult.FOLDED
    assert take(state, first, SPACE) is FoldResult.DUPLICATE
    assert len(state.ring) == 1
    assert state.seen["count"].tolist() == [1]


def test_another_content_under_a_known_id_is_told_from_a_duplicate() -> None:
    state = UserState()
    take(state, event("a", "i1"), SPACE)
    take(state, event("r", "i2", text="space"), SPACE)
    assert take(state, event("a", "i2"), SPACE) is FoldResult.REUSED
    assert take(state, event("a", "i1", text="space"), SPACE) is FoldResult.REUSED
    assert take(state, event("r", "i2", text="love"), SPACE) is FoldResult.REUSED
    assert take(state, event("r", "i2", text="space, space"), SPACE) is FoldResult.DUPLICATE
    assert len(state.ring) == 2


def test_an_id_is_known_for_the_last_64_or_as_long_as_the_ring_reaches() -> None:
    state = UserState()
    future = event("future", time_ms=NOW_MS + 10**6)
    take(state, future, SPACE)
    for n in range(64):
        take(state, event(f"e{n}", time_ms=NOW_MS + n), SPACE)
    assert len(state.dedup_ids) == 64
    assert take(state, future, SPACE) is FoldResult.DUPLICATE, "the ring has it"
    assert take(state, event("e0", time_ms=NOW_MS), SPACE) is FoldResult.DUPLICATE, "the ids have it"
    take(state, event("e64", time_ms=NOW_MS), SPACE)
    assert take(state, event("e0", time_ms=NOW_MS), SPACE) is FoldResult.FOLDED, "beyond both bounds"


# --- Ring and seen set ---


def test_the_ring_holds_the_last_twenty_by_event_time() -> None:
    state = UserState()
    for n in reversed(range(25)):
        take(state, event(f"e{n:02}", f"i{n}", time_ms=NOW_MS + n), SPACE)
    assert [each.event_id for each in state.ring] == [f"e{n:02}" for n in range(5, 25)]


def test_ties_in_time_are_ordered_by_id() -> None:
    for order in ("abc", "cab", "bca"):
        state = UserState()
        for name in order:
            take(state, event(name), SPACE)
        assert [each.event_id for each in state.ring] == ["a", "b", "c"]


def test_the_context_is_the_ring_newest_first_and_what_was_seen_before() -> None:
    state = UserState()
    take(state, event("old", "i0", covisit=0.8, time_ms=NOW_MS - 9000), SPACE)
    for n in range(18):
        take(state, event(f"said-{n:02}", None, text="love", time_ms=NOW_MS - 5000 + n))
    take(state, event("a", "i1", covisit=0.2), SPACE)
    take(state, event("c", "i2", covisit=1.0, time_ms=NOW_MS + 2500), SPACE)
    ring, gaps_s, packed = context_of(state)
    assert (ring, gaps_s) == ([("i2", 1.0), ("i1", 0.2)], [0, 2])
    before = unpack(packed)
    assert before.items.tolist() == [item_hash("i0")], "the ring is full of what was said since"
    assert before.strengths.tolist() == pytest.approx([0.8])


def test_the_seen_set_keeps_last_time_and_count() -> None:
    state = UserState()
    for n, time_ms in enumerate((NOW_MS, NOW_MS + 9000, NOW_MS + 3000)):
        take(state, event(f"e{n}", time_ms=time_ms), SPACE)
    take(state, event("x", "i2", seen=False), SPACE)
    assert state.seen.tolist() == [(item_hash("i1"), (NOW_MS + 9000) // 1000, 3, 0, 150)]


@pytest.mark.parametrize("covisit", [0.2, 0.335, 1.0])
def test_the_seen_set_sums_pair_weights(covisit: float) -> None:
    """Given two events on an item and a retraction of one, then the co-visit weight of the other is left."""
    for stored in (False, True):
        state, first = UserState(), event("a", covisit=covisit)
        take(state, first, SPACE)
        take(state, event("b", covisit=0.5), SPACE)
        past = (decode(encode(state, "f"), "f") if stored else state).ring[0]
        subtract(state, past, SPACE, Bounds())
        assert state.seen["covisit"].tolist() == [50]


def test_the_seen_set_lets_the_oldest_go() -> None:
    state, bounds = UserState(), Bounds(seen=3)
    for n in (3, 1, 2, 0):
        take(state, event(f"e{n}", f"i{n}", time_ms=NOW_MS + 1000 * n), SPACE, bounds)
    assert sorted(state.seen["item"].tolist()) == sorted(item_hash(f"i{n}") for n in (1, 2, 3))


def test_a_count_stays_within_its_byte() -> None:
    state = UserState()
    take(state, event("a"), SPACE)
    state.seen["count"][0] = 255
    take(state, event("b"), SPACE)
    assert state.seen["count"].tolist() == [255]


def test_zeros_may_be_added() -> None:
    state = UserState()
    take(state, event("a"), np.zeros(8, np.float32))
    assert long(state) == [0.0, 0.0]
