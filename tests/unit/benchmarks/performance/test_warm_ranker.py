import pytest

from benchmarks.performance.ranking.__main__ import recall
from benchmarks.performance.ranking.warm_ranker import WarmRanker, warm_ranker


@pytest.fixture(scope="module")
def warm() -> WarmRanker:
    return warm_ranker(300, users=40, events=600)


def test_users_have_rings_and_items_have_a_past(warm: WarmRanker) -> None:
    busiest = max(warm.states.values(), key=lambda state: len(state.ring))

    assert len(busiest.ring) == 20
    assert warm.statistics.popularity.events == 600
    assert warm.ranker.rank_many([busiest], 20)[0].path == "live"


def test_lists_of_an_exact_pass_have_its_best_items(warm: WarmRanker) -> None:
    assert recall(warm, list(warm.states.values()), 20) == 1.0
