"""What of a statement is looked up: words with their weights, what is not wanted, within bounds."""

import pytest

from serving.lexical.wording import wording_of


@pytest.mark.parametrize(
    ("text", "words", "spared"),
    [
        ("tents", {"tents": 1.0}, []),
        ("I am looking for a coffee mug", {"coffee": 0.6, "mug": 1.0}, []),
        ("a mug for my coffee", {"mug": 1.0, "coffee": 0.5}, []),
        ("una taza de café", {"taza": 1.0, "café": 0.5}, []),
        ("Ich suche ein Zelt für die Familie", {"zelt": 1.0, "familie": 0.5}, []),
        ("camping gear but not tents", {"camping": 0.6, "gear": 1.0}, ["tents"]),
        ("Hundefutter, bitte kein Huhn", {"hundefutter": 1.0}, ["huhn"]),
        ("gluten-free pasta under 5 €", {"gluten": 0.6, "free": 0.6, "pasta": 1.0}, ["gluten"]),
        ("猫粮，别要鸡肉的", {"猫粮": 1.0}, ["鸡肉"]),
        ("キャンプ用品、テント以外", {"キャンプ": 1.0, "用品": 1.0}, ["テント"]),
        ("Fahrrad für mein Kind", {"fahrrad": 1.0, "kind": 0.5}, []),
        ("儿童自行车", {"儿童自行车": 1.0}, []),
        ("不要坚果的零食", {"零食": 1.0}, ["坚果"]),
        ("", {}, []),
        ("I would like something else, please", {}, []),
    ],
)
def test_words_are_those_that_say_something(text: str, words: dict[str, float], spared: list[str]) -> None:
    wording = wording_of(text)

    assert {each.word: each.weight for each in wording.words} == words
    assert [each.word for each in wording.spared] == spared


def test_what_is_kept_of_a_statement_is_bounded() -> None:
    wording = wording_of("no " + ", no ".join("x" * 40 + str(n) for n in range(50)) + ". " + "帐" * 500 + " word" * 300)

    assert len(wording.words) <= 12
    assert len(wording.spared) <= 8
    assert max(len(each.word) for each in [*wording.words, *wording.spared]) <= 24
