"""Popularity equals its definition, after any number of events and rescalings."""

import math

import numpy as np
import pytest

from serving.ranking.popularity import Popularity


def by_definition(events: list[tuple[int, float]], n: int, decay: float) -> tuple[np.ndarray, np.ndarray]:
    """Totals and decayed sums, event by event over all rows."""
    totals, decayed = np.zeros(n), np.zeros(n)
    for row, covisit in events:
        decayed *= decay
        totals[row] += covisit
        decayed[row] += covisit
    return totals, decayed


@pytest.mark.parametrize("decay", [0.999, 0.5, 1.0])
def test_sums_are_those_of_the_definition(decay: float) -> None:
    rng = np.random.default_rng(7)
    events = [
        (int(row), float(covisit)) for row, covisit in zip(rng.integers(0, 30, 2000), rng.random(2000), strict=True)
    ]
    popularity = Popularity(decay)

    for row, covisit in events:
        popularity.add(row, covisit)

    totals, decayed = by_definition(events, 30, decay)
    np.testing.assert_allclose(popularity.totals(30), totals, rtol=1e-6)
    np.testing.assert_allclose(popularity.decayed(30), decayed, rtol=1e-6, atol=1e-12)
    assert popularity.events == 2000


def test_ages_are_events_since_the_last_one() -> None:
    """Given events on a, b, a, c, then a is one event old, b two, and what has no interactions is none."""
    popularity = Popularity(capacity=1)
    for row in (0, 1, 0, 2):
        popularity.add(row, 0.5)

    assert popularity.ages(5).tolist() == [1.0, 2.0, 0.0, 0.0, 0.0]
    other = Popularity()
    other.restore(np.array([3, 0, 1]), popularity.sums(3))
    other.add(7, 1.0)
    assert other.ages(8).tolist() == [3.0, 1.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0]


def test_rescaling_changes_nothing() -> None:
    """Given a decay of one half, when 5,000 events come, then weights were rescaled and all is finite."""
    popularity = Popularity(decay=0.5)

    for _ in range(5000):
        popularity.add(0, 1.0)
    popularity.add(1, 1.0)

    assert popularity.decayed(2).tolist() == pytest.approx([1.0, 1.0], abs=1e-6)
    assert popularity.totals(1)[0] == 5000


def test_rows_beyond_the_capacity_are_made_room_for() -> None:
    popularity = Popularity(capacity=2)

    popularity.add(1000, 0.5)

    assert popularity.totals(1001)[1000] == 0.5
    assert popularity.totals(3000).shape == popularity.decayed(3000).shape == (3000,)
    assert popularity.totals(1001).dtype == popularity.decayed(1001).dtype == np.float32


@pytest.mark.parametrize("decay", [0.0, -1.0, 1.5, math.nan])
def test_a_decay_that_is_none_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match="decay is"):
        Popularity(decay)
