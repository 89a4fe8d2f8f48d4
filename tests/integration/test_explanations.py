"""Explanations over the ratings of MovieLens-100K, with the real encoder: exact, and true when put to the test."""

import copy

import numpy as np
import pytest

from deploy.demo import films
from serving.catalogue import Catalogue
from serving.model.encoder import Encoder
from serving.ranking.learning.blend import Blend
from serving.state.user_state import UserState, Vector
from stream.interest.fold import Bounds, direction, subtract
from tests.support.films import LEARNED, WHEELS, Learned, User

pytestmark = pytest.mark.model

USERS = 60
STATEMENTS = [
    "I like scary horror movies",
    "no more science fiction, give me romantic comedies",
    "我喜欢看电影，尤其是科幻片",
]


@pytest.fixture(scope="module")
def raters(film_catalogue: Catalogue, learned: Learned, encoder: Encoder) -> list[User]:
    """Every fifteenth user of the demo, after all ratings; near the end one of three wrote, another dismissed."""
    by_user: dict[str, list[films.Rating]] = {}
    for rating in films.ratings(WHEELS):
        by_user.setdefault(rating.user_id, []).append(rating)
    ranker = learned.ranker(film_catalogue, Blend(LEARNED))
    made = []
    for number, rated in enumerate(list(by_user.values())[::15][:USERS]):
        user = User(film_catalogue, ranker, encoder, UserState())
        for rating in rated[:-3]:
            user.rate(rating.item_id, rating.stars)
        if number % 3 == 0:
            user.say(STATEMENTS[number // 3 % 3])
        elif number % 3 == 1:
            user.dismiss(user.list(1)[0].item_id)
        for rating in rated[-3:]:
            user.rate(rating.item_id, rating.stars)
        made.append(user)
    return made


def without(user: User, event_id: str) -> UserState:
    """The user's state after a retraction of that event."""
    state = copy.deepcopy(user.state)
    past = next(event for event in state.ring if event.event_id == event_id)
    text = next((text for text in state.texts if text.event_id == event_id), None)
    written: Vector | None = None
    if text is not None:
        written = np.stack([text.wanted(), text.unwanted()]) if text.against else text.wanted()
    item = user.catalogue.vector(past.item_id) if past.item_id else None
    subtract(state, past, direction(item, written), Bounds())
    return state


def test_points_sum_to_the_score_of_every_item_of_every_list(raters: list[User]) -> None:
    items = 0
    for user in raters:
        listed, told = user.list(20), user.ranker.explain(user.state, 20)
        assert [each.item_id for each in told] == [entry.item_id for entry in listed]
        for entry, each in zip(listed, told, strict=True):
            by_event = sum(event.points for event in each.events) + sum(each.apart.values())
            assert sum(each.parts.values()) == pytest.approx(entry.score, abs=1e-5)
            assert by_event == pytest.approx(entry.score, abs=1e-5)
            items += 1
    assert items == USERS * 20


def test_without_the_event_of_the_most_points_the_score_is_lower(raters: list[User]) -> None:
    """Given each item of each list, when the event that gave it most is retracted, then in 95 % its score is lower."""
    lower = []
    for user in raters:
        for each in user.ranker.explain(user.state, 20):
            row = user.catalogue.find(each.item_id)
            after = user.ranker.points(without(user, each.events[0].event_id))[row]
            lower.append(bool(after < each.score))

    assert len(lower) == USERS * 20
    assert np.mean(lower) >= 0.95
