"""A review that blames pushes its item's kind down, draws nothing that goes with it, and is a reason for nothing."""

import msgspec
import numpy as np
import pytest

from penchant.messages import CoVisitEvent, CoVisits
from serving.ranking.ranker import Ranker
from serving.ranking.statistics import Statistics
from serving.state.user_state import EventKind, UserState
from tests.unit.serving.ranking.test_ranker import catalogue, interaction

ITEM, SAME_KIND = [each for each in catalogue().ids if each.startswith("horror")][:2]
GOES_WITH = next(each for each in catalogue().ids if each.startswith("western"))
BLAMED = -3.0


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    """Everybody who took the first horror film went on to a western."""
    items = catalogue()
    statistics = Statistics(items, {})
    for offset in range(1, 21, 2):
        events = [CoVisitEvent(offset, ITEM, 1.0, []), CoVisitEvent(offset + 1, GOES_WITH, 1.0, [(ITEM, 1.0)], [5])]
        statistics.apply(CoVisits(topic="", partition=0, first=offset, last=offset + 1, events=events))
    return Ranker(items, statistics.popularity, covisits=statistics.covisits, ease=statistics.ease)


def reviewed(preference: float) -> UserState:
    event = interaction(ITEM, preference, kind=EventKind.REVIEW)
    return UserState(ring=[msgspec.structs.replace(event, covisit=0.8, preference=preference)])


def points(ranker: Ranker, state: UserState, item_id: str) -> float:
    return ranker.explain(state, 1, item_id)[0].score


def test_what_is_like_it_is_pushed_down_and_what_goes_with_it_is_not_drawn(ranker: Ranker) -> None:
    nobody = reviewed(-1e-3)

    assert points(ranker, reviewed(BLAMED), SAME_KIND) < points(ranker, nobody, SAME_KIND) - 0.5
    assert points(ranker, reviewed(1.0), GOES_WITH) > points(ranker, nobody, GOES_WITH) + 0.5
    parts = ranker.explain(reviewed(BLAMED), 1, GOES_WITH)[0].parts
    assert parts.keys().isdisjoint({"co_occurrence", "slow_co_occurrence", "transition", "session_co_occurrence"})


def test_it_is_a_reason_for_nothing(ranker: Ranker) -> None:
    entries = ranker.rank(reviewed(BLAMED), 100).items

    assert {reason.event_id for entry in entries for reason in entry.reasons} == {None}
    assert np.isfinite([entry.score for entry in entries]).all()
