"""A ranker for each variant of an experiment: they share catalogue, statistics, blend and rules."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from penchant.errors import Misconfigured
from serving.experiment import Experiment
from serving.ranking.learning.blend import Blend
from serving.ranking.profile import RankSettings
from serving.ranking.ranker import Ranker, Ranking
from serving.ranking.rules import Rules
from serving.state.user_state import UserState

_log = logging.getLogger(__name__)
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


class LiveRanker:
    """Lists of k items by the rules as their file has them now. file: of the rules, for the log."""

    def __init__(self, variants: Variants, rules: Rules, file: Path | None, k: int) -> None:
        self._variants = variants
        self._rules = rules
        self._file = file
        self._k = k

    def rank(self, users: Sequence[str], states: Sequence[UserState]) -> Sequence[Ranking]:
        """A list for each user, in this order. A file that cannot be used leaves the rules of before in force."""
        try:
            if self._rules.read():
                _log.info("the rules for lists are those of %s now", self._file)
        except Misconfigured as error:
            _log.error("%s; the rules of before stay in force", error)
        return self._variants.rank(users, states, self._k)
