"""Words and numbers of statements in a list: what is named stands first, what is not wanted does not, sums hold."""

import numpy as np
import pytest

from penchant.messages import ItemVector
from serving.catalogue import Catalogue, pack
from serving.lexical.wording import wording_of
from serving.ranking.popularity import Popularity
from serving.ranking.ranker import Ranker
from serving.state.user_state import RecentText, UserState

DIM = 8
SHOP = {
    "dome": ("Alpine Dome", {"category": "Tents", "price": "189"}),
    "popup": ("Starlight", {"category": "Tents", "price": "49"}),
    "stove": ("Gas Stove", {"category": "Camping", "price": "29"}),
    "chair": ("Folding Chair", {"category": "Camping", "price": "34"}),
    "grinder": ("Hand Grinder", {"category": "Coffee Gear", "price": "39"}),
    "filters": ("Paper Filters", {"category": "Coffee Gear", "price": "6"}),
    "chicken": ("Chicken & Rice", {"category": "Dog Food", "price": "39"}),
    "lamb": ("Lamb & Potato", {"category": "Dog Food"}),
    "penne": ("Gluten-free Penne", {"category": "Pasta", "price": "4", "year": "2019"}),
    "spaghetti": ("Spaghetti", {"category": "Pasta", "price": "3", "year": "2003"}),
}


@pytest.fixture
def shop() -> Catalogue:
    """Vectors that say nothing."""
    made, random = Catalogue(DIM, "f"), np.random.default_rng(3)
    for item_id, (title, facets) in SHOP.items():
        vector = random.normal(size=DIM).astype(np.float32)
        vector /= np.linalg.norm(vector)
        made.put(
            ItemVector(
                item_id=item_id,
                title=title,
                facets={**facets},
                available=True,
                revision="",
                fingerprint="f",
                vector=pack(vector),
            )
        )
    return made


def after(*statements: str) -> UserState:
    texts = []
    for at, text in enumerate(statements):
        wording, vector = wording_of(text), np.zeros(DIM, np.float16)
        vector[at] = 1e-3
        said = (wording.words, wording.spared, wording.ranges)
        texts.append(RecentText(at, f"s{at}", "", 1.0, vector.tobytes(), b"", 0.0, *said))
    return UserState(texts=texts)


def listed(shop: Catalogue, *statements: str) -> list[str]:
    return [entry.item_id for entry in Ranker(shop, Popularity()).rank(after(*statements), len(SHOP)).items]


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        ("a tent", {"dome", "popup"}),
        ("camping gear", {"stove", "chair"}),
        ("gear for coffee", {"grinder", "filters"}),
        ("dog food without chicken", {"lamb"}),
        ("pasta, gluten-free", {"penne"}),
        ("pasta sin gluten", {"penne"}),
        ("tents under 50 €", {"popup"}),
        ("pasta from before 2010", {"spaghetti"}),
    ],
)
def test_what_a_statement_names_stands_first(shop: Catalogue, statement: str, first: set[str]) -> None:
    assert set(listed(shop, statement)[: len(first)]) == first


def test_what_is_not_wanted_stands_last(shop: Catalogue) -> None:
    assert set(listed(shop, "camping gear but no tents")[-2:]) == {"dome", "popup"}
    assert listed(shop, "dog food without chicken")[-1] == "chicken"


def test_a_range_holds_until_a_newer_statement_has_another_on_the_same_facet(shop: Catalogue) -> None:
    """Given a price asked for, when something else is said, then it holds; a new price takes its place."""
    assert set(listed(shop, "under 5 €")[:2]) == {"penne", "spaghetti"}
    assert set(listed(shop, "under 5 €", "something to read")[:2]) == {"penne", "spaghetti"}
    assert listed(shop, "under 5 €", "over 100 €")[0] == "dome"


def test_a_range_that_nothing_lies_within_changes_nothing(shop: Catalogue) -> None:
    assert listed(shop, "tents over 10000 €") == listed(shop, "tents")


@pytest.mark.parametrize(
    "statement", ["tents under 50 €", "dog food without chicken", "pasta sin gluten", "2010年以后的帐篷"]
)
def test_an_explanation_sums_to_the_score(shop: Catalogue, statement: str) -> None:
    ranker, state = Ranker(shop, Popularity()), after("camping gear under 30", statement)
    scores = {entry.item_id: entry.score for entry in ranker.rank(state, len(SHOP)).items}

    for told in ranker.explain(state, len(SHOP)):
        assert told.score == pytest.approx(scores[told.item_id], abs=1e-5)
        assert sum(told.parts.values()) == pytest.approx(told.score, abs=1e-5)
        assert sum(each.points for each in told.events) + sum(told.apart.values()) == pytest.approx(
            told.score, abs=1e-5
        )


def test_a_removed_item_is_found_no_more(shop: Catalogue) -> None:
    shop.remove("popup")
    shop.put(shop_item(shop, "dome", title="Alpine Boots", category="Boots"))

    assert "popup" not in listed(shop, "tents")
    assert listed(shop, "boots")[0] == "dome"


def shop_item(shop: Catalogue, item_id: str, title: str, category: str) -> ItemVector:
    vector = pack(shop.vector_at(shop.row(item_id)))
    return ItemVector(
        item_id=item_id,
        title=title,
        facets={"category": category},
        available=True,
        revision="",
        fingerprint="f",
        vector=vector,
    )
