"""Batches under a token budget."""

import itertools

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from serving.model.tokens import Ids, Packing, batches, pad, run_in_batches

LENGTHS = st.lists(st.integers(1, 300), max_size=60)


@given(LENGTHS, st.integers(1, 800))
def test_every_text_comes_once_and_no_batch_of_several_exceeds_the_budget(lengths: list[int], budget: int) -> None:
    parts = [part.tolist() for part in batches(lengths, budget)]
    assert sorted(index for part in parts for index in part) == list(range(len(lengths)))
    for part in parts:
        cost = max(lengths[index] for index in part) * len(part)
        assert cost <= budget or len(part) == 1


@given(LENGTHS)
def test_a_batch_is_not_closed_while_the_next_text_would_fit(lengths: list[int]) -> None:
    parts = [part.tolist() for part in batches(lengths, 256)]
    for part, following in itertools.pairwise(parts):
        assert lengths[following[0]] * (len(part) + 1) > 256


def test_like_lengths_stand_together() -> None:
    assert [part.tolist() for part in batches([50, 3, 49, 2], budget=100)] == [[3, 1], [2, 0]]


def test_nothing_gives_no_batch() -> None:
    assert list(batches([])) == []


def test_short_rows_are_filled_up_and_masked() -> None:
    ids, mask = pad([[7], [8, 9, 10]], pad_id=1)
    assert ids.tolist() == [[7, 1, 1], [8, 9, 10]]
    assert mask.tolist() == [[1, 0, 0], [1, 1, 1]]
    assert ids.dtype == mask.dtype == np.int64


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=12), min_size=1, max_size=40), st.integers(1, 64))
def test_results_come_in_the_order_of_the_texts(rows: list[list[int]], budget: int) -> None:
    def total_and_length(ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
        return np.stack([(ids * mask).sum(axis=1), mask.sum(axis=1)], axis=1).astype(np.float32)

    found = run_in_batches(total_and_length, rows, pad_id=99, packing=Packing(budget))
    assert found.tolist() == [[sum(row), len(row)] for row in rows]
