"""A made-up shop of items of several kinds, and its users: each has a few kinds, and takes what is popular of them."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from penchant.messages import ItemVector
from serving.arrays import Doubles, Floats, Rows
from serving.catalogue import Catalogue, pack

DIM, KINDS = 32, 60
BEGIN_S, DAY_S = 1_700_006_400, 86_400
DAYS = 28
_EACH = 3  # events of a user in the mean, beside the first
_OWN = 0.85  # of what a user takes is of the user's own kinds
_AGAIN = 0.05  # is something that the user took before
_ACTIONS = ("view", "click", "cart", "purchase", "like")
_CHANCES = (0.45, 0.3, 0.1, 0.08, 0.07)


class Act(NamedTuple):
    """What a user does with the item in row `item`."""

    time_s: int
    user: str
    item: int
    action: str


@dataclass(frozen=True, slots=True)
class User:
    """A user's kinds, and what everybody else may know: nothing."""

    name: str
    kinds: Rows
    chances: Doubles


class Shop:
    """Items and the chances of each to be taken. Everything is drawn by `seed`."""

    def __init__(self, items: int, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.kinds: Rows = self.random.integers(0, KINDS, items)
        self.chances: Doubles = self.random.permutation(1.0 / np.arange(1, items + 1))
        self.chances /= self.chances.sum()
        self._of_kind = [np.flatnonzero(self.kinds == kind) for kind in range(KINDS)]
        self._vectors: Floats = self._near(self.kinds)

    def catalogue(self) -> Catalogue:
        """With vectors of which those of a kind are alike."""
        made = Catalogue(DIM, "made-up", len(self.kinds))
        for row, vector in enumerate(self._vectors):
            made.put(
                ItemVector(
                    item_id=f"i{row}",
                    title=f"item {row}",
                    facets={"category": f"kind {self.kinds[row]}"},
                    available=True,
                    revision="1",
                    fingerprint="made-up",
                    vector=pack(vector),
                )
            )
        return made

    def user(self, name: str) -> User:
        """Somebody new."""
        many = int(self.random.integers(1, 4))
        return User(name, self.random.choice(KINDS, many, replace=False), self.random.dirichlet(np.ones(many)))

    def taken(self, user: User, before: list[int]) -> int:
        """What the user takes next. before: what the user took."""
        random = self.random
        if before and random.random() < _AGAIN:
            return int(random.choice(before))
        rows = self._of_kind[int(random.choice(user.kinds, p=user.chances))]
        if random.random() > _OWN or not len(rows):
            return int(random.choice(len(self.chances), p=self.chances))
        chances = self.chances[rows]
        return int(random.choice(rows, p=chances / chances.sum()))

    def acts_of(self, user: User, times_s: list[int]) -> list[Act]:
        """What the user does at some times."""
        before: list[int] = []
        acts = []
        for time_s in times_s:
            before.append(self.taken(user, before))
            acts.append(Act(time_s, user.name, before[-1], str(self.random.choice(_ACTIONS, p=_CHANCES))))
        return acts

    def everybody(self, users: int) -> tuple[list[User], list[Act]]:
        """So many users, and what they do within `DAYS`, by time."""
        random = self.random
        people = [self.user(f"u{n}") for n in range(users)]
        acts = []
        for person in people:
            many = 1 + int(random.geometric(1.0 / _EACH))
            acts += self.acts_of(person, sorted(random.integers(BEGIN_S, BEGIN_S + DAYS * DAY_S, many).tolist()))
        return people, sorted(acts)

    def _near(self, kinds: Rows) -> Floats:
        of_kinds = self.random.normal(size=(KINDS, DIM)) / np.sqrt(DIM)
        rows = of_kinds[kinds] + 0.7 * self.random.normal(size=(len(kinds), DIM)) / np.sqrt(DIM)
        found: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return found
