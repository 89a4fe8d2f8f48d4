"""A made-up shop: consumables with known times between purchases, durables, books, and customers with noise.

Nobody is as regular as a calendar: a gap varies by a fifth, a customer by a tenth; one purchase in ten is made
elsewhere, one in ten is of another brand, some durables are bought again as a present, and most visits buy nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from penchant.messages import ItemVector
from serving.catalogue import Catalogue, pack

DIM, BEGIN_S = 32, 1_700_000_000
DAY_S = 86_400
CONSUMABLES = {
    "diapers": 10, "cat litter": 14, "coffee beans": 21, "vitamins": 28, "dog food": 30,
    "razor blades": 40, "tea": 45, "detergent": 60, "filters": 90, "printer ink": 100,
}  # fmt: skip
DURABLES = ("espresso machines", "tents", "headphones", "pans", "printers", "dog beds", "tables", "grills")
BOOKS = ("novels", "cookbooks")
_BRANDS = 12  # items of a kind
Action = Literal["view", "cart", "purchase"]


@dataclass(frozen=True, slots=True)
class Goods:
    """An item. days: how long it lasts; 0: for good, or it is read once."""

    item_id: str
    kind: str
    days: float

    @property
    def lasting(self) -> bool:
        """Whether it is a durable."""
        return self.kind in DURABLES


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a customer does. looks: the first of a visit: lists are looked at right after it."""

    time_s: int
    user: str
    item: int
    action: Action
    looks: bool = False


class Shop:
    """The items of the shop, and what its customers do within so many days."""

    def __init__(self, seed: int = 1) -> None:
        self._random = np.random.default_rng(seed)
        kinds = [*CONSUMABLES, *DURABLES, *BOOKS]
        self.goods = [
            Goods(f"{kind} {n}", kind, CONSUMABLES.get(kind, 0) * float(self._random.lognormal(0.0, 0.15)))
            for kind in kinds
            for n in range(_BRANDS)
        ]
        self._of_kind = {kind: range(_BRANDS * at, _BRANDS * (at + 1)) for at, kind in enumerate(kinds)}

    def catalogue(self) -> Catalogue:
        """With vectors of which those of a kind are alike."""
        made = Catalogue(DIM, "made-up")
        of_kinds = {kind: self._unit() for kind in self._of_kind}
        for each in self.goods:
            near = of_kinds[each.kind] + 0.7 * self._unit()
            made.put(
                ItemVector(
                    item_id=each.item_id,
                    title=each.item_id,
                    facets={"category": each.kind},
                    available=True,
                    revision="1",
                    fingerprint="made-up",
                    vector=pack((near / np.linalg.norm(near)).astype(np.float32)),
                    facet_text=each.kind,
                    facet_vector=pack(of_kinds[each.kind].astype(np.float32)),
                )
            )
        return made

    def acts(self, users: int, days: int) -> list[Act]:
        """Of all customers, by time."""
        return sorted(
            (act for n in range(users) for act in self._of_user(f"u{n}", days)), key=lambda act: (act.time_s, act.user)
        )

    def _of_user(self, user: str, days: int) -> Iterator[Act]:
        random = self._random
        end_s = BEGIN_S + days * DAY_S
        wanted = sorted([*self._consumed(end_s), *self._durables(end_s), *self._books(end_s)])
        interests = [item for _, item in wanted] or [0]
        time_s = BEGIN_S + float(random.uniform(0, 5 * DAY_S))
        while time_s < end_s:
            due = [item for at_s, item in wanted if at_s <= time_s]
            wanted = wanted[len(due) :]
            yield from self._visit(user, int(time_s), due, interests)
            pause_s = float(random.exponential(4 * DAY_S)) + 0.3 * DAY_S
            time_s = min(time_s + pause_s, wanted[0][0] + 1 if wanted else np.inf)

    def _visit(self, user: str, time_s: int, due: list[int], interests: list[int]) -> Iterator[Act]:
        """Looks around, then looks at each thing that is to be bought, puts it into the cart, and buys."""
        looked = [int(self._random.integers(len(self.goods)))]
        looked += [int(self._random.choice(interests)) for _ in range(self._random.integers(0, 3))]
        for at, item in enumerate(looked):
            yield Act(time_s + 40 * at, user, item, "view", looks=at == 0)
        for at, item in enumerate(due):
            for step, action in enumerate[Action](("view", "cart", "purchase")):
                yield Act(time_s + 200 + 100 * at + 30 * step, user, item, action)

    def _consumed(self, end_s: int) -> Iterator[tuple[float, int]]:
        random = self._random
        for kind in random.choice(list(CONSUMABLES), 4, replace=False):
            own, brand = float(random.lognormal(0.0, 0.1)), int(random.choice(self._of_kind[str(kind)]))
            time_s = BEGIN_S + float(random.uniform(0, 60 * DAY_S))
            while time_s < end_s:
                item = brand if random.random() > 0.1 else int(random.choice(self._of_kind[str(kind)]))
                if random.random() > 0.1:  # else it is bought elsewhere
                    yield time_s, item
                time_s += self.goods[item].days * own * float(random.lognormal(0.0, 0.2)) * DAY_S

    def _durables(self, end_s: int) -> Iterator[tuple[float, int]]:
        for kind in self._random.choice(DURABLES, 5, replace=False):
            item = int(self._random.choice(self._of_kind[str(kind)]))
            time_s = float(self._random.uniform(BEGIN_S, end_s))
            yield time_s, item
            if self._random.random() < 0.05:
                yield float(self._random.uniform(time_s, end_s)), item

    def _books(self, end_s: int) -> Iterator[tuple[float, int]]:
        if self._random.random() > 0.4:
            return
        kind = str(self._random.choice(BOOKS))
        time_s = float(BEGIN_S)
        for item in self._random.permutation(self._of_kind[kind]).tolist():
            time_s += float(self._random.exponential(25 * DAY_S)) + DAY_S
            if time_s < end_s:
                yield time_s, item

    def _unit(self) -> npt.NDArray[np.float64]:
        row = self._random.normal(size=DIM)
        return row / float(np.linalg.norm(row))
