"""Fatigue over the films, with their real vectors and all ratings: shown ten times, an item goes and comes back."""

import pytest

from deploy.demo import films
from serving.catalogue import Catalogue
from serving.model.encoder import Encoder
from serving.ranking.rank_settings import RankSettings
from serving.state.user_state import UserState
from tests.support.films import WHEELS, Learned, User

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def raters(film_catalogue: Catalogue, learned: Learned, encoder: Encoder) -> list[User]:
    """Every thirtieth user of the demo, after all ratings."""
    by_user: dict[str, list[films.Rating]] = {}
    for rating in films.ratings(WHEELS):
        by_user.setdefault(rating.user_id, []).append(rating)
    ranker, made = learned.ranker(film_catalogue), []
    for rated in list(by_user.values())[::30]:
        made.append(User(film_catalogue, ranker, encoder, UserState()))
        for rating in rated:
            made[-1].rate(rating.item_id, rating.stars)
    return made


def test_shown_ten_times_a_film_leaves_the_first_ten_and_comes_back_in_time(raters: list[User]) -> None:
    """Given the first film of a list, when it was shown ten times and not taken, then it is not among the first ten.

    And when the set time is over, at the next event, it stands first again.
    """
    assert len(raters) > 15
    for user in raters:
        first, last = user.list()[0].item_id, user.list(200)[-1].item_id
        for _ in range(10):
            user.see(first)
        assert first not in {entry.item_id for entry in user.list()}
        user.wait(RankSettings().fatigue_hours)
        user.see(last)
        assert user.list()[0].item_id == first
