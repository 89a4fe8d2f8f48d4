"""What lists are like: figures that can be worked out by hand."""

import math

import numpy as np
import pytest

from benchmarks.quality.list_measures import Crowd, ListMeasures, first, head_of, unlikeness
from evaluation.prequential.data_sets import DatasetEvent
from evaluation.prequential.steps import Step, rank_of
from serving.ranking.ranker import TOP
from stream.events.weights import Weight


def step(row: int, candidates: list[bool] | None = None) -> Step:
    mask = None if candidates is None else np.array(candidates)
    return Step(DatasetEvent("u", row, 0, Weight(1.0, 1.0), positive=True), candidates=mask)


def crowd(*counts: int) -> Crowd:
    made = Crowd(len(counts))
    for row, count in enumerate(counts):
        for _ in range(count):
            made.add(row)
    return made


def test_information_is_what_an_item_tells_after_the_events_so_far() -> None:
    """Given 4 items and 4 events, 3 of them on the first, then it stands for 1 bit, an untouched one for 3."""
    made = crowd(3, 1, 0, 0)

    assert made.information(np.array([0, 1, 2])).tolist() == [1.0, 2.0, 3.0]


def test_the_tail_is_told_anew_as_preferences_change() -> None:
    """Given 100 events on one item, it is the head; after 200 more on another, that one is."""
    made = crowd(100, 1, 0)
    assert [made.tail(np.array([row])) for row in range(3)] == [0, 1, 1]

    for _ in range(200):
        made.add(1)

    assert [made.tail(np.array([row])) for row in range(3)] == [1, 0, 1]


def test_before_any_event_everything_is_tail() -> None:
    assert not head_of(np.zeros(3, np.int64)).any()
    assert crowd(0, 0).tail(np.array([0, 1])) == 2


def test_unlikeness_is_the_mean_over_pairs() -> None:
    """Given two equal vectors, one at a right angle and one opposite, then pairs differ by 0, 1, 1, 2, 2, 1."""
    vectors = np.array([[1, 0], [1, 0], [0, 1], [-1, 0]], np.float32)

    assert unlikeness(vectors) == pytest.approx(7 / 6)
    assert unlikeness(vectors[:2]) == pytest.approx(0.0)


def test_measures_of_two_lists() -> None:
    """Given lists of ten and of two candidates of 12 items, then each measure is what is counted by hand."""
    vectors = np.eye(12, dtype=np.float32)
    lists = ListMeasures(vectors, crowd(*[1] * 12))
    scores = np.arange(12, 0, -1, dtype=np.float32)
    lists.add(scores, step(0))
    lists.add(scores, step(11, [False] * 10 + [True] * 2))

    found = lists.measures()

    assert lists.ranks == [0.0, 1.0]
    assert found["coverage@10"] == 1.0
    assert found["novelty@10"] == pytest.approx(math.log2(12))
    assert found["diversity@10"] == pytest.approx(1.0)
    assert found["gini@10"] == pytest.approx(0.0)


def test_without_lists_there_are_zeros() -> None:
    assert set(ListMeasures(np.eye(2, dtype=np.float32), crowd(1, 0)).measures().values()) == {0.0}


def test_the_first_ten_are_fewer_where_there_are_fewer_or_where_they_must_not_be_listed() -> None:
    scores = np.array([3.0, -np.inf, 1.0, 2.0], np.float32)

    assert sorted(first(scores, step(0)).tolist()) == [0, 2, 3]
    assert sorted(first(scores, step(0, [False, True, True, True])).tolist()) == [2, 3]
    assert len(first(np.arange(30, dtype=np.float32), step(0))) == TOP


def test_a_score_that_is_not_a_number_is_no_hit() -> None:
    assert rank_of(np.array([np.nan, 1.0], np.float32), step(0)) == math.inf
