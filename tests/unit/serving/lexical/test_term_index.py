"""An index that followed all changes is the one that is made of what is left."""

from hypothesis import given
from hypothesis import strategies as st

from serving.lexical.numeric_facets import NumericFacets
from serving.lexical.term_index import TermIndex
from serving.state.user_state import NumberRange

_TITLES = [
    "Kuppelzelt für 2",
    "Gluten-free Penne",
    "帐篷灯",
    "Tent Pegs",
    "",
    "手挽きコーヒーミル",
    "Galletas sin gluten",
]
_FACETS: list[dict[str, str | list[str]]] = [
    {"category": "Tents", "price": "12.50", "diet": "gluten-free"},
    {"category": ["Coffee Gear", "Tents"], "brand": "Alpine"},
    {"price": "9,99 €", "year": "1999"},
    {},
]
_ITEMS = st.tuples(st.integers(0, 4), st.sampled_from(_TITLES), st.sampled_from(_FACETS))


@given(st.lists(_ITEMS, max_size=12))
def test_changes_leave_nothing_behind(changes: list[tuple[int, str, dict[str, str | list[str]]]]) -> None:
    followed, numbers, there = TermIndex(), NumericFacets(), dict[int, tuple[str, dict[str, str | list[str]]]]()
    for row, title, facets in changes:
        if row in there:
            followed.remove(row, *there.pop(row))
            numbers.remove(row)
        else:
            followed.put(row, title, facets)
            numbers.put(row, facets)
            there[row] = title, facets
    made, made_numbers = TermIndex(), NumericFacets()
    for row, (title, facets) in there.items():
        made.put(row, title, facets)
        made_numbers.put(row, facets)
    for word in ("tent", "zelt", "gear", "帐篷", "コーヒー", "gluten", "alpine", "coffee"):
        assert followed.variants(word) == made.variants(word)
        assert followed.without(word).tolist() == made.without(word).tolist()
        for term in made.variants(word):
            assert sorted(followed.titles_of(term)[0].tolist()) == sorted(made.titles_of(term)[0].tolist())
            assert len(followed.values_of(term)) == len(made.values_of(term))
    asked = NumberRange("money", [], None, 11.0)
    assert numbers.meant_by(asked) == made_numbers.meant_by(asked)
    assert numbers.within("price", None, 11.0, 5).tolist() == made_numbers.within("price", None, 11.0, 5).tolist()


def test_a_word_is_found_in_compounds_and_a_compound_by_its_parts() -> None:
    index = TermIndex()
    index.put(0, "Kuppelzelt", {"category": "Zelte"})

    assert index.variants("Zelt") == {"zelt": 1.0, "kuppelzelt": 0.8}
    assert index.variants("Familienzelt") == {"zelt": 0.8}
    assert index.variants("zel") == {}


def test_what_an_item_is_without_is_not_taken_for_what_it_has() -> None:
    index = TermIndex()
    index.put(0, "Gluten-free Penne", {})
    index.put(1, "Penne with gluten", {})
    index.put(2, "Spaghetti", {"diet": "Glutenfrei"})

    assert index.without("gluten").tolist() == [0, 2]
    assert [index.titles_of(term)[0].tolist() for term in index.variants("gluten")] == [[1]]
