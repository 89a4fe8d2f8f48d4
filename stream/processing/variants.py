"""A ranker for each variant of an experiment: they share catalogue, statistics, blend and rules."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from serving.experiment import Experiment
from serving.ranking.blend import Blend
from serving.ranking.profile import RankSettings
from serving.ranking.ranker import Ranker, Ranking
from serving.state.user_state import UserState

Make = Callable[[RankSettings, Blend | None], Ranker]


class Variants:
    """`usual`: the ranker by the worker's own settings, which the blend learns with and the trending list is made by.

    make: a ranker by some settings, over the blend that is given, or a new one.
    """

    def __init__(self, make: Make, settings: RankSettings, experiment: Experiment | None) -> None:
        self.usual = make(settings, None)
        self._experiment = experiment
        variants = experiment.variant if experiment is not None else ()
        self._rankers = {variant.name: make(variant.ranking(settings), self.usual.blend) for variant in variants}

    def rank(self, users: Sequence[str], states: Sequence[UserState], k: int) -> list[Ranking]:
        """A list for each user right after an event, in this order, each by the user's variant."""
        if self._experiment is None:
            return self.usual.rank_many(states, k)
        places: dict[str, list[int]] = {}
        for place, user in enumerate(users):
            places.setdefault(self._experiment.of(user).name, []).append(place)
        made: dict[int, Ranking] = {}
        for variant, mine in places.items():
            rankings = self._rankers[variant].rank_many([states[place] for place in mine], k)
            made |= {place: replace(each, variant=variant) for place, each in zip(mine, rankings, strict=True)}
        return [made[place] for place in range(len(users))]
