"""What a step may teach, by what is usual: a farm teaches little, and what everybody does teaches whole."""

import pytest

from serving.ranking.learning.fair_share import Usual


def followed(nth: int) -> Usual:
    """After a thousand users whose events are all the nth of their day."""
    usual = Usual()
    for _ in range(1000):
        usual.share_of(nth)
    return usual


def test_a_farm_teaches_no_more_than_a_few_users_do() -> None:
    """A hundred users of fifty events each, of which every sixteenth is learned from, where one a day is usual."""
    usual = followed(1)

    taught = sum(usual.share_of(1 + (17 * n) % 50) for n in range(312))

    assert taught < 40.0
    assert usual.number < 1.5, "and what is usual stays"


@pytest.mark.parametrize("nth", [1, 5, 20])
def test_what_is_usual_teaches_whole(nth: int) -> None:
    assert followed(nth).share_of(nth) == 1.0


def test_users_who_come_to_do_more_are_followed() -> None:
    usual = Usual(1.0)
    shares = [usual.share_of(10) for _ in range(3000)]

    assert shares[0] < 0.1
    assert shares[-1] == 1.0
