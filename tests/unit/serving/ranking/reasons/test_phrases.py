"""Reasons in words: every kind of event, both languages, and never a user's text."""

from pathlib import Path
from typing import get_args

import pytest

from serving.ranking.reasons.phrases import (
    AGAIN,
    ALSO,
    CODES,
    CROWD,
    EARLIER,
    NO_CLOSER,
    REASON_CODES,
    TERMS,
    Language,
    because,
)
from serving.ranking.reasons.score_terms import ScoreTerm
from serving.state.user_state import EventKind, RecentText, RingEvent

LANGUAGES = get_args(Language)


def event(kind: int, preference: float = 0.3) -> RingEvent:
    return RingEvent(0, "e1", 1, "i1", kind, 0.3, preference)


def text(item_id: str) -> RecentText:
    return RecentText(0, "e1", item_id, 1.0, b"")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [k for k in EventKind if k is not EventKind.STATEMENT])
def test_every_action_names_its_item(kind: EventKind, language: Language) -> None:
    assert "Alien (1979)" in because(event(kind), "Alien (1979)", language)


def test_a_high_rating_is_told_from_a_rating() -> None:
    assert because(event(EventKind.RATE, 1.0), "Alien", "en") == 'you rated "Alien" highly'
    assert because(event(EventKind.RATE, 0.5), "Alien", "en") == 'you rated "Alien"'


def test_a_text_is_a_review_if_it_names_an_item() -> None:
    assert because(text("i1"), "流浪地球", "zh") == "你评论过《流浪地球》"
    assert because(text(""), "", "zh") == "根据你写的内容"


def test_an_action_of_somebodys_own_has_words_too() -> None:
    assert because(event(99), "Alien", "en") == 'what you did with "Alien"'


def test_a_title_with_braces_is_no_template() -> None:
    assert because(event(EventKind.CLICK), "{0} {title}", "en") == 'you clicked on "{0} {title}"'


def test_what_no_event_stands_behind_has_words_in_each_language() -> None:
    for words in (EARLIER, ALSO, NO_CLOSER, CROWD, AGAIN):
        assert set(words) == set(LANGUAGES)
    assert CROWD["en"].keys() == CROWD["zh"].keys()
    assert all(words for language in LANGUAGES for words in CROWD[language].values())


def test_every_part_of_a_score_has_words_in_each_language() -> None:
    for language in LANGUAGES:
        assert list(TERMS[language]) == [piece.name.lower() for piece in ScoreTerm]
        assert all(TERMS[language].values())


def test_every_code_of_a_reason_is_explained() -> None:
    page = Path("docs/explanations.md").read_text("utf-8")
    assert not [code for code in REASON_CODES if f"`{code}`" not in page]


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_of_everybody_have_a_code(language: Language) -> None:
    words = [EARLIER[language], ALSO[language], NO_CLOSER[language], *CROWD[language].values()]
    words += AGAIN[language].values()
    assert len({CODES[each] for each in words}) == len(words)
