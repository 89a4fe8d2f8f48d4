"""Most popular: by all interactions, or by recent ones."""

from evaluation.prequential.steps import Step
from serving.arrays import Floats
from serving.ranking.popularity import Popularity


class Popular:
    """By an item's interactions."""

    name = "popular"
    settings: tuple[float, ...] = (1.0,)

    def __init__(self, n: int) -> None:
        self._n = n
        self._counts = {decay: Popularity(decay) for decay in self.settings}

    def score(self, _: Step, setting: float) -> Floats:
        """Decayed counts; the setting is the decay per event."""
        return self._counts[setting].decayed(self._n)

    def learn(self, step: Step) -> None:
        """Count the event."""
        for counts in self._counts.values():
            counts.add(step.event.row, 1.0)


class PopularDecayed(Popular):
    """By an item's recent interactions."""

    name = "popular_decayed"
    settings = (0.999, 0.99, 0.9999)
