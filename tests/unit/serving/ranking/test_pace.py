"""A rush teaches no more than a few usual hours do, whoever makes it; what is usual teaches whole."""

from serving.ranking.learning.pace import Pace

MINUTE_MS = 60_000
BEGIN_MS = 1_700_000_000_000
A_DAY = 1440


def after_days(apart_ms: int = MINUTE_MS, steps: int = 2 * A_DAY) -> tuple[Pace, int]:
    """After steps in equal times, and the time of the last one."""
    pace = Pace()
    for step in range(steps):
        assert pace.share_of(1.0, BEGIN_MS + step * apart_ms) == 1.0
    return pace, BEGIN_MS + (steps - 1) * apart_ms


def test_a_rush_teaches_less_than_a_usual_day() -> None:
    """Given a step a minute, then five thousand within one minute."""
    pace, now_ms = after_days()

    taught = sum(pace.share_of(1.0, now_ms + n % MINUTE_MS) for n in range(5000))

    assert taught < 24 * 60


def test_what_claims_to_be_of_last_week_came_now() -> None:
    pace, now_ms = after_days()

    taught = sum(pace.share_of(1.0, now_ms - n * 1000 * MINUTE_MS) for n in range(5000))

    assert taught < 24 * 60


def test_after_a_rush_all_is_as_before_soon() -> None:
    pace, now_ms = after_days()
    for n in range(5000):
        pace.share_of(1.0, now_ms + n)

    later = [pace.share_of(1.0, now_ms + hour * 60 * MINUTE_MS) for hour in range(1, 13)]

    assert later[-1] == 1.0


def test_bursts_that_are_usual_teach_whole() -> None:
    """Given days on each of which somebody rates thirty films in an evening."""
    pace = Pace()
    shares = [pace.share_of(1.0, BEGIN_MS + (day * A_DAY + n) * MINUTE_MS) for day in range(100) for n in range(30)]

    assert min(shares) > 0.99


def test_where_no_times_are_known_nothing_is_a_rush() -> None:
    pace = Pace()

    assert {pace.share_of(1.0, 0) for _ in range(5000)} == {1.0}


def test_what_goes_on_is_no_rush() -> None:
    """Given a step every three hours for months, then one a minute: after a day it teaches whole."""
    pace, now_ms = after_days(180 * MINUTE_MS, 500)

    shares = [pace.share_of(1.0, now_ms + n * MINUTE_MS) for n in range(2 * A_DAY)]

    assert sum(shares[:60]) < 20
    assert min(shares[A_DAY:]) == 1.0


def test_it_goes_on_from_what_it_told() -> None:
    first, now_ms = after_days(steps=200)
    second = Pace(first.told())

    for n in range(500):
        assert second.share_of(1.0, now_ms + n) == first.share_of(1.0, now_ms + n)
