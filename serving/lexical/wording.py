"""A statement as it is looked up: words that say something, each with its weight, and ranges of numbers.

A phrase ends at punctuation, and at words that say nothing of their own; the noun at its end is what it is about, or
the one at its beginning in Spanish and French, and the words beside it say which sort: "coffee mug", "taza de café".
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from serving.lexical.absence import absence_in
from serving.lexical.number_ranges import read_ranges
from serving.lexical.terms import is_kana, is_run, words_of
from serving.model.negation import lowered, silent_words, split
from serving.model.phrase_pattern import any_of
from serving.state.user_state import NumberRange, Word

__all__ = ["Wording", "wording_of"]

_MOST_WANTED, _MOST_SPARED = 12, 8
_LONGEST, _LONGEST_RUN = 24, 12  # characters of a word, and of a run
_LEAST_KANA = 3  # characters of a run of hiragana that says something
_JOINED = 0.5  # what a phrase weighs behind a preposition, beside what it belongs to
_BESIDE = 0.6  # what a word weighs that says which sort of thing
_END = "\0"
_HARD = re.compile(r"[.;!?。；！？…,，、:：/|()（）\[\]\"“”《》「」]+")


@dataclass(frozen=True, slots=True)
class Wording:
    """What a statement says in words and numbers. `wanted`, `unwanted`: to be encoded, without its ranges."""

    wanted: str
    unwanted: str
    words: list[Word]
    spared: list[Word]
    ranges: list[NumberRange]


def wording_of(text: str) -> Wording:
    """The wording of a statement. Never raises.

    >>> wording = wording_of("a mug for my coffee, but no cat under 20 €")
    >>> [(each.word, each.weight) for each in wording.words], [each.word for each in wording.spared]
    ([('mug', 1.0), ('coffee', 0.5)], ['cat'])
    """
    numbers = read_ranges(text)
    intent = split(numbers.rest)
    spared = _words(f"{intent.unwanted}, {absence_in(intent.wanted).without}")
    return Wording(
        intent.wanted, intent.unwanted, _words(intent.wanted)[:_MOST_WANTED], spared[:_MOST_SPARED], numbers.ranges
    )


def _words(text: str) -> list[Word]:
    """The words of a text, by phrases, in their order."""
    lower = lowered(text)
    told = set(words_of(lower))
    head_first = bool(told & telling("head_first")) and not told & telling("head_last")
    words: list[Word] = []
    part = 0
    for clause in _HARD.split(lower):
        main, phrase, joined = False, list[str](), False
        for piece in [*_pieces(clause), _END]:
            if not piece:
                continue
            if piece != _END and piece not in telling("joins") and not says_nothing(piece):
                phrase.append(piece)
                continue
            beside = _JOINED if joined and main else 1.0
            weighed = _weighed(phrase, head_first=head_first)
            words += [Word(_cut(word), beside * weight, part) for word, weight in weighed]
            main = main or bool(phrase)
            part += bool(phrase)
            joined = piece in telling("joins") or (joined and not phrase)
            phrase = []
    return words


def _cut(word: str) -> str:
    return word[: _LONGEST_RUN if is_run(word) else _LONGEST]


def _pieces(clause: str) -> list[str]:
    """Words, and of Chinese and Japanese what silent words leave."""
    found: list[str] = []
    for word in words_of(clause):
        if is_kana(word):
            found.append(word if len(word) >= _LEAST_KANA else "")  # particles and endings
        else:
            found += [each for each in _silent_runs().split(word) if each] if is_run(word) else [word]
    return found


def _weighed(phrase: list[str], *, head_first: bool) -> list[tuple[str, float]]:
    head = 0 if head_first else len(phrase) - 1
    return [(word, 1.0 if at == head or is_run(word) else _BESIDE) for at, word in enumerate(phrase)]


def says_nothing(word: str) -> bool:
    """Whether a word is of those that stand in every text."""
    return word in _silent() or (len(word) == 1 and not is_run(word))


@cache
def telling(kind: str) -> frozenset[str]:
    """The words of a kind in wording.toml."""
    source = files("serving.lexical").joinpath("wording.toml").read_text(encoding="utf-8")
    return frozenset(tomllib.loads(source)[kind])


@cache
def _silent() -> frozenset[str]:
    return frozenset(part for phrase in silent_words() for part in words_of(phrase)) | telling("silent")


@cache
def _silent_runs() -> re.Pattern[str]:
    runs = [phrase for phrase in [*silent_words(), *telling("silent")] if is_run(phrase)]
    return re.compile(any_of(run for run in runs if len(run) > 1 or run in telling("silent_characters")))
