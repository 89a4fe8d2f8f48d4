"""A seeded catalogue, what everybody did with it, and users of every kind: for tests of whole lists."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from penchant.messages import CoVisitEvent, CoVisits, ItemVector
from serving.arrays import Doubles, Vector
from serving.catalogue import Catalogue, pack
from serving.lexical.wording import wording_of
from serving.ranking.learning.blend import Blend
from serving.ranking.rank_settings import RankSettings
from serving.ranking.ranker import Ranker
from serving.ranking.rules import Rules
from serving.ranking.statistics import Statistics
from serving.state.codec import PURCHASES
from serving.state.user_state import (
    IMPRESSIONS,
    SEEN,
    EventKind,
    RecentText,
    RingEvent,
    UserState,
    item_hash,
)
from stream.tasks.blend_learning import before

NOW_MS = 1_795_341_600_000  # 22 November 2026
_GENRES = ("Space", "Western", "Romance", "Horror", "Comedy", "Nature", "Music", "Crime")
_BRANDS = ("Acme", "Bell", "Crane", "Dune", "Elm")
_KINDS = (EventKind.VIEW, EventKind.CLICK, EventKind.PURCHASE, EventKind.LIKE, EventKind.RATE)
_SAID = (
    "I want something of space under 50",
    "no horror please, rather a western",
    "bitte kein Horror",
    "我喜欢音乐",
    "Acme crime",
)

RULES = """
[[rule]]
do = "boost"
where = {genre = "Romance"}
points = 1.0
[[rule]]
do = "block"
where = {brand = "Dune"}
[[rule]]
do = "pin"
item = "i7"
place = 2
[[rule]]
do = "floor"
where = {brand = "Elm"}
share = 0.25
"""

SETTINGS: Mapping[str, RankSettings] = {
    "usual": RankSettings(),
    "again": RankSettings(seen="again", fatigue=1.0),
    "down": RankSettings(seen="down", language="zh"),
    "varied": RankSettings(variety=0.3, explore=0.1),
    "relevant": RankSettings(relevance=0.4),
}


class Shop(NamedTuple):
    """What lists are made from."""

    catalogue: Catalogue
    statistics: Statistics

    def ranker(self, settings: RankSettings, rules: Rules | None = None) -> Ranker:
        """A ranker over it."""
        known = self.statistics
        return Ranker(
            self.catalogue,
            known.popularity,
            settings,
            blend=Blend(guarded=False),  # as it learned before it was
            rules=rules,
            covisits=known.covisits,
            ease=known.ease,
            repeats=known.repeats,
        )


def shop(items: int, dim: int, events: int, seed: int = 0) -> Shop:
    """Items of eight genres and five brands, the last twentieth of them new, and events by 200 users who like a genre.

    Some items have no vector, some are not on offer, and some have no facets.
    """
    random = np.random.default_rng(seed)
    centres = random.normal(size=(len(_GENRES), dim))
    catalogue = Catalogue(dim, "e5s-00000000")
    for number in range(items):
        _put(catalogue, number, centres, random)
    catalogue.recentre()
    statistics = Statistics(catalogue, {}, once=False)
    statistics.apply(
        CoVisits(topic="clicks", partition=0, first=0, last=events, events=list(_events(items, events, random)))
    )
    statistics.refit()
    return Shop(catalogue, statistics)


def _put(catalogue: Catalogue, number: int, centres: Doubles, random: np.random.Generator) -> None:
    genre = number % len(_GENRES)
    row = centres[genre] + 1.2 * random.normal(size=centres.shape[1])
    if number % 37 == 5:
        catalogue.row(f"i{number}")
        return
    facets: dict[str, Any] = {
        "genre": [_GENRES[genre], *([_GENRES[(genre + number // 8) % 8]] if number % 3 == 0 else [])],
        "brand": _BRANDS[number % len(_BRANDS)],
        "price": str(5 + number % 90),
    }
    told = {} if number % 41 == 7 else facets
    kind = "" if not told else ", ".join(facets["genre"])
    catalogue.put(
        ItemVector(
            item_id=f"i{number}",
            title=f"{_BRANDS[number % len(_BRANDS)]} {_GENRES[genre].lower()} {number}",
            facets=told,
            available=number % 29 != 3,
            revision="",
            fingerprint="e5s-00000000",
            vector=pack(_unit(row)),
            facet_text=kind,
            facet_vector=pack(_unit(centres[genre] + 0.3 * len(kind))) if kind else "",
        )
    )


def _unit(row: Doubles) -> Vector:
    unit: Vector = (row / np.linalg.norm(row)).astype(np.float32)
    return unit


def _events(items: int, events: int, random: np.random.Generator) -> Iterator[CoVisitEvent]:
    """Each user takes items of a genre, popular ones more often; what was taken last stands first in the ring."""
    known = max(items - items // 20, 1)
    rings: list[list[tuple[str, float]]] = [[] for _ in range(200)]
    for offset in range(events):
        user = int(random.integers(len(rings)))
        among = np.arange(user % len(_GENRES), known, len(_GENRES)) if random.random() < 0.8 else np.arange(known)
        item = f"i{among[int(len(among) * random.random() ** 3)]}"
        ring, covisit = rings[user], float(random.choice([0.25, 0.5, 1.0]))
        yield CoVisitEvent(
            offset,
            item,
            covisit,
            ring.copy(),
            [20 * at for at in range(len(ring))],
            time_ms=NOW_MS - 60_000 * (events - offset),
            purchase=(0 if random.random() < 0.5 else 86_400 * 5, 0) if covisit == 1.0 else None,
        )
        rings[user] = [(item, covisit), *ring][:20]


def learn(ranker: Ranker, steps: int, items: int, seed: int = 1) -> None:
    """Let its blend learn from more of such events."""
    random = np.random.default_rng(seed)
    catalogue = ranker._catalogue
    for event in _events(items, steps, random):
        taken = catalogue.find(event.item_id)
        if taken is not None and catalogue.available[taken]:
            ranker.learn(before(event), taken, random)


def users(items: int, dim: int, count: int, seed: int = 2) -> list[UserState]:
    """Users with much or little: texts, impressions, purchases, dismissals, retractions; the first is not known."""
    random = np.random.default_rng(seed)
    return [UserState(), *(_user(number, items, dim, random) for number in range(1, count))]


def _user(number: int, items: int, dim: int, random: np.random.Generator) -> UserState:
    state = UserState(list_version=NOW_MS + number, reference_ms=NOW_MS)
    length = int(random.integers(1, 21))
    for at in range(length):
        item = int(random.integers(items) * random.random() ** 2) // 8 * 8 + number % 8
        kind = _KINDS[int(random.integers(len(_KINDS)))]
        preference = -0.5 if random.random() < 0.1 else float(random.choice([0.25, 0.5, 1.0]))
        state.ring.append(
            RingEvent(
                NOW_MS - 30_000 * (length - at),
                f"e{number}-{at}",
                number * 100 + at,
                f"i{item}",
                int(EventKind.DISMISS if preference < 0 else kind),
                max(preference, 0.0),
                preference,
                retracted=bool(random.random() < 0.05),
                seen=True,
            )
        )
    if number % 2:
        state.long, state.event_count = random.normal(size=dim).astype(np.float32), length
    if number % 3 == 0:
        state.texts = [_text(number, at, dim, random, state) for at in range(1 + number % 2)]
        state.texts.sort(key=lambda text: text.order)
    seen = {f"i{int(random.integers(items))}" for _ in range(int(random.integers(0, 30)))}
    seen |= {event.item_id for event in state.ring}
    state.seen = np.zeros(len(seen), SEEN)
    state.seen["item"] = [item_hash(item) for item in sorted(seen)]
    state.seen["time_s"] = NOW_MS // 1000 - 86_400 - random.integers(0, 86_400, len(seen))
    state.seen["count"], state.seen["covisit"] = 1, random.integers(0, 200, len(seen))
    state.seen["dismissed"] = random.random(len(seen)) < 0.1
    if number % 4 == 0:
        state.impressions = np.zeros(12, IMPRESSIONS)
        state.impressions["id"] = np.arange(1, 13)
        state.impressions["item"] = [item_hash(f"i{int(random.integers(items))}") for _ in range(12)]
        state.impressions["time_s"] = NOW_MS // 1000 - random.integers(0, 40_000, 12)
    if number % 5 == 0:
        state.purchases = np.zeros(6, PURCHASES)
        state.purchases["id"] = np.arange(1, 7)
        state.purchases["item"] = [item_hash(f"i{int(random.integers(items) * random.random())}") for _ in range(6)]
        state.purchases["time_s"] = np.sort(NOW_MS // 1000 - random.integers(0, 40 * 86_400, 6))
    return state


def _text(number: int, at: int, dim: int, random: np.random.Generator, state: UserState) -> RecentText:
    vectors = [_unit(random.normal(size=dim)).astype(np.float16).tobytes() for _ in range(2)]
    if at and state.ring:
        event = state.ring[-1]
        return RecentText(event.time_ms, event.event_id, event.item_id, 0.5, vectors[0], covisit=0.5)
    said = wording_of(_SAID[number // 3 % len(_SAID)])
    return RecentText(
        NOW_MS - 45_000,
        f"t{number}",
        "",
        1.0,
        vectors[0],
        against=vectors[1] if said.spared else b"",
        words=list(said.words),
        spared=list(said.spared),
        ranges=list(said.ranges),
    )


def rules(shop: Shop, folder: Path) -> Rules:
    """Of `RULES`."""
    path = folder / "rules.toml"
    path.write_text(RULES)
    return Rules(shop.catalogue, path)
