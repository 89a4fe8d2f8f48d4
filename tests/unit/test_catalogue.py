"""The catalogue: ids, rows, vectors, and the texts that they are made of."""

import numpy as np
import pytest

from serving.catalogue import Catalogue, facet_text, item_text, pack, unpack
from serving.errors import FingerprintMismatch
from serving.messages import Facets, ItemVector
from serving.state import item_hash
from stream.testing import FINGERPRINT, embed_by_words


def item(item_id: str, text: str = "space", *, genre: str = "", available: bool = True) -> ItemVector:
    return ItemVector(
        item_id=item_id,
        title=text.title(),
        facets={"genre": genre} if genre else {},
        available=available,
        revision="r1",
        fingerprint=FINGERPRINT,
        vector=pack(embed_by_words(text)),
        facet_text=genre,
        facet_vector=pack(embed_by_words(genre)) if genre else "",
    )


def catalogue(*items: ItemVector) -> Catalogue:
    made = Catalogue(8, FINGERPRINT, capacity=2)
    for each in items:
        made.put(each)
    return made


def test_an_item_is_found_by_its_id_and_at_its_row() -> None:
    made = catalogue(item("i1"), item("i2", "love"))
    assert (len(made), made.embedded, made.find("i2"), made.find("i3")) == (2, 2, 1, None)
    assert "i1" in made
    assert made.vector("i2") is not None
    assert made.vectors[1].tolist() == embed_by_words("love").tolist()
    stored = made.get("i1")
    assert stored is not None
    assert stored.title == "Space"


def test_an_id_that_was_only_heard_of_has_a_row_and_nothing_else() -> None:
    made = catalogue()
    assert made.row("i1") == made.row("i1") == 0
    assert ("i1" in made, made.vector("i1"), made.get("i1"), made.embedded) == (False, None, None, 0)
    assert not made.available[0]
    assert made.put(item("i1"))
    assert (made.find("i1"), made.available[0]) == (0, True)


def test_the_arrays_grow_without_losing_anything() -> None:
    words = ["space", "love", "war", "music", "food", "travel", "sport", "code"]
    made = catalogue(*[item(f"i{n}", words[n % 8], genre=f"{words[n % 8]} {n}") for n in range(40)])
    assert made.ids == [f"i{n}" for n in range(40)]
    for n in range(40):
        assert made.vectors[n].tolist() == embed_by_words(words[n % 8]).tolist()
        assert made.facets[made.facet_of[n]].tolist() == embed_by_words(words[n % 8]).tolist()
    assert made.facet_of[40:].max() == -1
    assert not made.available[40:].any()


def test_items_of_one_genre_share_its_vector() -> None:
    made = catalogue(item("i1", genre="love"), item("i2"), item("i3", "war", genre="love"))
    assert made.facet_of[:3].tolist() == [0, -1, 0]
    assert made.facets.shape == (1, 8)


def test_an_item_may_change_go_off_offer_and_be_removed() -> None:
    made = catalogue(item("i1", genre="love"), item("i2"))
    assert not made.put(item("i1", "war", available=False))
    assert (made.embedded, made.available[0], made.facet_of[0]) == (2, False, -1)
    vector = made.vector("i1")
    assert vector is not None
    assert vector.tolist() == embed_by_words("war").tolist()
    made.remove("i1")
    made.remove("i1")
    made.remove("never heard of")
    assert (made.embedded, made.vector("i1"), len(made)) == (1, None, 2)
    assert made.vectors[0].tolist() == [0.0] * 8
    assert made.put(item("i1"))
    assert made.find("i1") == 0


def test_rows_are_found_by_the_hashes_of_a_seen_set() -> None:
    made = catalogue(item("i1"), item("i2"))
    made.row("heard")
    assert sorted(made.seen_rows([item_hash("i2"), item_hash("heard"), item_hash("unknown")])) == [1, 2]


def test_vectors_of_another_model_folder_are_refused() -> None:
    made = Catalogue(8, "another-folder")
    with pytest.raises(FingerprintMismatch, match=r"i1.*words-8.*another-folder"):
        made.put(item("i1"))
    assert len(made) == 0


def test_a_vector_is_packed_in_half_precision() -> None:
    vector = embed_by_words("space and love")
    assert unpack(pack(vector)).tolist() == vector.tolist()
    assert unpack(pack(vector)).dtype == np.float32


@pytest.mark.parametrize(
    ("facets", "text"),
    [
        ({"genre": ["Sci-Fi", "Action"], "domain": "film"}, "Sci-Fi, Action film"),
        ({"genre": "Sci-Fi"}, "Sci-Fi"),
        ({"category": ["Drills"], "genre": ["Tools"], "brand": "Acme"}, "Tools, Drills"),
        ({"domain": "film", "brand": "Acme"}, ""),
        ({"genre": [], "domain": "film"}, ""),
        ({}, ""),
    ],
)
def test_the_facets_text_is_what_a_statement_is_matched_against(facets: Facets, text: str) -> None:
    assert facet_text(facets) == text


def test_an_items_text_begins_with_its_facets() -> None:
    facets: Facets = {"genre": ["Sci-Fi"], "domain": "film"}
    assert item_text("Alien", "In space.", facets) == "Sci-Fi film. Alien. In space."
    assert item_text("Alien", "", {}) == "Alien"
