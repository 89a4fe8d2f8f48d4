"""The order in which the demo sends, and how it keeps score."""

import numpy as np
import pytest

from deploy.demo.films import Rating
from deploy.demo.rating_replay import LookAhead
from deploy.demo.score import HitRates


def ratings(users: str) -> list[Rating]:
    """One rating for each dead letter, in this order of time."""
    return [Rating(user, str(place), 5.0, place) for place, user in enumerate(users)]


def sent(ahead: LookAhead) -> str:
    return " ".join(rating.item_id for rating in ahead.ready())


def test_a_user_waits_for_the_list() -> None:
    ahead = LookAhead(ratings("aaab"), at_once=10)

    assert sent(ahead) == "0 3"
    assert sent(ahead) == ""
    ahead.answered("a")
    assert sent(ahead) == "1"


def test_at_most_so_many_at_once_the_earliest_first() -> None:
    ahead = LookAhead(ratings("abcab"), at_once=2)

    assert sent(ahead) == "0 1"
    ahead.answered("b")
    assert sent(ahead) == "2", "c comes before b's second"
    ahead.answered("a")
    assert sent(ahead) == "3"


def test_no_further_ahead_than_allowed() -> None:
    ahead = LookAhead(ratings("aaaab"), at_once=10, ahead=3)

    assert sent(ahead) == "0", "b lies beyond the window"
    ahead.answered("a")
    assert sent(ahead) == "1 4"


def test_everything_is_sent_once_and_in_order_for_each_user() -> None:
    rng = np.random.default_rng(5)
    all_of_them = ratings("".join(rng.choice(list("abcdefgh"), 500)))
    ahead = LookAhead(all_of_them, at_once=4, ahead=20)
    out: list[Rating] = []
    came: list[Rating] = []
    while new := [*out, *ahead.ready()]:
        came += new[len(out) :]
        assert len(new) <= 4
        assert len({rating.user_id for rating in new}) == len(new)
        answered = new.pop(int(rng.integers(len(new))))
        ahead.answered(answered.user_id)
        out = new

    assert sorted(came, key=lambda rating: rating.time_s) == all_of_them
    for user in "abcdefgh":
        times = [rating.time_s for rating in came if rating.user_id == user]
        assert times == sorted(times)


def test_hits_are_counted_in_the_first_ten_of_the_list() -> None:
    hits = HitRates(100)
    hits.score("a", 5, [*range(50, 59), 5])
    hits.score("a", 5, [*range(50, 60), 5])

    assert hits.rates()[0] == 0.5


def test_most_popular_breaks_ties_by_chance_and_leaves_out_what_was_seen() -> None:
    """Given 20 items without any event, each has a chance of one half; then row 3 leads, but not for its raters."""
    hits = HitRates(20)
    hits.score("a", 7, [])
    assert hits.popular == pytest.approx(0.5)

    hits.learn("b", 3)
    hits.score("a", 3, [])
    assert hits.popular == pytest.approx(1.5), "first by count"
    hits.score("b", 3, [])
    assert hits.popular == pytest.approx(1.5), "b has rated it"
    hits.score("b", 7, [])
    assert hits.popular == pytest.approx(1.5 + 10 / 19), "19 tied items for ten places"


def test_no_positives_are_no_division_by_zero() -> None:
    assert HitRates(3).rates() == (0.0, 0.0)
