"""How many points each signal of the score is worth: learned online from what users take next, near the best of all.

A user's points for item j are `Σ_f (a_f + g·b_f)·x_f(j)` over the signals x_f, plus what the user wrote or dismissed.
The freshness g = 1 / (1 + events of anybody since this user's last one) is 1 right after an event and 0 long after it:
what fits the next minute differs from what fits the next month. Who is not known at all has weights of their own.

The weights are the mean of several experts', by how well each has predicted what was taken:

- learners (`serving/ranking/learning/learner.py`) that weigh all signals, with a long and with a short memory;
- every signal alone, with a learned factor, so that no stream is followed much worse than by its best single signal.

Their shares are exponential in their losses, with a fixed share that lets one that was far behind come back when the
stream changes (Herbster & Warmuth, "Tracking the Best Expert", Machine Learning 1998). The loss, of the softmax of the
item taken against others, is convex in the weights, so the mean's is at most the mean of the experts' losses: their
best one's, and what finding it costs, which does not grow with the length of the stream but for the fixed share
(Cesa-Bianchi & Lugosi, "Prediction, Learning, and Games", 2006, chapters 2 and 5).

Whoever sends events can try to drive the weights (docs/abuse.md), so a blend is guarded. A step teaches by how much the
best expert finds what was taken likelier than chance does: what nothing that is known explains teaches nothing. Weights
stay within reach of where they began. And where the blend has predicted what was taken worse than its start would have,
for a while, it goes back to the last weights that were better.
"""

import binascii
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from penchant.errors import BrokenState
from serving.arrays import Doubles, Floats
from serving.ranking.learning.fair_share import MOST_OF_A_DAY, Usual, are_days
from serving.ranking.learning.learner import Draw, Learner, SingleSignals, faded, loss
from serving.ranking.learning.pace import Pace
from serving.ranking.learning.signals import Signal
from serving.ranking.learning.watch import Verdict, Watch

__all__ = ["Blend"]

START = {
    Signal.CO_OCCURRENCE: 1.5,
    Signal.TRANSITION: 0.2,
    Signal.REPEAT: -4.0,
    Signal.LAST: 0.7,
    Signal.CONTENT: 3.0,
    Signal.SHARED_FACETS: 2.0,
    Signal.NEW_SHARED_FACETS: 0.5,
    Signal.TOTAL: 0.2,
    Signal.RECENT: 0.2,
}
UNKNOWN_START = {Signal.RECENT: 1.0, Signal.TOTAL: 0.05}
_MEMORIES = (0.9998, 0.999)  # of the learners: what a step still counts after one more
_SINGLE = 1e-3  # the share of all single signals together at the start
_RATES = 0.25, 0.025  # where little was learned and nothing is known, and where a farm must not decide
_RATE_STEPS = 100.0  # from which on the rate falls
_FIXED_SHARE = 1e-3
_LEAST_SHARE = 1e-3  # smaller ones say nothing, so that a signal which is worth nothing gives no points
_MOST_LOSS = 4.0  # above the best expert's: one surprise must not decide everything
_ENOUGH = 1.0  # nats above chance from which a step counts whole
_SHARES = MOST_OF_A_DAY + Pace.NUMBERS
_MOST = 1e30  # of any number there; beyond it points are none


class Experts:
    """The weights `(f,)` of one kind of user, which one writer learns and readers in the same thread use."""

    def __init__(self, start: Doubles, *, guarded: bool = True) -> None:
        self._guarded = guarded
        self.learners = [Learner(start, memory, bounded=guarded) for memory in _MEMORIES]
        self._single = SingleSignals()
        shares = [(1.0 - _SINGLE) / len(_MEMORIES)] * len(_MEMORIES) + [_SINGLE / len(Signal)] * len(Signal)
        self._start: Doubles = np.array(shares)
        self._shares = self._start.copy()

    def at(self, freshness: float) -> Doubles:
        """The weights of a moment."""
        learned = np.stack([learner.at(freshness) for learner in self.learners])
        few, shares = len(self.learners), np.where(self._shares < _LEAST_SHARE, 0.0, self._shares)
        shares /= shares.sum()
        weights: Doubles = shares[:few] @ learned + shares[few:] * self._single.factors
        return weights

    def learn(self, draw: Draw, rate: float) -> float:
        """One step of each, and of their shares, at some rate. Returns how much of it was taken, in [0, 1]."""
        chance = loss(np.zeros(len(Signal)), draw)
        alone = self._single.learn(draw)  # in any case: one that was worth nothing so far may be what explains it
        losses = np.array([*(learner.loss(draw) for learner in self.learners), *alone])
        evidence = float(np.clip((chance - losses.min()) / _ENOUGH, 0.0, 1.0)) if self._guarded else 1.0
        if not evidence:
            return 0.0
        taken = replace(draw, weight=draw.weight * evidence)
        for learner in self.learners:
            learner.learn(taken)
        shares = self._shares * np.exp(-rate * taken.weight * np.minimum(losses - losses.min(), _MOST_LOSS))
        kept = faded(1.0 - _FIXED_SHARE, taken.weight)
        self._shares = kept * shares / shares.sum() + (1.0 - kept) * self._start
        return evidence

    def numbers(self) -> Doubles:
        """All that it knows, `(m,)`."""
        each = (learner.numbers() for learner in self.learners)
        return np.concatenate([self._shares, *each, self._single.numbers()])

    def take_over(self, numbers: Doubles) -> None:
        """What `numbers` told. Raises ValueError if it cannot be."""
        few = len(self._shares)
        ends = [few + at * Learner.NUMBERS for at in range(len(self.learners) + 1)]
        shares, *learned, single = np.split(numbers, ends)
        if shares.min() < 0 or not 0.99 < shares.sum() < 1.01:
            raise ValueError("shares that sum to 1")
        for learner, told in zip(self.learners, learned, strict=True):
            learner.take_over(told)
        self._single.take_over(single)
        self._shares = shares.copy()


class Blend:
    """The weights for users of whom something is known, and for others.

    start: the former's, 0 for what is not named; START if it is not given. guarded: see the module.

    >>> blend = Blend()
    >>> blend.at(1.0).tolist() == blend.at(0.0).tolist()
    True
    """

    def __init__(self, start: Mapping[Signal, float] | None = None, *, guarded: bool = True) -> None:
        self.steps = 0
        self._start = _array(START if start is None else start)
        self._known = Experts(self._start, guarded=guarded)
        self._unknown = Experts(_array(UNKNOWN_START), guarded=guarded)
        self._watch = Watch() if guarded else None
        self._usual, self._pace = Usual(), Pace()

    def share_of(self, nth: int, weight: float = 1.0, time_ms: int = 0) -> float:
        """How much of a step of a weight its user's `nth` event of a day teaches, in (0, 1]; to be asked once for each.

        time_ms: of the event, 0 if that is not known.
        """
        if self._watch is None:
            return 1.0
        share = self._usual.share_of(nth)
        return share * self._pace.share_of(share * weight, time_ms)

    def at(self, freshness: float) -> Floats:
        """The weights `(f,) float32` of a moment, `freshness` in [0, 1]."""
        return self._known.at(freshness).astype(np.float32)

    def learners(self) -> list[Learner]:
        """Those that weigh all signals for users of whom something is known."""
        return self._known.learners

    def unknown(self) -> Floats:
        """The weights `(f,) float32` for who is not known."""
        return self._unknown.at(0.0).astype(np.float32)

    def learn(self, draw: Draw, *, known: bool = True) -> None:
        """One step. `known`: whether something was known of the user."""
        self.steps += 1
        rate = _RATES[0]
        if self._watch is not None:
            rate = max(rate * min(_RATE_STEPS / self.steps, 1.0), _RATES[1])
        if not known or self._watch is None:
            (self._known if known else self._unknown).learn(draw, rate)
            return
        worse = loss(self._known.at(draw.freshness), draw) - loss(self._start, draw)
        if evidence := self._known.learn(draw, rate):
            self._watched(self._watch, worse, draw.weight * evidence)

    def _watched(self, watch: "Watch", worse: float, weight: float) -> None:
        """Keep weights that are better than the start; go back to them, or to the start, from those that are worse."""
        match watch.see(worse, weight):
            case Verdict.KEEP:
                watch.kept = self._known.numbers()
            case Verdict.GO_BACK:
                kept, self._known = watch.kept, Experts(self._start)
                if kept is not None:
                    self._known.take_over(kept)
                watch.kept = None  # where these turn out to be worse, too, the start is next
            case Verdict.GO_ON:
                pass

    def pack(self) -> bytes:
        """All that it knows as bytes: a crc32, the number of steps, the experts', what is usual, and the pace.

        As float64s, little endian. What earlier versions wrote lacks the last two, or has one number there.
        """
        experts = self._known.numbers(), self._unknown.numbers()
        body = np.concatenate([[float(self.steps)], *experts, self._usual.reached(), self._pace.told()]).astype("<f8")
        return binascii.crc32(body.tobytes()).to_bytes(4, "little") + body.tobytes()

    def unpack(self, packed: bytes) -> None:
        """Take over what `pack` told. Raises BrokenState if it was altered, or is of other signals."""
        body, few = packed[4:], len(self.pack()) // 8 - _SHARES
        fits = len(body) % 8 == 0 and len(body) // 8 - few in {0, 1, _SHARES}
        if not fits or binascii.crc32(body) != int.from_bytes(packed[:4], "little"):
            raise BrokenState("the blend's weights in the store are altered, or of another version of Penchant")
        numbers, usual = np.split(np.frombuffer(body, "<f8"), [few])
        reached, pace = Usual().reached(), Pace().told()
        if len(usual) == _SHARES:
            reached, pace = usual[:MOST_OF_A_DAY].tolist(), usual[MOST_OF_A_DAY:].tolist()
        known, unknown = Experts(_array(START)), Experts(_array(UNKNOWN_START))
        if not (np.abs(numbers) <= _MOST).all() or numbers[0] < 0 or not are_days(reached) or not _is_pace(pace):
            raise BrokenState("the blend's weights in the store are no weights")
        try:
            for experts, told in zip((known, unknown), np.split(numbers[1:], 2), strict=True):
                experts.take_over(told)
        except ValueError as error:
            raise BrokenState(f"the blend's weights in the store are no weights: they lack {error}") from error
        self._known, self._unknown, self.steps = known, unknown, int(numbers[0])
        self._usual, self._pace = Usual(reached), Pace(pace)


def _is_pace(told: list[float]) -> bool:
    return all(0.0 <= each <= _MOST for each in told)


def _array(start: Mapping[Signal, float]) -> Doubles:
    """`(f,)`, 0 for what is not named."""
    return np.array([start.get(signal, 0.0) for signal in Signal])
