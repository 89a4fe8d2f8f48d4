"""A small shop that nobody has seen: products, and a year of what its visitors did, as messages in order of time."""

import random
from dataclasses import dataclass
from typing import Any

from stream.testing import NOW_MS, WORDS

DAY_MS = 86_400_000
_YEAR_DAYS = 365
_CONSUMABLES = {"food", "music"}
_UNWANTED = ("war", "music", "sport")
_BRANDS = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir")
_LIKES = ("view", "view", "view", "click", "click", "cart", "purchase", "like", "dismiss", "rate")
Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class MadeProduct:
    """A product of one of the eight categories that the tests' encoder knows."""

    item_id: str
    category: str
    brand: str
    price: float
    consumable: bool

    @property
    def title(self) -> str:
        """Its name, which tells its category."""
        return f"{self.brand} {self.category} {self.item_id}"


@dataclass(frozen=True, slots=True)
class MadeShop:
    """products: of which the last ones have no events. messages: of all user topics, oldest first."""

    products: list[MadeProduct]
    messages: list[Message]


def made_shop(seed: int, products: int = 360, untouched: int = 60, visitors: int = 120, visits: int = 700) -> MadeShop:
    """The same for the same seed.

    A visitor has one or two categories, and mostly looks at what is popular there; looks, puts into the cart, buys;
    buys consumables again; reviews and rates, some of it badly; now and then says what is wanted, or not.
    """
    chance = random.Random(seed)
    catalogue = [
        MadeProduct(
            f"p{n}",
            (category := WORDS[n % len(WORDS)]),
            chance.choice(_BRANDS),
            round(chance.lognormvariate(3, 1), 2),
            category in _CONSUMABLES,
        )
        for n in range(products)
    ]
    sold = catalogue[: products - untouched]
    tastes = {f"v{n}": chance.sample(WORDS, chance.choice((1, 2))) for n in range(visitors)}
    shelf = {word: [each for each in sold if each.category == word] for word in WORDS}
    bought: dict[str, list[MadeProduct]] = {user: [] for user in tastes}
    messages: list[Message] = []
    for at_ms in sorted(NOW_MS - chance.randrange(_YEAR_DAYS * DAY_MS) for _ in range(visits)):
        user = chance.choice(list(tastes)[: 1 + min(visitors, int(chance.paretovariate(1) * visitors / 8))])
        messages += _visit(chance, user, at_ms, tastes[user], shelf, bought[user])
    for number, message in enumerate(messages):
        message["event_id"] = f"e{number}"
    return MadeShop(catalogue, _with_retractions(chance, messages))


def _visit(
    chance: random.Random,
    user: str,
    at_ms: int,
    tastes: list[str],
    shelf: dict[str, list[MadeProduct]],
    bought: list[MadeProduct],
) -> list[Message]:
    word = chance.choice(tastes) if chance.random() < 0.9 else chance.choice(WORDS)
    made: list[Message] = []

    def does(**what: Any) -> None:
        made.append({"user_id": user, "event_time": at_ms + 20_000 * len(made), **what})

    if chance.random() < 0.1:
        does(text=f"I want {word}" + (f" but no more {chance.choice(_UNWANTED)}" if chance.random() < 0.3 else ""))
    for _ in range(chance.randint(1, 5)):
        items = shelf[word]
        item = items[min(int(chance.paretovariate(0.8)) - 1, len(items) - 1)]
        again = [each for each in bought if each.consumable]
        if again and chance.random() < 0.3:
            item = chance.choice(again)
        for action in ("view", "cart", "purchase")[: chance.choice((1, 1, 1, 2, 3))]:
            does(item_id=item.item_id, type=action)
            bought += [item] if action == "purchase" else []
        other = chance.choice(_LIKES)
        if other == "rate":
            does(item_id=item.item_id, type="rate", value=chance.randint(1, 5))
        elif other in {"like", "dismiss"}:
            does(item_id=item.item_id, type=other)
        if chance.random() < 0.08:
            stars = chance.choice((1, 1, 2, 4, 5, 5))
            does(item_id=item.item_id, text=f"this {item.category}: {stars} stars", rating=stars)
    return made


def _with_retractions(chance: random.Random, messages: list[Message]) -> list[Message]:
    """Some events are taken back a little later."""
    made: list[Message] = []
    for message in messages:
        made.append(message)
        if chance.random() < 0.01:
            about = {name: message[name] for name in ("user_id", "event_id", "event_time")}
            made.append({"command_id": f"k{len(made)}", "type": "retract", **about})
    return made
