"""How unequally places of lists are shared out, as the metrics tell it."""

from math import log2

import numpy as np
import pytest

from penchant.messages import Facets, ItemVector
from serving.catalogue import Catalogue, pack
from stream.monitoring.exposure import Exposure, gini
from stream.testing import FINGERPRINT


@pytest.fixture
def catalogue() -> Catalogue:
    """Eight items; the first two are of brand a, the third of b and c, a fourth brand has none on lists."""
    made = Catalogue(4, FINGERPRINT)
    for number, brands in enumerate(("a", "a", "bc", "d", "", "", "", "")):
        made.put(item(f"i{number}", {"brand": list(brands)}))
    return made


def item(item_id: str, facets: Facets) -> ItemVector:
    vector = pack(np.eye(4, dtype=np.float32)[0])
    return ItemVector(
        item_id=item_id, title="", facets=facets, available=True, revision="", fingerprint=FINGERPRINT, vector=vector
    )


def test_lists_of_the_same_items_are_more_unequal() -> None:
    assert gini(np.array([10, 0, 0, 0, 0])) == pytest.approx(0.8)
    assert gini(np.array([4, 3, 2, 1, 0])) == pytest.approx(0.4)
    assert gini(np.array([0, 1, 2, 3, 4])) == pytest.approx(0.4), "the order of items does not matter"
    assert gini(np.array([1, 4, 3, 2]), among=5) == pytest.approx(0.4), "nor whether zeros are given"


def test_places_are_worth_what_ndcg_discounts_them_by(catalogue: Catalogue) -> None:
    exposure = Exposure(catalogue, "brand")
    assert (exposure.by_item(), exposure.by_facet()) == (0.0, 0.0), "no lists yet"

    exposure.add([0, 1, 2])

    places = np.array([1.0, 1 / log2(3), 0.5])
    assert exposure.by_item() == pytest.approx(gini(places, 8))
    assert exposure.by_facet() == pytest.approx(gini(np.array([places[0] + places[1], places[2], places[2]]), 4))


def test_what_is_not_on_offer_counts_no_more(catalogue: Catalogue) -> None:
    exposure = Exposure(catalogue)
    exposure.add([0])
    exposure.add([1])
    for item_id in ("i0", "i2", "i3"):
        catalogue.remove(item_id)

    assert exposure.by_item() == pytest.approx(gini(np.array([1.0]), 5))


def test_it_is_that_of_late_lists(catalogue: Catalogue) -> None:
    """Given a list of one item, then 150,000 of another, then what the first had is forgotten."""
    exposure = Exposure(catalogue)
    exposure.add([0])
    exposure.add([1])
    alike = exposure.by_item()
    for _ in range(150_000):
        exposure.add([1])

    assert alike == pytest.approx(gini(np.array([1.0, 1.0]), 8), abs=1e-4)
    assert exposure.by_item() == pytest.approx(gini(np.array([1.0]), 8), abs=1e-6)


def test_half_of_it_is_of_the_last_7_000_lists(catalogue: Catalogue) -> None:
    exposure = Exposure(catalogue)
    for row in (0, 1):
        for _ in range(round(10_000 * np.log(2))):
            exposure.add([row])

    assert exposure.by_item() == pytest.approx(gini(np.array([1.0, 2.0]), 8), abs=1e-3)
    catalogue.put(item("new", {}))
    exposure.add([catalogue.row("new")])
