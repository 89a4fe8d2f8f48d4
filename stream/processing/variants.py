"""A ranker for each variant of an experiment: they share catalogue, statistics, blend and rules."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from penchant.errors import Misconfigured
from serving.catalogue import Catalogue
from serving.experiment import Experiment
from serving.ranking.learning.blend import Blend
from serving.ranking.rank_settings import RankSettings
from serving.ranking.ranker import Ranker, Ranking
from serving.ranking.rules import Rules
from serving.ranking.statistics import Statistics
from serving.state.user_state import UserState

_log = logging.getLogger(__name__)
Make = Callable[[RankSettings, Blend | None], Ranker]


def rankers_over(catalogue: Catalogue, statistics: Statistics, rules: Rules) -> Make:
    """What makes rankers by some settings over what is known of items."""

    def make(preferences: RankSettings, blend: Blend | None) -> Ranker:
        return Ranker(
            catalogue,
            statistics.popularity,
            preferences,
            covisits=statistics.covisits,
            ease=statistics.ease,
            blend=blend,
            rules=rules,
            repeats=statistics.repeats,
        )

    return make


class Variants:
    """`usual`: the ranker by the worker's own settings, which the blend learns with and the trending list is made by.

    make: a ranker by some settings, over the blend that is given, or a new one.
    """

    def __init__(self, make: Make, settings: RankSettings, experiment: Experiment | None) -> None:
        self.usual = make(settings, None)
        self._experiment = experiment
        variants = experiment.variant if experiment is not None else ()
        self._rankers = {variant.name: make(variant.ranking(settings), self.usual.blend) for variant in variants}

    def of(self, user: str) -> tuple[str, Ranker]:
        """The user's variant, "" without an experiment, and its ranker."""
        if self._experiment is None:
            return "", self.usual
        name = self._experiment.of(user).name
        return name, self._rankers[name]

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
        follow_rules(self._rules, self._file)
        return self._variants.rank(users, states, self._k)


def follow_rules(rules: Rules, file: Path | None) -> None:
    """Take over the rules' file as it stands now; one that cannot be used leaves those of before in force."""
    try:
        if rules.read():
            _log.info("the rules for lists are those of %s now", file)
    except Misconfigured as error:
        _log.error("%s; the rules of before stay in force", error)
