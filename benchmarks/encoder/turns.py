"""Engines timed in turns, round by round: a moment when the machine is busy hits all of them alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from export.gate.speed import in_step
from serving.model.tokens import Ids

SHAPES = {"1x16": (1, 16), "1x64": (1, 64), "8x64": (8, 64), "32x64": (32, 64)}  # texts x tokens
SMALLEST, *_, LARGEST = SHAPES
_MOST_ROUNDS, _LEAST_ROUNDS = 200, 4

Timed = Callable[[Ids, Ids], float]  # ids and mask to milliseconds


@dataclass(frozen=True)
class Times:
    """One engine at one shape, in milliseconds."""

    typical: float  # in step with the first engine, as `in_step` says
    best: float
    rounds: int


def timed(
    engines: Mapping[str, Timed], tokens: Sequence[int], seconds: float, tick: Callable[[int], None]
) -> dict[str, dict[str, Times]]:
    """Times by engine and shape. tokens: what texts are drawn from. seconds: about how long all of it takes.

    `tick` hears of each shape that is done.
    """
    told: dict[str, dict[str, Times]] = {name: {} for name in engines}
    draw = np.random.default_rng(20)
    for shape, size in SHAPES.items():
        ids = draw.choice(np.asarray(tokens, np.int64), size)
        rounds = take_turns(engines, ids, seconds / len(SHAPES))
        for name, typical in in_step(rounds).items():
            told[name][shape] = Times(typical, min(rounds[name]), len(rounds[name]))
        tick(1)
    return told


def take_turns(engines: Mapping[str, Timed], ids: Ids, seconds: float) -> dict[str, list[float]]:
    """Milliseconds by engine, one a round, until the time is up; at least _LEAST_ROUNDS. Each engine runs alone."""
    mask = np.ones_like(ids)
    times: dict[str, list[float]] = {name: [] for name in engines}
    end = perf_counter() + seconds
    for done in range(_MOST_ROUNDS):
        if done >= _LEAST_ROUNDS and perf_counter() > end:
            break
        for name, run in engines.items():
            times[name].append(run(ids, mask))
    return times
