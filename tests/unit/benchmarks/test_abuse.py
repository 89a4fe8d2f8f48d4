"""In a small made-up shop: what a farm moves is measured, the same each time, and the caps make it less."""

import numpy as np
import pytest

from benchmarks.abuse.bazaar import Shop
from benchmarks.abuse.farm import ATTACKS, Farm
from benchmarks.abuse.moved import Figures, Size, World, figures

SIZE = Size(items=200, users=150, each=30, measured=60, seed=1)


@pytest.fixture(scope="module")
def worlds() -> dict[bool, World]:
    return {caps: World(SIZE, caps=caps) for caps in (False, True)}


def attacked(world: World, kind: str, false: int) -> Figures:
    pushed = world.pushed()
    farm = Farm(false, SIZE.each, pushed, world.popular, Shop(SIZE.items, SIZE.seed), np.random.default_rng(1))
    return figures(world.lists([], pushed), world.lists(ATTACKS[kind](farm), pushed))


@pytest.mark.parametrize("kind", ["burst", "likes", "pairs"])
def test_the_caps_take_most_of_what_one_user_moves(worlds: dict[bool, World], kind: str) -> None:
    without, capped = (attacked(worlds[caps], kind, 1) for caps in (False, True))

    assert capped.on_lists <= without.on_lists
    assert capped.of_all < without.of_all or capped.places < without.places
    assert capped.trending > without.trending


def test_the_same_seed_measures_the_same(worlds: dict[bool, World]) -> None:
    assert attacked(worlds[True], "burst", 2) == attacked(World(SIZE, caps=True), "burst", 2)
