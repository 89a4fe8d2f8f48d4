"""How fast a graph runs on this machine, and which of several passes for the fastest."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from serving.model.engines import Engine
from serving.model.engines.choice import on_cpu

__all__ = ("SHAPES", "compare", "fastest", "in_step")

SHAPES = {"1x16": (1, 16), "32x64": (32, 64)}  # texts x tokens: one statement, a batch of reviews
SECONDS = 4.5  # a graph and a shape
MOST_ROUNDS, LEAST_ROUNDS = 200, 5
# Within a quarter, two timings on a shared machine do not order two schemes, and a choice that flips from export to
# export changes fingerprints for nothing: the smaller one is taken, which also leaves memory to the rest.
_TIE = 1.25


def compare(models: Mapping[str, Path], vocabulary: int) -> dict[str, dict[str, float]]:
    """Milliseconds by scheme and shape. Graphs take turns run by run, so that a busy moment hits all of them alike.

    vocabulary: how many tokens the model has; random ones are run.
    """
    engines = {name: on_cpu(path, name) for name, path in models.items()}
    told: dict[str, dict[str, float]] = {name: {} for name in models}
    for shape, (texts, tokens) in SHAPES.items():
        for name, ms in in_step(_rounds(engines, vocabulary, texts, tokens)).items():
            told[name][shape] = ms
    return told


def in_step(rounds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Typical times whose ratios can be trusted, from `(rounds,)` times each, the i-th of all taken side by side.

    The first one's is the median of its times; another's is that, times the median of its ratios to the first. A
    machine that is busy for a while stretches both sides of a ratio alike.

    >>> in_step({"a": [2.0, 2.0, 9.0, 9.0, 2.0], "b": [3.0, 3.0, 13.5, 13.5, 30.0]})
    {'a': 2.0, 'b': 3.0}
    """
    (first, base), *_ = rounds.items()
    typical = float(np.median(base))
    return {first: typical} | {
        name: typical * float(np.median(np.asarray(times) / np.asarray(base)))
        for name, times in rounds.items()
        if name != first
    }


def _rounds(engines: Mapping[str, Engine], vocabulary: int, texts: int, tokens: int) -> dict[str, list[float]]:
    """Times of each graph in ms, one a round. Each turn warms the caches first: the others have just used them."""
    ids = np.random.default_rng(texts).integers(vocabulary, size=(texts, tokens), dtype=np.int64)
    mask = np.ones_like(ids)
    times: dict[str, list[float]] = {name: [] for name in engines}
    end = perf_counter() + SECONDS * len(engines)
    for done in range(MOST_ROUNDS):
        if done >= LEAST_ROUNDS and perf_counter() > end:
            break
        for name, engine in engines.items():
            engine.run(ids, mask)
            start = perf_counter()
            engine.run(ids, mask)
            times[name].append(1e3 * (perf_counter() - start))
    return times


def fastest(times: Mapping[str, Mapping[str, float]], sizes: Mapping[str, int]) -> str:
    """The name with the smallest geometric mean over the shapes; of those within 25 % of it, the smallest in bytes.

    >>> fastest({"a": {"1x16": 4.0}, "b": {"1x16": 4.2}, "c": {"1x16": 9.0}}, {"a": 400, "b": 100, "c": 50})
    'b'
    """
    means = {name: math.exp(_mean(math.log(ms) for ms in shapes.values())) for name, shapes in times.items()}
    limit = _TIE * min(means.values())
    return min((name for name in means if means[name] <= limit), key=lambda name: sizes[name])


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
