"""Lists of a system that has just begun: steady while others come, and by facets while items have no statistics."""

import numpy as np

from evaluation.prequential.data_sets import DatasetEvent
from evaluation.prequential.offline_system import Penchant
from evaluation.prequential.steps import Step
from penchant.messages import ItemVector
from serving.catalogue import Catalogue, pack
from stream.events.weights import Weight

ITEMS, KINDS, DIM = 300, 8, 32
NOW_MS = 1_795_341_600_000


def catalogue(seed: int, spread: float = 1.0) -> Catalogue:
    """Items of eight kinds, in turn, whose vectors lie around their kinds'; the larger `spread` the less they tell."""
    chance, made = np.random.default_rng(seed), Catalogue(DIM, "f")
    kinds = chance.standard_normal((KINDS, DIM)).astype(np.float32)
    kinds /= np.linalg.norm(kinds, axis=1, keepdims=True)
    for number in range(ITEMS):
        kind = number % KINDS
        vector = np.sqrt(DIM) * kinds[kind] + spread * chance.standard_normal(DIM).astype(np.float32)
        made.put(
            ItemVector(
                item_id=f"i{number}",
                title=f"Title {number}",
                facets={"genre": [f"kind {kind}"]},
                available=True,
                revision="1",
                fingerprint="f",
                vector=pack(vector / np.linalg.norm(vector)),
                facet_text=f"kind {kind}",
                facet_vector=pack(kinds[kind]),
            )
        )
    return made


class Fresh(Penchant):
    """A system that has seen nothing, and takes events a second apart."""

    def does(self, user: str, row: int) -> None:
        """Let a user take an item; the blend learns it."""
        self.time_ms = getattr(self, "time_ms", NOW_MS) + 1000
        event = DatasetEvent(user, row, self.time_ms, Weight(1.0, 1.0), positive=True)
        self.learn(Step(event, asked=True, idle=0.0))

    def first(self, user: str) -> list[str]:
        """The first ten of a user's list."""
        return [entry.item_id for entry in self.ranker.rank(self.state(user), 10).items]


def test_ten_events_of_others_leave_eight_of_ten_items() -> None:
    """Given one who liked three items of a kind, when others like ten of other kinds, then eight of ten stay."""
    shared = []
    for seed in range(100):
        chance = np.random.default_rng(seed)
        system, kind = Fresh(catalogue(seed), repeats=False, seed=seed), int(chance.integers(KINDS))
        for _ in range(int(chance.integers(15))):
            system.does(f"before-{chance.integers(5)}", int(chance.integers(ITEMS)))
        for _ in range(3):
            system.does("me", int(chance.choice(np.arange(kind, ITEMS, KINDS))))
        before = system.first("me")
        for _ in range(10):
            system.does(
                f"other-{chance.integers(4)}", int(chance.choice([row for row in range(ITEMS) if row % KINDS != kind]))
            )
        shared.append(len(set(before) & set(system.first("me"))))

    # On other processors sums are rounded otherwise, and the one or other item changes places.
    assert sorted(shared)[2] >= 8, np.bincount(shared)


def test_a_new_interest_is_known_by_facets_where_texts_do_not_tell() -> None:
    """Given a fresh catalogue whose texts say little, then after eight of one kind five of another give four of ten."""
    for seed in range(20):
        system = Fresh(catalogue(seed, spread=6.0), repeats=False)
        for n in range(8):
            system.does("me", KINDS * n)
        for n in range(5):
            system.does("me", 3 + KINDS * n)
        assert sum(int(item_id[1:]) % KINDS == 3 for item_id in system.first("me")) >= 4
