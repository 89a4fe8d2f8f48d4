"""What false users do to push an item, kind by kind. Each of them sends the same number of events."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.abuse.bazaar import BEGIN_S, DAY_S, DAYS, Act, Shop
from serving.arrays import Rows

LATE_S = BEGIN_S + DAYS * DAY_S  # when everybody else is done
LAST_S = 7 * DAY_S  # a farm that takes its time has so long
_BURST_S = 60
_POPULAR = 50  # items that are paired with the pushed one
_STRONGEST = ("like", "purchase", "rate")


@dataclass(frozen=True, slots=True)
class Farm:
    """So many false users, of so many events each. pushed: the row of the item. popular: rows, most popular first."""

    users: int
    each: int
    pushed: int
    popular: Rows
    shop: Shop
    random: np.random.Generator

    def names(self) -> list[str]:
        """Of the false users."""
        return [f"false{n}" for n in range(self.users)]


def _burst(farm: Farm) -> list[Act]:
    """Clicks on the item, all within a minute."""
    return [Act(time_s, user, farm.pushed, "click") for user in farm.names() for time_s in _within_a_minute(farm)]


def _spread(farm: Farm) -> list[Act]:
    """Clicks on the item, over a week."""
    return [Act(time_s, user, farm.pushed, "click") for user in farm.names() for time_s in _within_a_week(farm)]


def _pairs(farm: Farm) -> list[Act]:
    """The item and a popular one in turn, within a minute."""
    acts = []
    for user in farm.names():
        popular = farm.random.permutation(farm.popular[:_POPULAR])
        for n, time_s in enumerate(_within_a_minute(farm)):
            item = farm.pushed if n % 2 == 0 else int(popular[(n // 2) % len(popular)])
            acts.append(Act(time_s, user, item, "click"))
    return acts


def _likes(farm: Farm) -> list[Act]:
    """Likes, purchases and ratings of five stars, within a minute."""
    return [
        Act(time_s, user, farm.pushed, _STRONGEST[n % len(_STRONGEST)])
        for user in farm.names()
        for n, time_s in enumerate(_within_a_minute(farm))
    ]


def _blend(farm: Farm) -> list[Act]:
    """What nobody would expect: rare items of ever other kinds, bought one after the other."""
    rare = farm.popular[len(farm.popular) // 2 :]
    return [
        Act(time_s, user, int(farm.random.choice(rare)), "purchase")
        for user in farm.names()
        for time_s in _within_a_minute(farm)
    ]


def _ordinary(farm: Farm) -> list[Act]:
    """What others do, over a week, and every tenth time the item is bought."""
    acts = []
    for user in farm.names():
        own = farm.shop.acts_of(farm.shop.user(user), _within_a_week(farm))
        acts += [act._replace(item=farm.pushed, action="purchase") if n % 10 == 5 else act for n, act in enumerate(own)]
    return acts


def _within_a_minute(farm: Farm) -> list[int]:
    return sorted((LATE_S + farm.random.integers(0, _BURST_S, farm.each)).tolist())


def _within_a_week(farm: Farm) -> list[int]:
    return sorted((LATE_S - LAST_S + farm.random.integers(0, LAST_S, farm.each)).tolist())


ATTACKS: dict[str, Callable[[Farm], list[Act]]] = {
    "burst": _burst,
    "spread": _spread,
    "pairs": _pairs,
    "likes": _likes,
    "blend": _blend,
    "ordinary": _ordinary,
}
"""By name, what a farm does."""
