from itertools import pairwise

import numpy as np
import pytest

from benchmarks.performance.load.runs import Run
from benchmarks.performance.saturation import Tried, best, falls_behind, search
from benchmarks.performance.soak import by_minute


def run(took_s: list[float], apart_s: float = 0.01) -> Run:
    due_s = np.linspace(0.0, apart_s * len(took_s), len(took_s), endpoint=False)
    return Run(
        due_s=due_s,
        sent_s=due_s,
        seen_s=due_s + np.array(took_s),
        review=np.zeros(len(took_s), np.bool_),
        lists=0,
        moved=0,
        generator_us=0.0,
        before={},
        after={},
    )


def test_what_is_kept_up_with_does_not_fall_behind() -> None:
    noise = np.random.default_rng(0).exponential(0.03, 1000)

    assert abs(falls_behind(run(list(noise)))) < 0.01


def test_an_overload_of_a_tenth_falls_a_second_behind_in_ten() -> None:
    waited = np.arange(1000) * 0.01 * 0.1

    assert falls_behind(run(list(waited))) == pytest.approx(0.1, rel=0.01)


def test_an_event_that_was_never_answered_is_not_kept_up_with() -> None:
    assert falls_behind(run([0.01] * 999 + [np.nan])) >= 1.0


@pytest.mark.parametrize("guess", [100.0, 380.0, 900.0, 5000.0])
def test_the_search_ends_just_below_the_limit(guess: float) -> None:
    limit = 421.0

    tried = search(lambda rate: Tried(rate, 0.0 if rate <= limit else 0.2), guess, most=20)

    found = best(tried)
    assert found is not None
    assert limit / 1.06 <= found <= limit
    assert len({each.rate for each in tried}) == len(tried)


def test_the_search_is_bounded() -> None:
    tried = search(lambda rate: Tried(rate, 1.0), 1000.0, most=5)

    assert len(tried) == 5
    assert best(tried) is None
    assert all(earlier.rate > later.rate for earlier, later in pairwise(tried))


def test_a_soak_is_told_by_minute() -> None:
    minutes = by_minute(run([0.01] * 600 + [0.02] * 600 + [0.5] * 100, apart_s=0.1))

    assert [minute["p50"] for minute in minutes] == pytest.approx([10.0, 20.0])
