"""The blend learns what tells the items taken from the others, for either moment by itself."""

import binascii

import numpy as np
import pytest

from penchant.errors import BrokenState
from serving.arrays import Floats
from serving.ranking.blend import START, Blend, Signal


def loss(blend: Blend, signals: Floats, others: Floats, freshness: float) -> float:
    points = blend.at(freshness).astype(np.float64) @ signals + others
    return float(np.log(np.exp(points - points[0]).sum()))


@pytest.mark.parametrize("freshness", [1.0, 0.2, 0.0])
def test_the_first_step_goes_down_the_slope(freshness: float) -> None:
    """Given the first step of Adagrad, whose length is the rate whatever the slope, then its signs are the slope's."""
    rng = np.random.default_rng(1)
    signals = rng.standard_normal((len(Signal), 101)).astype(np.float32)
    others = rng.standard_normal(101).astype(np.float32)
    blend, moved = Blend(), np.zeros(len(Signal))
    for part in Signal:
        up, down = list(START), list(START)
        up[part] += 1e-2
        down[part] -= 1e-2
        moved[part] = loss(Blend(tuple(up)), signals, others, 1.0) - loss(Blend(tuple(down)), signals, others, 1.0)

    blend.learn(signals, others, freshness)

    always, fresh = blend.table()[:2]
    assert np.array_equal(np.sign(always - START), -np.sign(moved))
    assert np.array_equal(np.sign(fresh), -np.sign(moved) if freshness else np.zeros(len(Signal)))


def test_what_users_take_right_away_and_later_is_learned_apart() -> None:
    """Given users who take what is near the ring at once, and what is popular later, then both are told apart."""
    rng = np.random.default_rng(4)
    blend = Blend((0.0,) * len(Signal))
    for step in range(2000):
        fresh = step % 2
        signals = rng.random((len(Signal), 51)).astype(np.float32)
        signals[Signal.CO_OCCURRENCE if fresh else Signal.RECENT, 0] = 1.0
        blend.learn(signals, np.zeros(51, np.float32), float(fresh))

    now, later = blend.at(1.0), blend.at(0.0)

    assert now[Signal.CO_OCCURRENCE] > 2 * abs(now[Signal.RECENT])
    assert later[Signal.RECENT] > 2 * abs(later[Signal.CO_OCCURRENCE])
    assert blend.steps == 2000


def test_points_from_elsewhere_are_not_learned_again() -> None:
    """Given items taken for what was written alone, then a blend that is told so moves less than one that is not."""
    rng = np.random.default_rng(6)
    told, untold = Blend((0.0,) * len(Signal)), Blend((0.0,) * len(Signal))
    for _ in range(300):
        signals = rng.random((len(Signal), 20)).astype(np.float32)
        signals[Signal.CONTENT, 0] = 1.0
        written = np.zeros(20, np.float32)
        written[0] = 9.0
        told.learn(signals, written, 0.0)
        untold.learn(signals, np.zeros(20, np.float32), 0.0)

    assert told.at(0.0)[Signal.CONTENT] < 0.5 * untold.at(0.0)[Signal.CONTENT]


def test_a_blend_put_back_learns_on_as_the_first() -> None:
    rng = np.random.default_rng(8)
    first, second = Blend(), Blend()
    steps = [rng.random((len(Signal), 20)).astype(np.float32) for _ in range(20)]
    for signals in steps[:10]:
        first.learn(signals, signals[0], 0.5)

    second.unpack(first.pack())
    for signals in steps[10:]:
        first.learn(signals, signals[0], 0.5)
        second.learn(signals, signals[0], 0.5)

    assert np.array_equal(first.table(), second.table())
    packed = first.pack()
    for altered in (packed[:-8], packed[:9] + b"?" + packed[10:], b""):
        with pytest.raises(BrokenState, match="another version"):
            second.unpack(altered)
    assert first.steps == second.steps == 20


def test_steps_of_little_weight_give_way_to_others() -> None:
    """Given as many who take content as who leave it, then those whose steps count more are followed."""
    rng = np.random.default_rng(9)
    blend = Blend((0.0,) * len(Signal))
    for _ in range(300):
        signals = rng.random((len(Signal), 20)).astype(np.float32)
        signals[Signal.CONTENT] = 0.0
        signals[Signal.CONTENT, 0] = 1.0
        blend.learn(signals, np.zeros(20, np.float32), 0.0)
        signals[Signal.CONTENT, 0] = -1.0
        blend.learn(signals, np.zeros(20, np.float32), 0.0, weight=0.1)

    assert blend.at(0.0)[Signal.CONTENT] > 0.5


@pytest.mark.parametrize(("place", "number"), [(0, -1.0), (1, np.nan), (5, np.inf), (5, 1e40), (-1, 0.0), (-1, -1.0)])
def test_what_are_no_weights_is_refused_though_its_checksum_fits(place: int, number: float) -> None:
    numbers = np.frombuffer(Blend().pack()[4:], "<f8").copy()
    numbers[place] = number
    body = numbers.tobytes()
    blend = Blend()
    with pytest.raises(BrokenState, match="no weights"):
        blend.unpack(binascii.crc32(body).to_bytes(4, "little") + body)
    assert blend.at(0.5).tolist() == np.array(START, np.float32).tolist()
