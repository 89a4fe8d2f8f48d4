"""Rows of co-visits equal their definition as long as they are not cut, and keep what counts most when they are."""

import copy
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from serving.ranking.covisits import CoVisitRows

Linked = tuple[int, float, list[tuple[int, float]]]


def by_definition(events: list[Linked], n: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """S and A as full tables, covisit by covisit."""
    co_occurrence, transition = np.zeros((n, n)), np.zeros((n, n))
    for row, covisit, ring in events:
        for age, (other, weight) in enumerate(ring):
            co_occurrence[other, row] += covisit * weight * 0.9**age
            co_occurrence[row, other] += covisit * weight * 0.9**age
            transition[other, row] += covisit * weight * 0.5**age
    return co_occurrence, transition


def tables(covisits: CoVisitRows, n: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    co_occurrence, transition = np.zeros((n, n)), np.zeros((n, n))
    links = covisits.links(range(n))
    for row in range(n):
        part = slice(links.starts[row], links.starts[row + 1])
        assert len(set(links.items[part].tolist())) == links.starts[row + 1] - links.starts[row], "a neighbour twice"
        co_occurrence[row, links.items[part]] = links.co_occurrence[part]
        transition[row, links.items[part]] = links.transition[part]
    return co_occurrence, transition


@pytest.fixture
def events() -> list[Linked]:
    """Users' rings of up to 20, with repeats, and items that weigh nothing."""
    rng = np.random.default_rng(5)
    return [
        (
            int(rng.integers(60)),
            float(rng.choice([0.0, 0.3, 1.0])),
            [(int(other), float(rng.choice([0.0, 0.2, 1.0]))) for other in rng.integers(0, 60, rng.integers(21))],
        )
        for _ in range(1500)
    ]


def test_rows_are_those_of_the_definition(events: list[Linked]) -> None:
    covisits = CoVisitRows()

    for row, covisit, ring in events:
        covisits.add(row, covisit, ring)

    for have, wanted in zip(tables(covisits, 60), by_definition(events, 60), strict=True):
        np.testing.assert_allclose(have, wanted, rtol=1e-5, atol=1e-5)


def test_an_item_taken_again_is_its_own_neighbour() -> None:
    covisits = CoVisitRows()

    covisits.add(3, 1.0, [(3, 1.0)])

    links = covisits.links([3])
    assert (links.items.tolist(), links.co_occurrence.tolist(), links.transition.tolist()) == ([3], [2.0], [1.0])


def test_nothing_is_learned_from_what_weighs_nothing() -> None:
    covisits = CoVisitRows()

    covisits.add(1, 0.0, [(2, 1.0)])
    covisits.add(1, 1.0, [(2, 0.0)])
    covisits.add(1, 1.0, [])

    assert covisits.links([1, 2, 3]).items.tolist() == []


def test_a_long_row_keeps_the_neighbours_that_count_most_and_lets_new_ones_in() -> None:
    """Given 5,000 passing neighbours, and 50 that come again and again, then these stand, and the row is bounded."""
    covisits = CoVisitRows()
    for n in range(5000):
        covisits.add(0, 1.0, [(1 + n % 50, 1.0)])
        covisits.add(0, 1.0, [(100 + n, 0.2)])

    co_occurrence, _ = tables(covisits, 5200)

    assert 400 <= np.count_nonzero(co_occurrence[0]) <= 800
    np.testing.assert_allclose(co_occurrence[0, 1:51], 100.0)
    assert co_occurrence[0, 5099] > 0, "the newest is there"


def test_a_copy_put_back_under_other_rows_is_the_same_and_goes_on(events: list[Linked]) -> None:
    """Given rows that were copied and put back with other numbers, then they learn on as the first do."""
    places = np.random.default_rng(2).permutation(60)
    first, second = CoVisitRows(), CoVisitRows()
    for row, covisit, ring in events[:700]:
        first.add(row, covisit, ring)

    second.restore(places, first.links(range(60)))
    for row, covisit, ring in events[700:]:
        first.add(row, covisit, ring)
        second.add(int(places[row]), covisit, [(int(places[other]), weight) for other, weight in ring])

    for one, other in zip(tables(first, 60), tables(second, 60), strict=True):
        np.testing.assert_allclose(other[np.ix_(places, places)], one, rtol=1e-6)


@pytest.mark.parametrize("copied", [CoVisitRows.copy, copy.deepcopy])
def test_a_copy_stays_as_it_was(events: list[Linked], copied: Callable[[CoVisitRows], CoVisitRows]) -> None:
    first = CoVisitRows()
    for row, covisit, ring in events[:700]:
        first.add(row, covisit, ring)
    before = tables(first, 60)

    second = copied(first)
    for row, covisit, ring in events[700:]:
        first.add(row, covisit, ring)

    for one, other in zip(before, tables(second, 60), strict=True):
        np.testing.assert_array_equal(one, other)
    second.add(0, 1.0, [(1, 1.0)])
    assert tables(second, 60)[0][0, 1] == before[0][0, 1] + 1.0
