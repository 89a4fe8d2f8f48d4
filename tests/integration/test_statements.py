"""What a statement does to the list, with the real encoder, on the films of MovieLens-100K and on the Chinese scene."""

from collections.abc import Callable

import pytest

from deploy.demo import films
from deploy.demo.scene import GENRE, scene
from evaluation.prequential.cached_vectors import catalogue_of
from serving.catalogue import Catalogue
from serving.model.encoder import Encoder
from serving.ranking.popularity import Popularity
from serving.ranking.rank_settings import RankSettings
from serving.ranking.ranker import Ranker
from serving.state.user_state import UserState
from tests.support.films import VECTORS, WHEELS, Learned, User

pytestmark = pytest.mark.model

SCIENCE_FICTION = ["我喜欢看电影，尤其是科幻片", "I like watching movies, especially science fiction"]
NO_MORE = ["no more science fiction, give me romantic comedies", "别再推荐科幻片了，我想看浪漫喜剧"]
ROMANTIC_COMEDY = "I am in the mood for romantic comedies"


@pytest.fixture(params=["nothing learned", "all ratings learned"])
def newcomer(
    request: pytest.FixtureRequest, film_catalogue: Catalogue, learned: Learned, encoder: Encoder
) -> Callable[[], User]:
    known = learned if request.param == "all ratings learned" else Learned()
    return lambda: User(film_catalogue, known.ranker(film_catalogue), encoder, UserState())


def test_the_chinese_scene_leads_with_science_fiction(encoder: Encoder) -> None:
    made = catalogue_of(scene(), encoder, VECTORS)
    user = User(made, Ranker(made, Popularity()), encoder, UserState())

    user.say(SCIENCE_FICTION[0])

    assert user.count({GENRE}, 4) == 4


@pytest.mark.parametrize("statement", SCIENCE_FICTION)
def test_a_statement_is_named_for_what_it_asks_for_and_for_nothing_else(encoder: Encoder, statement: str) -> None:
    """Given a small catalogue, when a list is filled for want of better, then it says so of what does not fit."""
    made = catalogue_of(scene(), encoder, VECTORS)
    user = User(made, Ranker(made, Popularity(), RankSettings(language="zh")), encoder, UserState())

    user.say(statement)

    entries = user.list(20)
    fits = [user.has(entry, {GENRE}) for entry in entries]
    assert (all(fits[:6]), any(fits[6:])) == (True, False)
    for entry, asked_for in zip(entries, fits, strict=True):
        assert {reason.words for reason in entry.reasons} == {
            "根据你写的内容" if asked_for else "暂无更符合你兴趣的内容"
        }


@pytest.mark.parametrize("statement", SCIENCE_FICTION)
def test_statements_and_dismissals_change_the_list(newcomer: Callable[[], User], statement: str) -> None:
    """Given a newcomer, when they write twice and dismiss two films, then each changes the list as expected."""
    user = newcomer()

    user.say(statement)
    assert user.count({"Sci-Fi"}) >= 8
    assert user.list(1)[0].reasons[0].event_id == "e1"

    user.say(ROMANTIC_COMEDY)
    assert user.count({"Romance", "Comedy"}) >= 5

    highest = [entry.item_id for entry in user.list(1682) if user.has(entry, {"Sci-Fi"})][:2]
    for item_id in highest:
        user.dismiss(item_id)
    assert user.count({"Sci-Fi"}) <= 3
    assert user.count({"Romance", "Comedy"}) >= 5, "what was asked for is still there"
    assert not set(highest) & {entry.item_id for entry in user.list(1682)}


def test_a_statement_after_many_ratings_is_clearly_seen(
    film_catalogue: Catalogue, learned: Learned, encoder: Encoder
) -> None:
    """Given users with more than 100 ratings each, when they ask for horror, then most of their ten are horror."""
    by_user: dict[str, list[films.Rating]] = {}
    for rating in films.ratings(WHEELS):
        by_user.setdefault(rating.user_id, []).append(rating)
    heavy = [rated for rated in by_user.values() if 100 < len(rated) < 200][:5]
    for rated in heavy:
        user = User(film_catalogue, learned.ranker(film_catalogue), encoder, UserState())
        for rating in rated:
            user.rate(rating.item_id, rating.stars)
        before = user.count({"Horror"})

        user.say("scary horror movies please")

        assert before < 5
        assert user.count({"Horror"}) >= 7


@pytest.mark.parametrize("statement", NO_MORE)
def test_what_was_asked_for_is_not_wanted_any_more(newcomer: Callable[[], User], statement: str) -> None:
    """Given a user who has asked for science fiction, when they have enough of it, then it is romantic comedies."""
    user = newcomer()
    user.say("I like watching movies, especially science fiction")
    assert user.count({"Sci-Fi"}) >= 8
    user.say(statement)
    assert user.count({"Sci-Fi"}) <= 1
    assert user.count({"Romance", "Comedy"}) >= 6
