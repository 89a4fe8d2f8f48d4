"""Most popular: by all interactions, or by recent ones."""

import numpy as np

from evaluation.prequential.steps import Step
from serving.arrays import Doubles, Floats


class Popular:
    """By an item's interactions."""

    name = "popular"
    settings: tuple[float, ...] = (1.0,)

    def __init__(self, n: int) -> None:
        self._counts: dict[float, Doubles] = {decay: np.zeros(n) for decay in self.settings}

    def score(self, _: Step, setting: float) -> Floats:
        """Decayed counts; the setting is the decay per event."""
        return self._counts[setting].astype(np.float32)

    def learn(self, step: Step) -> None:
        """Count the event."""
        for decay in self._counts:
            self._counts[decay] *= decay
            self._counts[decay][step.event.row] += 1.0


class PopularDecayed(Popular):
    """By an item's recent interactions."""

    name = "popular_decayed"
    settings = (0.999, 0.99, 0.9999)
