"""What a step may teach, by what is usual: a farm teaches little, and what everybody does teaches whole."""

import pytest

from serving.ranking.learning.fair_share import Usual

FARM, EACH = 100, 50


def followed(each: int, usual: Usual | None = None, days: int = 500) -> Usual:
    """After so many days of users of so many events."""
    usual = usual or Usual()
    for _ in range(days):
        for nth in range(1, each + 1):
            usual.share_of(nth)
    return usual


def test_a_farm_teaches_no_more_than_a_few_users_do() -> None:
    """A hundred users of fifty events each, one after the other, all of which are learned from."""
    usual = followed(1)

    taught = sum(usual.share_of(min(nth, 21)) for _ in range(FARM) for nth in range(1, EACH + 1))

    assert taught < 4.0 * FARM
    assert usual.number == 1.0, "and what is usual stays"


@pytest.mark.parametrize("each", [1, 5, 20])
def test_what_is_usual_teaches_whole(each: int) -> None:
    assert followed(each).share_of(each) == 1.0


def test_few_days_of_many_events_are_not_usual() -> None:
    """Given that of ten days one has twenty events, then these are two thirds of all events, and unusual."""
    usual = followed(1)
    for _ in range(100):
        followed(20, followed(1, usual, days=9), days=1)

    assert usual.number == 1.0


def test_users_who_come_to_do_more_are_followed() -> None:
    usual = followed(1)
    before = usual.share_of(10)

    assert before < 0.1
    assert followed(10, usual).share_of(10) == 1.0


def test_it_goes_on_from_what_it_told() -> None:
    first = followed(3, days=4000)
    second = Usual(first.reached())

    assert second.number == pytest.approx(first.number)
    assert followed(5, second).number == pytest.approx(followed(5, first).number)
