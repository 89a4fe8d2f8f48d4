"""The blend learns what tells the items taken from the others, and is never far behind the best single signal."""

import binascii

import numpy as np
import pytest

from penchant.errors import BrokenState
from serving.arrays import Doubles
from serving.ranking.learning.blend import Blend
from serving.ranking.learning.fair_share import MOST_OF_A_DAY
from serving.ranking.learning.learner import Draw, Learner
from serving.ranking.learning.pace import Pace
from serving.ranking.learning.signals import Signal

F = len(Signal)
NOTHING: dict[Signal, float] = {}


def draw(signals: Doubles, freshness: float = 0.0, weight: float = 1.0, points: Doubles | None = None) -> Draw:
    return Draw(signals, np.zeros(signals.shape[1]) if points is None else points, freshness, weight)


def some(rng: np.random.Generator, others: int = 50, **taken: float) -> Doubles:
    """Signals at random, of the item taken as given."""
    signals = rng.random((F, 1 + others))
    for name, value in taken.items():
        signals[Signal[name], 0] = value
    return signals


def loss(weights: Doubles, made: Draw) -> float:
    points = weights @ made.signals + made.points
    return float(np.log(np.exp(points - points[0]).sum()))


@pytest.mark.parametrize("freshness", [1.0, 0.2, 0.0])
def test_a_step_makes_what_was_taken_likelier(freshness: float) -> None:
    rng = np.random.default_rng(1)
    learner = Learner(rng.standard_normal(F), 0.999)
    made = draw(rng.standard_normal((F, 101)), freshness, points=rng.standard_normal(101))

    before = loss(learner.at(freshness), made)

    assert learner.loss(made) == pytest.approx(before)
    learner.learn(made)
    assert loss(learner.at(freshness), made) < before


def test_steps_find_the_weights_that_things_are_taken_by() -> None:
    """Given items taken by a softmax of known weights, then after 4,000 steps the learner has them, but for errors."""
    rng = np.random.default_rng(2)
    true = 0.5 * rng.standard_normal(F)
    learner = Learner(np.zeros(F), 1.0)
    for _ in range(4000):
        signals = rng.standard_normal((F, 30))
        points = true @ signals
        taken = rng.choice(30, p=np.exp(points - points.max()) / np.exp(points - points.max()).sum())
        signals[:, [0, taken]] = signals[:, [taken, 0]]
        learner.learn(draw(signals))

    np.testing.assert_allclose(learner.at(0.0), true, atol=0.25)


def test_signals_that_say_the_same_share_what_they_are_worth() -> None:
    rng = np.random.default_rng(3)
    learner = Learner(np.zeros(F), 1.0)
    for _ in range(500):
        signals = some(rng, CONTENT=1.0)
        signals[Signal.NEW_CONTENT] = signals[Signal.CONTENT]
        learner.learn(draw(signals))

    weights = learner.at(0.0)
    assert weights[Signal.CONTENT] == pytest.approx(weights[Signal.NEW_CONTENT])


def test_what_users_take_right_away_and_later_is_learned_apart() -> None:
    """Given users who take what is near the ring at once, and what is popular later, then both are told apart."""
    rng = np.random.default_rng(4)
    blend = Blend(NOTHING)
    for step in range(2000):
        fresh = step % 2
        signals = some(rng)
        signals[Signal.CO_OCCURRENCE if fresh else Signal.RECENT, 0] = 1.0
        blend.learn(draw(signals, float(fresh)))

    now, later = blend.at(1.0), blend.at(0.0)

    assert now[Signal.CO_OCCURRENCE] > 2 * abs(now[Signal.RECENT])
    assert later[Signal.RECENT] > 2 * abs(later[Signal.CO_OCCURRENCE])
    assert blend.steps == 2000


def test_who_is_not_known_has_weights_of_their_own() -> None:
    rng = np.random.default_rng(5)
    blend = Blend()
    before = blend.at(0.0)
    for _ in range(300):
        blend.learn(draw(some(rng, HOUR=1.0)), known=False)

    assert np.array_equal(blend.at(0.0), before)
    assert blend.unknown()[Signal.HOUR] == blend.unknown().max() > 1.0


def test_points_from_elsewhere_are_not_learned_again() -> None:
    """Given items taken for what was written alone, then a blend that is told so moves less than one that is not."""
    rng = np.random.default_rng(6)
    told, untold = Blend(NOTHING), Blend(NOTHING)
    for _ in range(300):
        signals = some(rng, 19, CONTENT=1.0)
        written = np.zeros(20)
        written[0] = 9.0
        told.learn(draw(signals, points=written))
        untold.learn(draw(signals))

    assert told.at(0.0)[Signal.CONTENT] < 0.5 * untold.at(0.0)[Signal.CONTENT]


@pytest.mark.parametrize("signal", [Signal.HOUR, Signal.TRANSITION, Signal.REPEAT])
def test_its_loss_is_near_that_of_the_best_expert(signal: Signal) -> None:
    """Given a stream that goes by one signal, and by another from the middle on, then it is near the best of each half.

    Soon, and not at once: what it takes to find it, and to come back from the fixed share.
    """
    rng = np.random.default_rng(8)
    blend, factor = Blend(), 2.0
    count = 2500
    more = np.zeros(2 * count)
    for step in range(2 * count):
        signals = rng.standard_normal((F, 40))
        by = signal if step < count else Signal.DAY
        points = factor * signals[by]
        taken = rng.choice(40, p=np.exp(points) / np.exp(points).sum())
        signals[:, [0, taken]] = signals[:, [taken, 0]]
        made = draw(signals)
        more[step] = loss(blend.at(0.0).astype(np.float64), made) - loss(factor * np.eye(F)[by], made)
        blend.learn(made)

    assert more[1000:count].mean() < 0.05
    assert more[count + 1000 :].mean() < 0.05
    assert more.mean() < 0.25


def test_a_blend_put_back_learns_on_as_the_first() -> None:
    rng = np.random.default_rng(9)
    first, second = Blend(), Blend()
    steps = [draw(some(rng, 19), 0.5) for _ in range(20)]
    for at, made in enumerate(steps[:10]):
        first.learn(made, known=at % 3 > 0)

    second.unpack(first.pack())
    for made in steps[10:]:
        first.learn(made)
        second.learn(made)

    assert first.pack() == second.pack()
    packed = first.pack()
    for altered in (packed[:-16], packed[:9] + b"?" + packed[10:], b""):
        with pytest.raises(BrokenState, match="another version"):
            second.unpack(altered)
    assert first.steps == second.steps == 20


@pytest.mark.parametrize("told", [b"", np.array([3.5]).tobytes()], ids=["nothing", "a mean"])
def test_weights_that_tell_no_days_of_what_is_usual_are_taken_over(told: bytes) -> None:
    """As earlier versions wrote them."""
    first, second = Blend(), Blend()
    first.learn(draw(some(np.random.default_rng(9), 19), 0.5))
    for _ in range(50):
        first.share_of(1)
    body = first.pack()[4 : -8 * (MOST_OF_A_DAY + Pace.NUMBERS)] + told

    second.unpack(binascii.crc32(body).to_bytes(4, "little") + body)
    assert second.at(1.0).tolist() == first.at(1.0).tolist()
    assert second.share_of(21) == 1.0


def test_steps_of_little_weight_give_way_to_others() -> None:
    """Given as many who take content as who leave it, then those whose steps count more are followed."""
    rng = np.random.default_rng(10)
    blend = Blend(NOTHING)
    for _ in range(300):
        signals = rng.random((F, 20))
        signals[Signal.CONTENT] = 0.0
        signals[Signal.CONTENT, 0] = 1.0
        blend.learn(draw(signals.copy()))
        signals[Signal.CONTENT, 0] = -1.0
        blend.learn(draw(signals.copy(), weight=0.1))

    assert blend.at(0.0)[Signal.CONTENT] > 0.5


SHARE, CURVATURE = 1, 1 + F + 2 + 2 * F


@pytest.mark.parametrize(
    ("place", "number"), [(0, -1.0), (SHARE, np.nan), (SHARE, -1.0), (SHARE, 0.9), (5, np.inf), (CURVATURE, 1e40)]
)
def test_what_are_no_weights_is_refused_though_its_checksum_fits(place: int, number: float) -> None:
    numbers = np.frombuffer(Blend().pack()[4:], "<f8").copy()
    numbers[place] = number
    body = numbers.tobytes()
    blend = Blend()
    with pytest.raises(BrokenState, match="no weights"):
        blend.unpack(binascii.crc32(body).to_bytes(4, "little") + body)
    assert blend.at(0.5).tolist() == Blend().at(0.5).tolist()


@pytest.mark.parametrize("number", [0.0, -1.0])
def test_a_curvature_that_is_none_is_refused(number: float) -> None:
    numbers = np.frombuffer(Blend().pack()[4:], "<f8").copy()
    assert numbers[CURVATURE] == 10.0
    numbers[CURVATURE] = number
    body = numbers.tobytes()
    with pytest.raises(BrokenState, match="a curvature"):
        Blend().unpack(binascii.crc32(body).to_bytes(4, "little") + body)
