"""Whoever sends events cannot drive the weights: nonsense teaches nothing, weights stay in reach, and come back."""

import numpy as np
import pytest

from serving.arrays import Doubles
from serving.ranking.learning.blend import START, Blend
from serving.ranking.learning.learner import Draw
from serving.ranking.learning.signals import Signal
from serving.ranking.learning.watch import Verdict, Watch

F = len(Signal)


def taken_by(rng: np.random.Generator, by: Signal, factor: float) -> Draw:
    """An item that is taken for one signal."""
    signals = rng.standard_normal((F, 40))
    points = factor * signals[by]
    taken = rng.choice(40, p=np.exp(points) / np.exp(points).sum())
    signals[:, [0, taken]] = signals[:, [taken, 0]]
    return Draw(signals, np.zeros(40), 0.0, 1.0)


def unlikely(rng: np.random.Generator) -> Draw:
    """What nobody expects: the least of all items by every signal."""
    signals = np.abs(rng.standard_normal((F, 40)))
    signals[:, 0] = -2.0
    return Draw(signals, np.zeros(40), 0.0, 1.0)


def learned(blend: Blend, steps: int = 300) -> tuple[Doubles, np.random.Generator]:
    """The weights of a blend that followed a stream for a while."""
    rng = np.random.default_rng(1)
    for _ in range(steps):
        blend.learn(taken_by(rng, Signal.CONTENT, 3.0))
    return blend.at(0.0).astype(np.float64), rng


@pytest.mark.parametrize("guarded", [True, False])
def test_what_no_expert_expects_teaches_the_learners_nothing(*, guarded: bool) -> None:
    blend = Blend(guarded=guarded)
    _, rng = learned(blend)
    before = [learner.at(0.0) for learner in blend.learners()]
    for _ in range(100):
        blend.learn(unlikely(rng))

    moved = max(np.abs(learner.at(0.0) - was).max() for learner, was in zip(blend.learners(), before, strict=True))
    assert moved == 0.0 if guarded else moved > 0.5


def test_weights_stay_within_reach_of_their_start() -> None:
    """However long a stream goes by one signal alone, which one of its own follows instead."""
    blend, rng = Blend(), np.random.default_rng(2)
    for _ in range(600):
        blend.learn(taken_by(rng, Signal.TRANSITION, 30.0))

    for learner in blend.learners():
        assert np.abs(learner.at(0.0) - [START.get(signal, 0.0) for signal in Signal]).max() <= 3.0


def test_weights_that_predict_worse_than_the_start_are_given_up() -> None:
    """Given weights from elsewhere that are the reverse of what users do, then after some steps they are gone."""
    rng = np.random.default_rng(3)
    blend, bad = Blend({Signal.CONTENT: 3.0}), Blend({Signal.CONTENT: -3.0}, guarded=False)
    blend.unpack(bad.pack())
    assert blend.at(0.0)[Signal.CONTENT] < -2.0
    for _ in range(150):
        blend.learn(taken_by(rng, Signal.CONTENT, 3.0))

    assert blend.at(0.0)[Signal.CONTENT] > 2.0


def test_a_watch_goes_back_to_what_was_better_before() -> None:
    watch = Watch()
    first = [watch.see(-0.5, 1.0) for _ in range(250)]
    then = [watch.see(2.0, 1.0) for _ in range(100)]

    assert first.count(Verdict.KEEP) == 1
    assert Verdict.GO_BACK not in first
    assert Verdict.GO_BACK in then
    assert {Watch().see(5.0, 1.0) for _ in range(9)} == {Verdict.GO_ON}, "one surprise decides nothing"
