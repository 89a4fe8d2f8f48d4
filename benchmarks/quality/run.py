"""One pass over the steps: every method is asked and then told, side by side."""

from collections.abc import Callable, Iterable, Sequence

from benchmarks.quality.measures import Ranks
from benchmarks.quality.methods import Method, Step, Tuned
from benchmarks.quality.system import Penchant


class Run:
    """The methods, Penchant first, and its frozen copy from the first measured step on."""

    def __init__(self, penchant: Penchant, baselines: Sequence[Method]) -> None:
        self.methods = [Tuned(method) for method in (penchant, *baselines)]
        self.steps: list[Step] = []
        self.ranks: dict[str, Ranks] = {}
        self._penchant = penchant

    def over(self, steps: Iterable[Step], tick: Callable[[], None]) -> None:
        """Take all steps; `tick` after each."""
        frozen = False
        for step in steps:
            if step.measured and not frozen:
                frozen = True
                self.methods.insert(1, Tuned(self._penchant.frozen()))
                self.ranks = {tuned.name: Ranks(len(self._penchant.catalogue)) for tuned in self.methods}
            self._take(step)
            tick()

    def _take(self, step: Step) -> None:
        if step.asked and step.measured:
            self.steps.append(step)
        for tuned in self.methods:
            if not step.measured:
                tuned.before(step)
            elif step.asked:
                self.ranks[tuned.name].add(tuned.score(step), step)
            tuned.learn(step)
