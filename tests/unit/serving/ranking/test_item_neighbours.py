"""What is near a ring equals the formula, item by item, and divides among the ring's items."""

import math

import numpy as np
import pytest

from serving.arrays import Doubles, Rows
from serving.ranking.covisits import CoVisitRows
from serving.ranking.item_neighbours import ItemNeighbours, NeighbourSearch
from serving.ranking.popularity import Popularity
from serving.ranking.reasons import attributed
from serving.ranking.reasons.attribution_pass import shares_of_ring
from tests.unit.serving.ranking.test_covisits import Linked

N = 40


@pytest.fixture
def events() -> list[Linked]:
    rng = np.random.default_rng(3)
    return [
        (int(rng.integers(N - 5)), 1.0, [(int(other), 0.5) for other in rng.integers(0, N - 5, 6)]) for _ in range(200)
    ]


def learned(events: list[Linked]) -> tuple[CoVisitRows, np.ndarray]:
    covisits, popularity = CoVisitRows(), Popularity()
    for row, covisit, ring in events:
        covisits.add(row, covisit, ring)
        popularity.add(row, covisit)
    return covisits, popularity.totals(N)


def test_parts_are_those_of_the_formula(events: list[Linked]) -> None:
    covisits, totals = learned(events)
    ring, ages, weights = np.array([3, 17, 3, 39]), np.array([0, 1, 3, 4]), np.array([1.0, 0.5, 0.2, 1.0], np.float32)
    gaps_s = np.array([0.0, 20.0, 40.0, 400.0], np.float32)

    found = NeighbourSearch(covisits).find(ring, ages, gaps_s, weights, totals)

    co_occurrence, transition = np.zeros((N, N)), np.zeros((N, N))
    for row, covisit, past in events:
        for age, (other, weight) in enumerate(past):
            co_occurrence[other, row] += covisit * weight * 0.9**age
            co_occurrence[row, other] += covisit * weight * 0.9**age
            transition[other, row] += covisit * weight * 0.5**age
    for item in range(N):
        cos = sum(
            w * 0.8**p * co_occurrence[i, item] / math.sqrt((totals[i] + 2) * (totals[item] + 2))
            for i, p, w in zip(ring, ages, weights, strict=True)
        )
        slow_co_occurrence = sum(
            w * 0.95**p * co_occurrence[i, item] / math.sqrt((totals[i] + 2) * (totals[item] + 2))
            for i, p, w in zip(ring, ages, weights, strict=True)
        )
        session = sum(
            w * 0.5 ** (g / 40.0) * co_occurrence[i, item] / math.sqrt((totals[i] + 2) * (totals[item] + 2))
            for i, g, w in zip(ring, gaps_s, weights, strict=True)
        )
        fwd = sum(
            w * 0.5**p * transition[i, item] / (totals[i] + 1) for i, p, w in zip(ring, ages, weights, strict=True)
        )
        sums = [
            math.log1p(cos / 0.03),
            math.log1p(slow_co_occurrence / 0.03),
            math.log1p(fwd / 0.01),
            math.log1p(session / 0.03),
        ]
        recency = {3: 1.0, 17: 0.8, 39: 0.8**4}.get(item, 0.0)
        by_ring = [float(item in ring), float(item == 3), recency, math.log(2) * (item == 3), 0.8**3 * (item == 17)]
        wanted = [*sums, *by_ring]
        assert found.of(np.array([item]))[:, 0].tolist() == pytest.approx(wanted, rel=1e-5)
    assert {3, 17, 39} <= set(found.rows.tolist())
    assert len(set(found.rows.tolist())) == len(found.rows)


def divided(found: ItemNeighbours, rows: Rows) -> Doubles:
    """`(4, r, t)`."""
    linking, no_weights = np.arange(len(found.ring)), np.zeros(9)
    linked = attributed.Linked(found.ring, linking, found.rows, found.signals, found.factors, found.places, no_weights)
    return shares_of_ring(rows, linked, found.links).transpose(1, 0, 2)


def test_shares_divide_what_is_near_among_the_ring(events: list[Linked]) -> None:
    covisits, totals = learned(events)
    found = NeighbourSearch(covisits).find(
        np.array([3, 17, 39]), np.arange(3), np.zeros(3, np.float32), np.ones(3, np.float32), totals
    )

    shares = divided(found, found.rows)

    cos, fwd = found.signals[0] > 0, found.signals[2] > 0
    assert cos.any()
    assert fwd.any()
    np.testing.assert_allclose(shares[0].sum(axis=1), cos.astype(float))
    np.testing.assert_allclose(shares[1].sum(axis=1), cos.astype(float))
    np.testing.assert_allclose(shares[2].sum(axis=1), fwd.astype(float))
    assert not shares[:, :, 2].any(), "the third has no interactions"


def test_near_an_empty_ring_is_nothing() -> None:
    found = NeighbourSearch(CoVisitRows()).find(
        np.empty(0, np.intp),
        np.empty(0, np.intp),
        np.empty(0, np.float32),
        np.empty(0, np.float32),
        np.zeros(N, np.float32),
    )

    assert found.of(np.array([1, 2])).tolist() == [[0.0, 0.0]] * 9
    assert divided(found, np.array([1, 2])).shape == (4, 2, 0)
