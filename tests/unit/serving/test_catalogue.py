"""The catalogue: ids, rows, vectors, and the texts that they are made of."""

import tracemalloc

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import FingerprintMismatch
from penchant.messages import Facets, ItemVector
from serving.catalogue import Catalogue, facet_text, item_text, pack, unpack
from serving.rows_by_hash import RowsByHash
from serving.state.user_state import item_hash
from stream.testing import FINGERPRINT, embed_by_words
from tests.support.same_hash import pair_of_one_hash


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
    assert sorted(made.seen_rows(np.array([item_hash(each) for each in ("i2", "heard", "unknown")], np.uint32))) == [
        1,
        2,
    ]


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


def test_an_items_message_is_made_anew_as_it_came() -> None:
    came = item("i1", "space and love", genre="love", available=False)
    made = catalogue(came, item("i2"))
    assert made.get("i1") == came
    made.put(item("i1", "war", genre="war"))
    assert (made.get("i1"), made.get("i2")) == (item("i1", "war", genre="war"), item("i2"))
    about = made.about("i1")
    assert about is not None
    assert (about.title, about.facets, made.about("i3")) == ("War", {"genre": "war"}, None)


def test_what_was_removed_leaves_its_place_to_the_next() -> None:
    """Ten times all items are replaced: rows are as many as ids, vectors no more than there are items."""
    made = catalogue()
    for n in range(10):
        for each in range(20):
            made.put(item(f"i{n}-{each}", genre=f"love {n}-{each}"))
        for each in range(20):
            made.remove(f"i{n}-{each}")
    assert (len(made), made.embedded, len(made.facets)) == (200, 0, 0)
    made.put(item("last", "war", genre="love"))
    assert made._vectors.used <= 20
    assert made._facets.used <= 20
    assert made.vector_at(200).tolist() == embed_by_words("war").tolist()
    assert made.facets.tolist() == [embed_by_words("love").tolist()]


def test_facets_that_no_item_has_any_more_are_not_compared() -> None:
    """Of a statement's likeness to each text the mean counts: one that stands for nothing would shift it."""
    made = catalogue(*[item(f"i{n}", genre=genre) for n, genre in enumerate(["love", "war", "food", "war"])])
    made.remove("i0")
    made.put(item("i1", genre="food"))
    assert made.facets.tolist() == [embed_by_words("food").tolist(), embed_by_words("war").tolist()]
    assert made.facet_of[:4].tolist() == [-1, 0, 0, 1]
    made.put(item("i9", genre="sport"))
    assert (made.facet_of[4], made.facets[2].tolist()) == (2, embed_by_words("sport").tolist())


WORDS_OF = ["space", "love", "war", "music", "food and war", "travel"]
_changes = st.lists(
    st.tuples(st.sampled_from(["put", "put", "remove", "hear"]), st.integers(0, 7), st.sampled_from(WORDS_OF)),
    max_size=25,
)


@given(_changes)
def test_whatever_came_and_went_it_is_as_one_that_was_made_of_what_is_left(changes: list[tuple[str, int, str]]) -> None:
    made, left = Catalogue(8, FINGERPRINT, capacity=2), dict[str, ItemVector]()
    for what, number, words in changes:
        each = item(f"i{number}", words, genre=words[:5])
        if what == "put":
            made.put(each)
            left[each.item_id] = each
        elif what == "remove":
            made.remove(each.item_id)
            left.pop(each.item_id, None)
        else:
            made.row(each.item_id)
    made.recentre()
    made._mean_of = -1000
    made.recentre()
    plain = Catalogue(8, FINGERPRINT)
    for item_id in made.ids:
        if item_id in left:
            plain.put(left[item_id])
        else:
            plain.row(item_id)
    plain.recentre()
    queries = np.stack([embed_by_words(words) for words in WORDS_OF])
    rows = np.arange(len(made))
    assert made.vectors.tolist() == plain.vectors.tolist()
    assert np.allclose(made.centred(rows), plain.centred(rows), atol=1e-6)
    for some in (queries[:1], queries, np.tile(queries, (2, 1))):
        assert np.allclose(made.similar(some), plain.similar(some), atol=1e-6)
        assert np.allclose(made.similar(some), some @ made.centred(rows).T, atol=1e-6)
    assert {item_id: made.get(item_id) for item_id in left} == left
    assert sorted(made.facets.tolist()) == sorted(plain.facets.tolist())
    texts = [made.facets[at].tolist() if at >= 0 else None for at in made.facet_of[: len(made)]]
    assert texts == [plain.facets[at].tolist() if at >= 0 else None for at in plain.facet_of[: len(made)]]


def test_an_item_takes_its_vector_once_and_little_beside_it() -> None:
    """384 components in float32 are 1,536 bytes, and 392 roughly. Each stood there twice as text: 4.7 KB an item."""
    vectors = np.random.default_rng(0).standard_normal((2048, 384)).astype(np.float32)
    messages = [
        msgspec.json.encode(
            ItemVector(
                item_id=f"item-{n:06}",
                title=f"A title of some words ({n})",
                facets={"genre": ["Sci-Fi", "Action"], "domain": "films"},
                available=True,
                revision=f"{n:016x}",
                fingerprint=FINGERPRINT,
                vector=pack(vector),
                facet_text=f"text {n % 30}",
                facet_vector=pack(vectors[n % 30]),
            )
        )
        for n, vector in enumerate(vectors)
    ]
    Catalogue(384, FINGERPRINT).put(msgspec.json.decode(messages[0], type=ItemVector))  # what is compiled is loaded
    tracemalloc.start()
    made = Catalogue(384, FINGERPRINT, capacity=2048)
    for message in messages:
        made.put(msgspec.json.decode(message, type=ItemVector))
    taken = tracemalloc.get_traced_memory()[0] / len(messages)
    tracemalloc.stop()
    assert taken < 1536 + 392 + 1200, f"{taken:.0f} bytes an item"


@pytest.mark.parametrize("spoiled", ["", "AAA", "AAAA", "*", pack(np.zeros(9, np.float32)), pack(np.full(8, np.nan))])
@pytest.mark.parametrize("name", ["vector", "facet_vector"])
def test_a_vector_that_cannot_be_changes_nothing(spoiled: str, name: str) -> None:
    made = catalogue(item("i1", "love", genre="war"))
    before = (made.vectors.tolist(), made.facets.tolist(), made.changes, made.embedded)
    for item_id in ("i1", "i2"):
        changed = item(item_id, genre="music")
        setattr(changed, name, spoiled)
        if name == "facet_vector" and not spoiled:
            continue  # no facets' text, which is lawful
        with pytest.raises(ValueError, match=r"vector|base64|padding|buffer"):
            made.put(changed)
        assert (made.vectors.tolist(), made.facets.tolist(), made.changes, made.embedded) == before
    assert "i2" not in made


def test_items_of_one_hash_are_told_while_both_have_vectors() -> None:
    first, second = pair_of_one_hash()
    made = catalogue(item("i1"))
    made.row(first)
    made.put(item(second))
    assert made.of_same_hash(second) == [], "what was only heard of is hidden from nobody"

    made.put(item(first))

    assert (made.of_same_hash(first), made.of_same_hash(second), made.of_same_hash("i1")) == ([second], [first], [])
    assert made.seen_rows(np.array([item_hash(first)], np.uint32)).tolist() == [1, 2]
    made.remove(second)
    assert made.of_same_hash(first) == []


def test_many_rows_of_few_hashes_are_all_found_after_the_table_grew() -> None:
    rows = RowsByHash(capacity=2)
    told = [rows.put(row % 3, row) for row in range(30)]
    assert told == [False] * 3 + [True] * 27
    assert rows.behind(1) == list(range(1, 30, 3))
