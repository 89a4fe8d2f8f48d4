"""The made-up needs of the conversation's benchmark."""

from collections import Counter

from benchmarks.conversation.needs import needs
from benchmarks.statements.shops import shops

FILMS = shops()["films"].items


def test_needs_are_of_all_kinds_in_both_languages_and_the_same_each_time() -> None:
    made = needs(FILMS)

    assert made == needs(FILMS)
    assert Counter(each.language for each in made) == {"en": 100, "zh": 100}
    assert Counter(each.kind for each in made) == {"genres": 80, "open": 80, "country": 40}
    assert made != needs(FILMS, seed=1)


def test_a_need_says_nothing_that_only_its_film_has() -> None:
    titles = {film.item_id: film.title for film in FILMS}

    assert not [each for each in needs(FILMS) if titles[each.wanted].lower() in each.text.lower()]
