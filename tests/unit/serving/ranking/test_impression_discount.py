"""What was shown and not taken: how much it weighs, when that ends, and what lists and explanations make of it."""

import numpy as np
import pytest

from serving.catalogue import Catalogue
from serving.ranking.impression_discount import impression_weights, newest_s
from serving.ranking.popularity import Popularity
from serving.ranking.rank_settings import RankSettings
from serving.ranking.ranker import Ranker
from serving.state.user_state import IMPRESSIONS, SEEN, EventKind, RingEvent, UserState, item_hash
from tests.unit.serving.ranking.test_ranker import catalogue, interaction

HOUR_S = 3600


@pytest.fixture
def items() -> Catalogue:
    return catalogue()


def shown(*times: tuple[str, int]) -> UserState:
    """A user who was shown these items, at these hours."""
    rows = [(hour * HOUR_S, n, item_hash(item) if item else 0) for n, (item, hour) in enumerate(times)]
    return UserState(impressions=np.array(rows, IMPRESSIONS))


def test_each_time_weighs_less_in_a_straight_line(items: Catalogue) -> None:
    """Given horror shown at 0, 24 and 36 o'clock, held against 48 o'clock, then it weighs 0 + 1/2 + 3/4."""
    state = shown(("horror-2", 0), ("horror-2", 24), ("horror-2", 36), ("western-3", 48))

    weights = impression_weights(state, items, 48.0)

    assert {items.ids[row]: weight for row, weight in weights.items()} == {"horror-2": 1.25, "western-3": 1.0}
    assert impression_weights(state, items, 0.0) == {}


def test_of_what_is_unknown_retracted_or_long_ago_there_is_nothing(items: Catalogue) -> None:
    state = shown(("horror-2", 0), ("", 100), ("unknown", 100))

    assert impression_weights(state, items, 48.0) == {}
    assert impression_weights(UserState(), items, 48.0) == {}


@pytest.mark.parametrize(
    ("kind", "retracted", "left"),
    [(EventKind.CLICK, False, 1.0), (EventKind.CLICK, True, 2.0), (EventKind.IMPRESSION, False, 2.0)],
)
def test_who_takes_it_is_not_tired_of_it(items: Catalogue, kind: EventKind, left: float, *, retracted: bool) -> None:
    """Given horror shown twice, and a click in between, then what was shown before the click weighs nothing."""
    state = shown(("horror-2", 10), ("horror-2", 10))
    state.impressions["time_s"][1] += 10
    state.ring = [RingEvent(10_000 * HOUR_S + 5000, "e", 0, "horror-2", kind, 0.3, 0.3, retracted=retracted)]

    (weight,) = impression_weights(state, items, 48.0).values()

    assert weight == pytest.approx(left, abs=1e-3)


def test_what_was_taken_long_ago_is_known_by_the_seen_set(items: Catalogue) -> None:
    state = shown(("horror-2", 10), ("western-3", 10))
    state.seen = np.array(
        [(item_hash("horror-2"), 11 * HOUR_S, 1, 0, 0), (item_hash("western-3"), 11 * HOUR_S, 0, 0, 0)], SEEN
    )

    assert [items.ids[row] for row in impression_weights(state, items, 48.0)] == ["western-3"]
    assert newest_s(state) == 11 * HOUR_S


def test_what_was_shown_goes_down_and_the_explanation_says_so(items: Catalogue) -> None:
    """Given two horror films that are alike, when the first was shown twice, then it stands behind the second."""
    made = Ranker(items, Popularity(), RankSettings(fatigue=0.3))
    fresh = UserState(ring=[interaction("horror-2")])
    first, second = (entry.item_id for entry in made.rank(fresh, 3).items[1:])
    tired = shown((first, 0), (first, 0))
    tired.ring = fresh.ring

    listed = made.rank(tired, 20).items

    assert [entry.item_id for entry in listed].index(second) < [entry.item_id for entry in listed].index(first)
    (told,) = made.explain(tired, 20, first)
    assert told.apart["fatigue"] == pytest.approx(-0.6, abs=1e-4)
    assert sum(told.parts.values()) == pytest.approx(told.score, abs=1e-6)
