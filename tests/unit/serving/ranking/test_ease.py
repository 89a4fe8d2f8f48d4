"""The EASE model: counted event by event it is that of whole histories; its top is what has most interactions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.arrays import Floats
from serving.ranking.ease import Ease, Gram, History, fit, history_of, ridge

N = 12
NO_ROWS, NO_WEIGHTS = np.empty(0, np.intp), np.empty(0)
NOTHING = history_of(NO_ROWS, NO_WEIGHTS, NO_ROWS, np.empty(0, np.float32))


def past(strengths: dict[int, float]) -> History:
    """A history without a ring."""
    return history_of(
        NO_ROWS, NO_WEIGHTS, np.array(list(strengths), np.intp), np.array(list(strengths.values()), np.float32)
    )


def counted(users: list[dict[int, float]], top: int = N) -> Ease:
    """Every user's items, one event each, in the order of the mapping."""
    ease = Ease(top)
    for user in users:
        before: dict[int, float] = {}
        for row, covisit in user.items():
            ease.add(row, covisit, past(before))
            before[row] = covisit
    return ease


def dense(gram: Gram) -> Floats:
    """G by the rows of the catalogue."""
    found = np.zeros((N, N), np.float32)
    found[np.ix_(gram.rows, gram.rows)] = gram.counts
    return found


users = st.lists(
    st.dictionaries(st.integers(0, N - 1), st.sampled_from([0.2, 0.5, 1.0]), min_size=1), min_size=1, max_size=12
)


@given(users)
def test_counts_are_those_of_whole_histories(made: list[dict[int, float]]) -> None:
    strengths = np.zeros((len(made), N))
    for at, user in enumerate(made):
        strengths[at, list(user)] = list(user.values())

    ease = counted(made)

    np.testing.assert_allclose(dense(ease.gram()), strengths.T @ strengths, atol=1e-5)
    assert ease.events == sum(map(len, made))


@given(users)
def test_a_fit_is_the_regression_of_each_item_on_all_others(made: list[dict[int, float]]) -> None:
    """Given G, then the error has no slope at the weights, but for the diagonal, which is kept at 0."""
    gram = counted(made).gram()

    weights = fit(gram).weights.astype(np.float64)

    slope = gram.counts @ weights - gram.counts + ridge(gram) * weights
    np.fill_diagonal(slope, 0.0)
    np.testing.assert_allclose(slope, 0.0, atol=1e-4)
    assert not np.diag(weights).any()


@given(users, st.integers(1, 300))
def test_a_fit_stands_also_on_counts_that_began_late(made: list[dict[int, float]], times: int) -> None:
    """Given histories whose own events were never counted, then nothing blows up."""
    ease = Ease(N)
    for user in made:
        row, *others = user
        for _ in range(times):
            ease.add(row, 1.0, past(dict.fromkeys(others, 1.0)))
    gram = ease.gram()

    lowest = np.linalg.eigvalsh(gram.counts.astype(np.float64) + ridge(gram) * np.eye(len(gram.rows))).min()

    assert lowest > 0.49 * ridge(gram)
    assert np.isfinite(fit(gram).weights).all()


def test_earlier_interactions_count_once() -> None:
    ease = counted([{1: 1.0, 2: 1.0}])
    before = dense(ease.gram())

    ease.add(1, 1.0, past({1: 1.0, 2: 1.0}))

    assert dense(ease.gram()).tolist() == before.tolist()
    assert ease.events == 3


def test_the_terms_of_a_history_sum_to_its_sums() -> None:
    fitted = fit(counted([dict.fromkeys(range(size), 1.0) for size in range(1, N)]).gram())
    history = past({2: 0.5, 3: 1.0, 900: 1.0})

    terms = fitted.terms(history, np.arange(N))

    sums = np.zeros(N)
    sums[fitted.rows] = fitted.sums(history)
    np.testing.assert_allclose(terms.sum(axis=1), sums, rtol=1e-5)
    assert not terms[:, 2].any(), "nobody knows item 900"
    assert not fitted.sums(NOTHING).any()
    empty = fit(Ease(N).gram())
    assert empty.sums(history).size == 0
    assert not empty.terms(history, np.arange(N)).any()


def test_the_top_items_are_those_of_most_interactions() -> None:
    """Given a full top, when others have a quarter more interactions, then these take the places, and count anew."""
    ease = counted([{0: 1.0, 1: 1.0, 2: 1.0}, {3: 1.0, 0: 1.0}], top=3)
    totals = np.zeros(N, np.float32)
    totals[:5] = [9.0, 4.0, 8.0, 4.5, 40.0]

    gram = ease.begin(totals)

    assert sorted(gram.rows.tolist()) == [0, 2, 4], "3 has only an eighth more interactions than 1"
    assert dense(gram)[4].tolist() == [0.0] * N
    assert dense(gram)[0, 2] == 1.0
    ease.add(4, 1.0, past({0: 1.0}))
    ease.add(1, 1.0, past({0: 1.0}))
    after = dense(ease.gram())
    assert (after[4, 0], after[4, 4], after[1, 0]) == (1.0, 1.0, 0.0)


def test_a_fit_is_due_after_a_tenth_more_events() -> None:
    ease = Ease(4)
    found = []
    for event in range(1, 12_001):
        ease.add(event % 4, 1.0, NOTHING)
        if ease.due:
            found.append(event)
            ease.begin(np.ones(4, np.float32))
    assert found[:3] == [500, 1000, 1500]
    assert 1.09 < found[-1] / found[-2] < 1.12


def test_it_goes_on_from_a_copy() -> None:
    """Given another numbering of rows, then the same events lead to the same counts."""
    running, shifted = counted([{0: 1.0, 1: 0.5}, {1: 1.0, 2: 1.0}]), Ease(N)
    gram = running.gram()

    shifted.restore(Gram(gram.rows + 5, gram.counts, gram.events, gram.users))
    running.add(3, 1.0, past({0: 1.0}))
    shifted.add(8, 1.0, past({5: 1.0}))

    ours, theirs = running.gram(), shifted.gram()
    assert ours.counts.tolist() == theirs.counts.tolist()
    assert (ours.rows + 5).tolist() == theirs.rows.tolist()
    assert ours.events == theirs.events
    assert shifted.due is False
    assert Ease(4).due is False


def test_a_ring_counts_an_item_once_and_no_more_than_whole() -> None:
    found = history_of(
        np.array([4, 4, 2, 9]), np.array([0.8, 0.8, 0.3, 0.0]), np.array([7, -1]), np.ones(2, np.float32)
    )

    assert found.rows.tolist() == [4, 2, 7]
    assert found.strengths.tolist() == pytest.approx([1.0, 0.3, 1.0])
