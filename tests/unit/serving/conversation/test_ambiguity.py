"""When a list leaves open what is wanted: points that are made up, on items of four genres."""

import numpy as np
import pytest

from penchant.messages import Facets, ItemVector
from serving.arrays import Floats
from serving.catalogue import Catalogue, pack
from serving.conversation.ambiguity import Doubt, doubt

GENRES = ("Comedy", "Horror", "War", "Western")
EACH = 20


def catalogue(each: int = EACH) -> Catalogue:
    """By row: a genre after the other; the same domain, a year and a director each, who makes all genres."""
    made = Catalogue(2, "f")
    vector = pack(np.array([1, 0], np.float32))
    for row in range(each * len(GENRES)):
        facets: Facets = {
            "genre": [GENRES[row // each]],
            "domain": "film",
            "year": str(1950 + row),
            "director": f"d{row % each}",
        }
        item = ItemVector(
            item_id=f"i{row}", title="", facets=facets, available=True, revision="", fingerprint="f", vector=vector
        )
        made.put(item)
    return made


def points(*by_genre: float, each: int = EACH, seed: int = 0) -> Floats:
    """Of each genre's items, with a spread of 1."""
    noise = np.random.default_rng(seed).normal(size=each * len(GENRES))
    made: Floats = (np.repeat(by_genre, each) + noise).astype(np.float32)
    return made


def asked(found: Doubt | None) -> set[str]:
    assert found is not None
    assert found.facet == "genre"
    assert sum(found.shares) <= 1.0 + 1e-9
    return set(found.values)


@pytest.mark.parametrize("seed", range(5))
def test_one_genre_that_stands_out_is_clear(seed: int) -> None:
    assert doubt(points(8, 0, 0, 0, seed=seed), catalogue()) is None


@pytest.mark.parametrize("seed", range(5))
def test_where_nothing_stands_out_it_is_asked_which(seed: int) -> None:
    assert len(asked(doubt(points(0.4, 0.2, 0, 0, seed=seed), catalogue()))) >= 2


@pytest.mark.parametrize("seed", range(5))
def test_of_two_that_stand_out_it_is_asked_which(seed: int) -> None:
    assert {"Horror", "Western"} <= asked(doubt(points(0, 6, 0, 5.5, seed=seed), catalogue()))


def test_what_is_not_wanted_makes_no_doubt() -> None:
    """Given one genre that stands out, when another lies far below, then it is as clear as before."""
    assert doubt(points(8, -5, 0, 0), catalogue()) is None


def test_where_most_are_ruled_out_nothing_is_asked() -> None:
    assert doubt(points(0.1, -20, -20, -20), catalogue()) is None
    assert doubt(points(0.1, 0, -20, 0), catalogue()) is not None


def test_few_items_need_no_question() -> None:
    assert doubt(points(0, 0, 0, 0, each=2), catalogue(2)) is None
    assert doubt(np.full(EACH * 4, -np.inf, np.float32), catalogue()) is None


def test_of_a_large_catalogue_some_are_looked_at() -> None:
    each = 2_000

    assert doubt(points(8, 0, 0, 0, each=each), catalogue(each)) is None
    assert len(asked(doubt(points(0.4, 0.2, 0, 0, each=each), catalogue(each)))) >= 2
