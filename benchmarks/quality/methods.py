"""What is measured: anything that scores all items for a user and then learns what the user took."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from evaluation.prequential.steps import Step, rank_of
from serving.arrays import Floats


class Method(Protocol):
    """`settings`: what it may be tuned by; the first is the default."""

    @property
    def name(self) -> str:
        """What tables call it."""
        ...

    @property
    def settings(self) -> Sequence[float]:
        """The default first."""
        ...

    def score(self, step: Step, setting: float) -> Floats:
        """`(n,)`, of all items, the higher the better; nothing of the step's event but user and time may be read."""
        ...

    def learn(self, step: Step) -> None:
        """Take in the event."""
        ...


_TUNED_ON = 5  # of the part before the measured one at most every so manyth is scored with all settings


@dataclass(frozen=True, slots=True)
class Effort:
    """How much of a set is scored; all of it is learned.

    measured: every so manyth of what is asked for in the measured part. tuned: every so manyth of what is asked for
    before it, with all settings.
    """

    measured: int = 1
    tuned: int = _TUNED_ON

    @staticmethod
    def of(measured: int, before: int, most: int) -> "Effort":
        """At most `most` measured and a third as many tuned on, of so many in either part; 0: all of them.

        >>> Effort.of(500_000, 500_000, 30_000), Effort.of(26_991, 28_384, 30_000)
        (Effort(measured=17, tuned=50), Effort(measured=1, tuned=5))
        """
        return Effort(max(-(-measured // most), 1), max(_TUNED_ON, -(-3 * before // most))) if most else Effort()


class TunedMethod:
    """A method that picks its setting before the measured part, by the mean reciprocal rank, and is timed.

    every: how much of that part is scored (`Effort.tuned`).
    """

    def __init__(self, method: Method, every: int = _TUNED_ON) -> None:
        self.method = method
        self._every = every
        self.name = method.name
        self.setting = method.settings[0]
        self.score_s = self.learn_s = 0.0
        self.scored = self.learned = 0
        self._gains = dict.fromkeys(method.settings, 0.0)
        self._asked = 0

    def before(self, step: Step) -> None:
        """A step before the measured part."""
        self._asked += step.asked
        if step.asked and len(self._gains) > 1 and self._asked % self._every == 0:
            for setting in self._gains:
                self._gains[setting] += 1.0 / (1.0 + rank_of(self.method.score(step, setting), step))
            self.setting = max(self._gains, key=self._gains.__getitem__)

    def score(self, step: Step) -> Floats:
        """The scores of a measured step."""
        start = time.thread_time()
        scores = self.method.score(step, self.setting)
        self.score_s += time.thread_time() - start
        self.scored += 1
        return scores

    def learn(self, step: Step) -> None:
        """Take in the event."""
        start = time.thread_time()
        self.method.learn(step)
        self.learn_s += time.thread_time() - start
        self.learned += 1

    def us(self) -> dict[str, float]:
        """Microseconds of processor time per event learned, and per measured step scored."""
        return {
            "us_per_event": 1e6 * self.learn_s / max(self.learned, 1),
            "us_per_list": 1e6 * self.score_s / max(self.scored, 1),
        }
