"""Lists where little or nothing is left that may be listed."""

import numpy as np
import pytest

from serving.catalogue import Catalogue
from serving.ranking.popularity import Popularity
from serving.ranking.ranker import Ranker
from serving.state.user_state import SEEN, UserState, item_hash
from tests.unit.serving.ranking.test_ranker import DIM, axis, catalogue, interaction, ranker


@pytest.fixture
def items() -> Catalogue:
    return catalogue()


def test_a_list_is_as_short_as_what_is_left(items: Catalogue) -> None:
    seen = np.array([(item_hash(i), 1, 1, 0, 0) for i in items.ids[3:]], SEEN)

    for state in (UserState(ring=[interaction("horror-2")], seen=seen), UserState(seen=seen)):
        assert {entry.item_id for entry in ranker(items).rank(state, 10).items} == set(items.ids[:3])
    assert ranker(Catalogue(DIM, "f")).rank(UserState(long=axis("horror")), 10).items == []


def test_who_has_seen_everything_gets_what_trends_but_not_what_was_dismissed(items: Catalogue) -> None:
    """Given nothing that may be listed, then the list has what was seen, and says that it is the trending one."""
    rows = [(item_hash(i), 1, 1, i == "horror-6", 0) for i in items.ids]
    popularity = Popularity()
    for item_id in ("horror-6", "western-3"):
        popularity.add(items.row(item_id), 1.0)
    made = Ranker(items, popularity)
    state = UserState(ring=[interaction("horror-2")], seen=np.array(rows, SEEN))

    ranking, told = made.rank(state, 100), made.explain(state, 100)

    assert ranking.path == "trending"
    assert {entry.item_id for entry in ranking.items} == set(items.ids) - {"horror-6"}
    assert ranking.items[0].item_id == "western-3"
    assert [(each.item_id, each.kept_off) for each in told] == [(entry.item_id, "") for entry in ranking.items]
    assert [each.score for each in told] == pytest.approx([entry.score for entry in ranking.items], abs=1e-5)
    assert made.explain(state, 100, "horror-6")[0].kept_off
