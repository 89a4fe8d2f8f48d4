"""One pass over the steps: every method is asked and then told, side by side."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from benchmarks.quality.list_measures import Crowd, ListMeasures
from benchmarks.quality.methods import Effort, Method, TunedMethod
from evaluation.prequential.offline_system import Penchant
from evaluation.prequential.steps import Step


class PrequentialRun:
    """The methods, Penchant first, and its frozen copy from the first measured step on.

    steps: those that were asked and measured, in the order of the ranks, without their candidates, which are as many
    as there are items.
    """

    def __init__(self, penchant: Penchant, baselines: Sequence[Method], effort: Effort | None = None) -> None:
        self.effort = effort or Effort()
        self.methods = [TunedMethod(method, self.effort.tuned) for method in (penchant, *baselines)]
        self.steps: list[Step] = []
        self.lists: dict[str, ListMeasures] = {}
        self._penchant = penchant
        self._asked = 0  # in the measured part
        self._crowd = Crowd(len(penchant.catalogue))

    def over(self, steps: Iterable[Step], tick: Callable[[], None]) -> None:
        """Take all steps; `tick` after each."""
        for step in steps:
            if step.measured and not self.lists:
                self._freeze()
            self._take(step)
            tick()

    def _freeze(self) -> None:
        vectors = self._penchant.catalogue.vectors[: len(self._penchant.catalogue)]
        self.methods.insert(1, TunedMethod(self._penchant.frozen()))
        self.lists = {tuned.name: ListMeasures(vectors, self._crowd) for tuned in self.methods}

    def _take(self, step: Step) -> None:
        if not step.measured:
            for tuned in self.methods:
                tuned.before(step)
        elif step.asked:
            if self._asked % self.effort.measured == 0:
                self._measure(step)
            self._asked += 1
        for tuned in self.methods:  # after all were asked: some read what another one learns
            tuned.learn(step)
        self._crowd.add(step.event.row)

    def _measure(self, step: Step) -> None:
        self.steps.append(replace(step, candidates=None))
        for tuned in self.methods:
            self.lists[tuned.name].add(tuned.score(step), step)
