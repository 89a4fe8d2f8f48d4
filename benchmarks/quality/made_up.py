"""Streams in which one signal alone is right, and streams that change from one to another: whether that is found.

Each stream is made of the rule that its signal reads: what is taken is drawn from a softmax of that rule. In streams
that change, the rule is another from the middle on. Lists are held against those by the signal alone as it stands then.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evaluation.measures import chance_of_hit
from evaluation.prequential.data_sets import DatasetEvent
from evaluation.prequential.offline_system import Penchant
from evaluation.prequential.steps import Step
from penchant.messages import ItemVector
from serving.arrays import Doubles, Floats, Rows
from serving.catalogue import Catalogue, pack
from serving.ranking.learning.signals import Signal
from stream.events.weights import Weight

ITEMS, USERS, DIM, LAST = 300, 400, 16, 20
AFTER = 2_000  # events until a rule must be known
_HOUR_MS = 3_600_000
_START_MS = 1_795_341_600_000
_Rule = Callable[["World", int], Doubles]


@dataclass
class World:
    """What the rules go by. chance: draws everything. vectors: `(n, d)` unit rows. time_ms: of the next event."""

    chance: np.random.Generator
    vectors: Floats
    time_ms: int = _START_MS
    rings: dict[int, list[int]] = field(default_factory=dict)  # newest first
    counts: Doubles = field(default_factory=lambda: np.zeros((2, ITEMS)))  # of an hour, of 30 days
    epochs: tuple[int, int] = (0, 0)
    fashion: Doubles = field(default_factory=lambda: np.zeros((2, ITEMS)))
    follows: Rows = field(default_factory=lambda: np.zeros(ITEMS, np.intp))

    def ring(self, user: int) -> list[int]:
        """A user's last items, newest first."""
        return self.rings.setdefault(user, [])

    def take(self, user: int, row: int) -> None:
        """Let it have happened."""
        ring = self.ring(user)
        ring.insert(0, row)
        del ring[LAST:]


def _of_an_hour(world: World, user: int) -> Doubles:
    return _fashion(world, 0, world.time_ms // _HOUR_MS)


def _of_a_month(world: World, user: int) -> Doubles:
    return _fashion(world, 1, world.time_ms // (30 * 24 * _HOUR_MS))


def _fashion(world: World, which: int, epoch: int) -> Doubles:
    """What is in fashion for a while, drawn anew then."""
    epochs = list(world.epochs)
    if epochs[which] != epoch:
        world.fashion[which] = 5.0 * world.chance.permutation(np.linspace(0, 1, ITEMS)) ** 6
        epochs[which] = epoch
        world.epochs = (epochs[0], epochs[1])
    fashion: Doubles = world.fashion[which]
    return fashion


def _goes_with_the_last(world: World, user: int) -> Doubles:
    """One of four items that go with each item, whatever they are."""
    ring = world.ring(user)
    points = np.zeros(ITEMS)
    if ring:
        points[(world.follows[ring[0]] + np.arange(4) * 7) % ITEMS] = 6.0
    return points


def _like_the_last(world: World, user: int) -> Doubles:
    ring = world.ring(user)
    liked: Doubles = 12.0 * (world.vectors @ world.vectors[ring[0]]).astype(np.float64) if ring else np.zeros(ITEMS)
    liked[ring] = -np.inf
    return liked


def _again(world: World, user: int) -> Doubles:
    points = np.zeros(ITEMS)
    points[world.ring(user)] = 6.0
    return points


def _own_order(world: World, user: int) -> Doubles:
    """What the user took after the last item the time before; each of the first few once, in an order of the user's."""
    ring = world.ring(user)
    points = np.zeros(ITEMS)
    if ring and ring[0] in ring[1:]:
        points[ring[ring.index(ring[0], 1) - 1]] = 7.0
    elif len(ring) >= 6:
        points[ring[5]] = 20.0
    return points


RULES: dict[str, tuple[_Rule, Signal, int]] = {
    "popular within the hour": (_of_an_hour, Signal.HOUR, 10_000),
    "popular within the month": (_of_a_month, Signal.MONTH, 3 * _HOUR_MS),
    "goes with the last": (_goes_with_the_last, Signal.TRANSITION, 60_000),
    "like the last": (_like_the_last, Signal.CONTENT, 60_000),
    "taken again": (_again, Signal.REPEAT, 60_000),
    "in the user's own order": (_own_order, Signal.OWN_ORDER, 60_000),
}
"""By name: the rule, the signal that reads it, and how many ms lie between events."""


def events(names: list[str], each: int, seed: int) -> Iterator[DatasetEvent]:
    """A stream of `each` events by each of some rules in turn."""
    chance = np.random.default_rng(seed)
    vectors = chance.standard_normal((ITEMS, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    world = World(chance, vectors, follows=chance.permutation(ITEMS))
    for name in names:
        rule, _, apart_ms = RULES[name]
        for _ in range(each):
            world.time_ms += apart_ms
            user = int(chance.integers(USERS))
            points = rule(world, user)
            chances = np.exp(points - points.max())
            row = int(chance.choice(ITEMS, p=chances / chances.sum()))
            yield DatasetEvent(f"u{user}", row, world.time_ms, Weight(1.0, 1.0), positive=True)
            world.take(user, row)


def catalogue(seed: int) -> Catalogue:
    """The items of a stream, with its vectors and without facets."""
    vectors = np.random.default_rng(seed).standard_normal((ITEMS, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    made = Catalogue(DIM, "made-up")
    for row, vector in enumerate(vectors):
        made.put(
            ItemVector(
                item_id=f"i{row}",
                title=f"i{row}",
                facets={},
                available=True,
                revision="",
                fingerprint="made-up",
                vector=pack(vector),
            )
        )
    return made


def measure(names: list[str], each: int, seed: int = 1) -> list[dict[str, Any]]:
    """Of each rule's part from 2,000 events on: hit rates by its signal alone and by Penchant, and their ratio."""
    penchant = Penchant(catalogue(seed), repeats=True)
    parts: list[dict[str, list[float]]] = [{"signal": [], "penchant": []} for _ in names]
    last: dict[str, int] = {}
    for place, event in enumerate(events(names, each, seed)):
        idle = place - last[event.user] - 1 if event.user in last else np.inf
        step = Step(event, asked=True, idle=idle)
        if place % each >= AFTER:
            own = parts[place // each]
            signal = RULES[names[place // each]][1]
            # Of ties in the middle all would be hits, though ten places do not hold them.
            alone = penchant.ranker.signals(penchant.state(event.user))[signal]
            own["signal"].append(chance_of_hit(alone, event.row))
            own["penchant"].append(chance_of_hit(penchant.score(step, 0.0), event.row))
        penchant.learn(step)
        last[event.user] = place
    return [
        {
            "rule": name,
            "n": len(own["penchant"]),
            **(rates := {kind: float(np.mean(hits)) for kind, hits in own.items()}),
            "ratio": rates["penchant"] / rates["signal"],
        }
        for name, own in zip(names, parts, strict=True)
    ]
