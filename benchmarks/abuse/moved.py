"""Others' lists under an attack, against the same lists without it."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from benchmarks.abuse.bazaar import Act, Shop, User
from benchmarks.abuse.crowd import Crowd, Users
from benchmarks.abuse.farm import ATTACKS, LAST_S, LATE_S, Farm
from penchant.messages import CoVisitEvent
from serving.arrays import Doubles, Rows

K, TOP = 20, 10
FARMS = (1, 10, 100)
_LEARNED = 20  # of everybody's events of the first weeks every twentieth is learned from
_LEARNED_LATE = 4  # of those of the last week, and of false users beside them; of what a farm sends afterwards all
_DEEP = 100  # users of whom the item's place among all items is looked up


class Figures(msgspec.Struct):
    """What an attack by so many false users of so many events each moves.

    places: by how many places of 20 the pushed item rises on the median other user's list; one that is not on it
    stands at 21. worst: on the list where it rises most. on_lists, in_top: the share of the others whose list, and
    whose first ten, it is on; before: without the attack. of_all: by how many places it rises among all items, in the
    median. trending: its place on the trending list, 21: none. lost: the share of the others' hit rate that is taken.
    """

    places: float
    worst: int
    on_lists: float
    in_top: float
    on_lists_before: float
    of_all: float
    trending: int
    lost: float


class Size(msgspec.Struct, frozen=True):
    """items, users: of the shop. each: events of a false user. measured: users whose lists are looked at."""

    items: int
    users: int
    each: int
    measured: int
    seed: int


class Told(msgspec.Struct):
    """What was measured. hit_rate: of the others without an attack. attacks: by kind and number of false users."""

    events: int
    hit_rate: float
    attacks: dict[str, dict[int, Figures]]


@dataclass(frozen=True, slots=True)
class _Lists:
    """places: `(u,)` of the pushed item, from 1. of_all: `(d,)` among all items. trending: there. hits: `(u,)`."""

    places: Doubles
    of_all: Doubles
    trending: int
    hits: Doubles


class World:
    """A shop and its users after four weeks, and after three: from there on an attack may go on beside them."""

    def __init__(self, size: Size, *, caps: bool) -> None:
        self.shop = Shop(size.items, size.seed)
        self.catalogue = self.shop.catalogue()
        self._users, self._caps = Users(self.catalogue, caps=caps), caps
        people, acts = self.shop.everybody(size.users)
        self.events = len(acts)
        self._early = Crowd(self.catalogue, caps=caps)
        self._late_acts: list[tuple[Act, CoVisitEvent]] = []
        for act in acts:
            told = self._users.act(act)
            if act.time_s < LATE_S - LAST_S:
                self._early.take_in(told, learn=self._users.offset % _LEARNED == 0)
            else:
                self._late_acts.append((act, told))
        self._late = self._after(self._late_acts, self._early.copy(), _LEARNED_LATE)
        self.popular: Rows = np.argsort(-np.bincount([act.item for act in acts], minlength=size.items), kind="stable")
        chosen = self.shop.random.choice(size.users, min(size.measured, size.users), replace=False)
        self._asked = [(people[at], self._next(people[at])) for at in chosen.tolist()]

    def pushed(self) -> int:
        """The item that is pushed: half of all items have more interaction."""
        return int(self.popular[len(self.popular) // 2])

    def lists(self, acts: Sequence[Act], pushed: int) -> _Lists:
        """What the others get after the false users' acts."""
        return self._looked_at(self._under(acts), pushed)

    def _next(self, user: User) -> int:
        """What a user takes after all that is measured: something new."""
        before = np.array([event.item_id for event in self._users.state(user.name).ring])
        while True:
            row = self.shop.taken(user, [])
            if self.catalogue.ids[row] not in before:
                return row

    def _under(self, acts: Sequence[Act]) -> Crowd:
        if not acts:
            return self._late
        false = Users(self.catalogue, caps=self._caps)
        attack = [(act, false.act(act)) for act in sorted(acts)]
        if attack[0][0].time_s >= LATE_S:
            return self._after(attack, self._late.copy(), 1)
        beside = sorted([*self._late_acts, *attack], key=lambda each: each[0].time_s)
        return self._after(beside, self._early.copy(), _LEARNED_LATE)

    @staticmethod
    def _after(acts: Sequence[tuple[Act, CoVisitEvent]], crowd: Crowd, every: int) -> Crowd:
        for n, (_, told) in enumerate(acts):
            crowd.take_in(told, learn=n % every == 0)
        return crowd

    def _looked_at(self, crowd: Crowd, pushed: int) -> _Lists:
        states = [self._users.state(user.name) for user, _ in self._asked]
        lists = [[each.item_id for each in made.items] for made in crowd.ranker.rank_many(states, K)]
        own, taken = self.catalogue.ids[pushed], [self.catalogue.ids[row] for _, row in self._asked]
        points = [crowd.ranker.points(state) for state in states[:_DEEP]]
        return _Lists(
            places=np.array([_place(made, own) for made in lists], np.float64),
            of_all=np.array([1.0 + (each > each[pushed]).sum() for each in points]),
            trending=_place([each.item_id for each in crowd.ranker.trending(K).items], own),
            hits=np.array([item in made[:TOP] for made, item in zip(lists, taken, strict=True)], np.float64),
        )


def _place(made: list[str], item: str) -> int:
    """From 1; of an item that is not on the list the one after its last."""
    return made.index(item) + 1 if item in made else K + 1


def measure(size: Size, caps: bool) -> Told:
    """Every kind of attack by every farm, each on what was there before it."""
    world = World(size, caps=caps)
    pushed = world.pushed()
    calm = world.lists([], pushed)
    told = Told(world.events, float(calm.hits.mean()), {})
    for kind, attack in ATTACKS.items():
        told.attacks[kind] = {}
        for false in FARMS:
            random = np.random.default_rng((size.seed, false))
            shop = Shop(size.items, size.seed)  # for draws of its own
            acts = attack(Farm(false, size.each, pushed, world.popular, shop, random))
            told.attacks[kind][false] = figures(calm, world.lists(acts, pushed))
    return told


def figures(calm: _Lists, after: _Lists) -> Figures:
    """What the attack moved."""
    risen = calm.places - after.places
    return Figures(
        places=float(np.median(risen)),
        worst=int(risen.max()),
        on_lists=float((after.places <= K).mean()),
        in_top=float((after.places <= TOP).mean()),
        on_lists_before=float((calm.places <= K).mean()),
        of_all=float(np.median(calm.of_all - after.of_all)),
        trending=after.trending,
        lost=float(1.0 - after.hits.mean() / max(calm.hits.mean(), 1e-9)),
    )
