"""Popularity equals its definition, after any number of events and rescalings, in whatever order times come."""

import numpy as np
import pytest

from serving.ranking.popularity import FADES, Popularity

HOUR_MS = 3_600_000
BY_EVENTS = (0.9, 0.99, 0.999)
HALF_LIVES_MS = (HOUR_MS, 24 * HOUR_MS, 7 * 24 * HOUR_MS, 30 * 24 * HOUR_MS)
NOW_MS = 1_795_341_600_000
Events = list[tuple[int, float, int]]


def by_definition(events: Events, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Totals and fading sums, event by event over all rows."""
    totals, fading = np.zeros(n), np.zeros((FADES, n))
    newest_ms = max(time_ms for _, _, time_ms in events)
    for row, covisit, time_ms in events:
        fading[: len(BY_EVENTS)] *= np.array(BY_EVENTS)[:, None]
        totals[row] += covisit
        fading[: len(BY_EVENTS), row] += covisit
        fading[len(BY_EVENTS) :, row] += covisit * 0.5 ** ((newest_ms - time_ms) / np.array(HALF_LIVES_MS))
    return totals, fading


def some_events(apart_ms: int, *, count: int = 2000) -> Events:
    """Events some time apart, now and then out of order."""
    rng = np.random.default_rng(7)
    times = NOW_MS + apart_ms * (np.arange(count) + rng.integers(-3, 4, count))
    return list(zip(rng.integers(0, 30, count).tolist(), rng.random(count).tolist(), times.tolist(), strict=True))


@pytest.mark.parametrize("apart_ms", [1, 1_000, HOUR_MS, 30 * 24 * HOUR_MS])
def test_sums_are_those_of_the_definition(apart_ms: int) -> None:
    events, popularity = some_events(apart_ms), Popularity()

    for event in events:
        popularity.add(*event)

    totals, fading = by_definition(events, 30)
    np.testing.assert_allclose(popularity.totals(30), totals, rtol=1e-6)
    np.testing.assert_allclose(popularity.fading(30), fading, rtol=1e-5, atol=1e-12)
    assert popularity.events == 2000


def test_sums_by_time_do_not_depend_on_the_order() -> None:
    events = some_events(HOUR_MS, count=300)
    forward, backward = Popularity(), Popularity()
    for event in events:
        forward.add(*event)
    for event in reversed(events):
        backward.add(*event)

    by_time = slice(len(BY_EVENTS), None)
    np.testing.assert_allclose(forward.fading(30)[by_time], backward.fading(30)[by_time], rtol=1e-5, atol=1e-30)
    np.testing.assert_array_equal(forward.hours(30), backward.hours(30))
    np.testing.assert_array_equal(forward.first_hours(30), backward.first_hours(30))


def test_ages_are_events_and_hours_since() -> None:
    """Given events on a, b, a, c, an hour apart, then each is as old as its first and its last one."""
    popularity = Popularity(capacity=1)
    for hour, row in enumerate((0, 1, 0, 2)):
        popularity.add(row, 0.5, NOW_MS + hour * HOUR_MS)

    assert popularity.ages(5).tolist() == [1.0, 2.0, 0.0, 0.0, 0.0]
    assert popularity.first_ages(5).tolist() == [3.0, 2.0, 0.0, 0.0, 0.0]
    assert popularity.hours(5).tolist() == [1.0, 2.0, 0.0, 3.0, 3.0], "what nobody touched is as old as everything"
    assert popularity.first_hours(5).tolist() == [3.0, 2.0, 0.0, 0.0, 0.0]
    other = Popularity()
    other.restore(np.array([3, 0, 1]), popularity.sums(3))
    other.add(7, 1.0, NOW_MS + 4 * HOUR_MS)
    assert other.ages(8).tolist() == [3.0, 1.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0]
    assert other.hours(4).tolist() == [3.0, 1.0, 4.0, 2.0]


def test_a_copy_goes_on_bit_by_bit() -> None:
    events = some_events(HOUR_MS)
    one, other = Popularity(), Popularity()
    for event in events[:1500]:
        one.add(*event)
    other.restore(np.arange(30), one.sums(30))
    for event in events[1500:]:
        one.add(*event)
        other.add(*event)

    np.testing.assert_array_equal(one.fading(30), other.fading(30))
    np.testing.assert_array_equal(one.hours(30), other.hours(30))


def test_the_nth_event_of_a_user_s_day_counts_and_passes_by_its_share() -> None:
    """Given two hundred users who took something, then one more's hundred events, these have hardly faded."""
    popularity = Popularity()
    for n in range(200):
        popularity.add(n % 10, 1.0, NOW_MS)
    before = popularity.fading(10).sum(axis=1)
    for nth in range(1, 101):
        popularity.add(10, 1.0, NOW_MS, nth)

    after = popularity.fading(11)
    assert (after[1:, :10].sum(axis=1) > 0.9 * before[1:]).all()
    assert (after[:, 10] < 3.0 + 9.0 * 0.3).all()
    assert 3.0 < popularity.everything(11)[0, 10] < 3.0 + 9.0 * 0.3, "of all time (3 / n)², where one a day is usual"
    assert popularity.totals(11)[10] == 100.0, "what co-visits are related to"


def test_a_copy_of_shares_goes_on_bit_by_bit() -> None:
    one, other = Popularity(), Popularity()
    for at, event in enumerate(some_events(HOUR_MS, count=500)):
        one.add(*event, 1 + at % 21)
    other.restore(np.arange(30), one.sums(30))
    for at, event in enumerate(some_events(HOUR_MS, count=500)):
        one.add(*event, 1 + at % 13)
        other.add(*event, 1 + at % 13)

    np.testing.assert_array_equal(one.everything(30), other.everything(30))


def test_an_event_of_unknown_time_is_of_the_newest() -> None:
    popularity = Popularity()
    popularity.add(0, 1.0, NOW_MS)
    popularity.add(1, 1.0)

    assert popularity.hours(2).tolist() == [0.0, 0.0]
    assert popularity.fading(2)[len(BY_EVENTS) :].tolist() == [[1.0, 1.0]] * len(HALF_LIVES_MS)


def test_years_without_an_event_leave_nothing_of_an_hour() -> None:
    popularity = Popularity()
    popularity.add(0, 1.0, NOW_MS)
    popularity.add(1, 1.0, NOW_MS + 20 * 365 * 24 * HOUR_MS)

    assert popularity.fading(2)[len(BY_EVENTS)].tolist() == [0.0, 1.0]
    assert np.isfinite(popularity.fading(2)).all()
    assert popularity.totals(2).tolist() == [1.0, 1.0]


def test_rows_beyond_the_capacity_are_made_room_for() -> None:
    popularity = Popularity(capacity=2)

    popularity.add(1000, 0.5)

    assert popularity.totals(1001)[1000] == 0.5
    assert popularity.totals(3000).shape == popularity.fading(3000).shape[1:] == (3000,)
    assert popularity.fading(1001).dtype == np.float32
