"""Lists of those items alone that a reader wants."""

import numpy as np
import pytest

from serving.state.user_state import UserState
from tests.unit.serving.ranking.test_ranker import catalogue, genres, interaction, ranker


def test_the_list_is_the_whole_one_without_the_others() -> None:
    """Given that only some genres are wanted, then the list is the whole one without the others, and no shorter."""
    items = catalogue()
    wanted = np.array([not each.startswith("horror") for each in items.ids])
    state, made = UserState(ring=[interaction("horror-2"), interaction("romance-1", at=2)]), ranker(items)
    rest = {e.item_id: e.score for e in made.rank(state, 100).items if not e.item_id.startswith("horror")}

    few, all_of_it = made.rank(state, 4, only=wanted).items, made.rank(state, 100, only=wanted).items

    assert {entry.item_id: entry.score for entry in all_of_it} == pytest.approx(rest, abs=1e-5)
    assert [entry.score for entry in all_of_it] == sorted((e.score for e in all_of_it), reverse=True)
    assert few == all_of_it[:4]
    assert made.rank(state, 4, only=np.zeros(len(items), np.bool_)).items == []
    assert genres(made.rank(UserState(), 4, only=wanted)) == ["sci-fi", "romance", "western", "sci-fi"]
