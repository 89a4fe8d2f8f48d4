"""Engines take turns, round by round."""

import numpy as np
import pytest

from benchmarks.encoder.process.packing import ARRIVAL, BUDGETED, SINGLE, WAYS
from benchmarks.encoder.turns import SHAPES, take_turns, timed
from serving.model.tokens import Ids
from tests.support.colours import Colours


def test_each_engine_runs_once_a_round() -> None:
    order: list[str] = []

    def engine(name: str, ms: float) -> float:
        order.append(name)
        return ms

    engines = {"a": lambda _ids, _mask: engine("a", 1.0), "b": lambda _ids, _mask: engine("b", 2.0)}
    times = take_turns(engines, np.ones((1, 4), np.int64), seconds=0)

    assert order == ["a", "b"] * 4
    assert times == {"a": [1.0] * 4, "b": [2.0] * 4}


def test_all_engines_see_the_same_texts_of_each_shape() -> None:
    seen: dict[str, list[Ids]] = {"a": [], "b": []}

    def engine(name: str, ids: Ids, mask: Ids) -> float:
        assert mask.min() == 1
        seen[name].append(ids)
        return float(ids.size)

    ticks: list[int] = []
    engines = {"a": lambda ids, mask: engine("a", ids, mask), "b": lambda ids, mask: 2 * engine("b", ids, mask)}
    times = timed(engines, [5, 6, 7], 0, ticks.append)

    assert [ids.shape for ids in seen["a"][::4]] == list(SHAPES.values())
    assert all(np.array_equal(a, b) for a, b in zip(seen["a"], seen["b"], strict=True))
    assert set(np.unique(seen["a"][-1])) == {5, 6, 7}
    assert {shape: each.typical for shape, each in times["b"].items()} == pytest.approx(
        {"1x16": 32, "1x64": 128, "8x64": 1024, "32x64": 4096}
    )
    assert (times["a"]["1x16"].best, times["a"]["1x16"].rounds, ticks) == (16, 4, [1] * 4)


@pytest.mark.parametrize(
    ("way", "shapes"),
    [(BUDGETED, [(41, 3)]), (ARRIVAL, [(32, 3), (9, 2)]), (SINGLE, [(1, 3), *[(1, 1)] * 31, *[(1, 2)] * 9])],
)
def test_texts_are_packed_in_three_ways(way: str, shapes: list[tuple[int, int]]) -> None:
    engine = Colours()

    WAYS[way](engine, [[1, 2, 3], *[[1]] * 31, *[[1, 2]] * 9], 0)

    assert engine.shapes == shapes
