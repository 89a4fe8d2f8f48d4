"""What may be tuned, and to what: a closed grid. What the blend learns by itself is not in it, nor what needs texts.

The search goes from setting to setting and keeps the best value of each: few trials, and no more freedom than a log of
some thousand events can decide about.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from serving.ranking.rank_settings import RankSettings
from stream.interest.fold import Bounds

__all__ = ()

HALF_LIFE = "half_life_days"
_DAY_MS = 86_400_000

Grid = Mapping[str, tuple[float, ...]]

GRID: Grid = {
    "ring_decay": (0.6, 0.7, 0.9),
    "long": (0.0, 0.3, 1.0),
    HALF_LIFE: (7.0, 90.0, 365.0),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """Settings to try. changed: what differs from the default, by name: those of `RankSettings`, and the half-life."""

    changed: Mapping[str, float] = field(default_factory=dict)

    @property
    def ranking(self) -> dict[str, float]:
        """Of the ranking, which an experiment may vary; the half-life is one for everybody."""
        return {name: value for name, value in self.changed.items() if name != HALF_LIFE}

    @property
    def settings(self) -> RankSettings:
        """What lists are ranked by."""
        return RankSettings(**self.ranking)  # type: ignore[arg-type]  # the grid has numbers for numbers

    @property
    def half_life_ms(self) -> int:
        """Of the long vector."""
        days = self.changed.get(HALF_LIFE)
        return Bounds().half_life_ms if days is None else round(days * _DAY_MS)


def search(objective: Callable[[Choice], float], grid: Grid = GRID) -> Choice:
    """The best choice that is found from the default on; `objective` is asked once for each, the higher the better.

    >>> search(lambda choice: choice.changed.get("long", 0.1) - choice.changed.get("ring_decay", 0.8)).changed
    {'ring_decay': 0.6, 'long': 1.0}
    """
    best = Choice()
    reached = objective(best)
    for name, values in grid.items():
        for choice in [Choice({**best.changed, name: value}) for value in values]:
            found = objective(choice)
            if found > reached:
                best, reached = choice, found
    return best


def trials(grid: Grid = GRID) -> int:
    """How many choices `search` asks about."""
    return 1 + sum(map(len, grid.values()))
