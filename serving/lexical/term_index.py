"""The words of a catalogue's titles and facets, by item: an inverted index that follows the items.

A title or a facet's value is a phrase of terms (serving/lexical/terms.py), of which the last counts most, since it
mostly is what the thing is. A facet's value stands once, however many items have it. What a title says that an item is
without ("Gluten-free Penne", "Galletas sin gluten") is not taken for what it has, and remembered apart.
"""

from array import array
from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from serving.arrays import Rows
from serving.lexical.absence import absence_in
from serving.lexical.terms import is_run, pairs, stem, words_of
from serving.lexical.wording import says_nothing

__all__ = ["TermIndex"]

_Facets = Mapping[str, str | list[str]]

_LAST, _FIRST, _BETWEEN = 1.0, 0.8, 0.5  # what a term counts in its phrase; the first is the noun in some languages
_LEAST_PART = 4  # letters of a word that is looked for within compounds
_MOST_COMPOUNDS = 64  # that one word is found in
_AT_END, _AT_FRONT = 0.8, 0.5  # "Zelt" in "Kuppelzelt", and in "Zeltboden"
_MOST_TERMS = 24  # of a phrase
_LONGEST = 256  # characters of a facet's value that are looked at
_cached_stem = lru_cache(maxsize=65_536)(stem)  # of the catalogue's words


@dataclass(slots=True)
class Value:
    """A facet's value: its terms with what each counts, summing to 1, and the items that have it.

    without: terms of what it says that an item is without.
    """

    facet: str
    without: list[str]
    terms: dict[str, float]
    rows: "array[int]" = field(default_factory=lambda: array("i"))


class TermIndex:
    """One writer, readers in the same thread. An item costs some 50 µs, and each word of its title 4 bytes."""

    def __init__(self) -> None:
        self.items = 0
        self._values: dict[tuple[str, str], Value] = {}  # by facet and text
        self._values_of: dict[str, list[Value]] = {}  # by term
        self._titles: dict[str, array[int]] = {}  # by term: 2 * row, + 1 where it is a title's last or first
        self._lacking: dict[str, array[int]] = {}  # by term, the rows of what is without it
        self._uses: dict[str, int] = {}
        self._sorted: list[str] = []  # the terms in use
        self._backwards: list[str] = []  # the same, each read backwards

    def put(self, row: int, title: str, facets: _Facets) -> None:
        """Take in an item; one that stood in the row must have been removed."""
        self.items += 1
        absence = absence_in(title)
        for term, weight in _counted(absence.rest).items():
            self._titles.setdefault(term, array("i")).append(2 * row + (weight > _BETWEEN))
            self._use(term)
        for term in _counted(absence.without):
            self._lacking.setdefault(term, array("i")).append(row)
        for name, text in _named_texts(facets):
            value = self._values.get((name, text))
            if value is None:
                told = absence_in(text)
                value = Value(name, list(_counted(told.without)), _shares(_counted(told.rest)))
                self._values[name, text] = value
                for term in value.terms:
                    self._values_of.setdefault(term, []).append(value)
                    self._use(term)
            value.rows.append(row)
            for term in value.without:
                self._lacking.setdefault(term, array("i")).append(row)

    def remove(self, row: int, title: str, facets: _Facets) -> None:
        """Forget an item, with title and facets as they were put."""
        self.items -= 1
        absence = absence_in(title)
        for term, weight in _counted(absence.rest).items():
            _take_out(self._titles, term, 2 * row + (weight > _BETWEEN))
            self._leave(term)
        for term in _counted(absence.without):
            _take_out(self._lacking, term, row)
        for name, text in _named_texts(facets):
            value = self._values[name, text]
            value.rows.remove(row)
            for term in value.without:
                _take_out(self._lacking, term, row)
            if not value.rows:
                del self._values[name, text]
                for term in value.terms:
                    self._values_of[term].remove(value)
                    if not self._values_of[term]:
                        del self._values_of[term]
                    self._leave(term)

    def variants(self, word: str) -> dict[str, float]:
        """The terms that a word is found as, and how well each fits, in (0, 1]; of a run its pairs."""
        if is_run(word):
            found = {pair: 1.0 for pair in pairs(word) if pair in self._uses}
            return found or (self._within(word) if len(word) == 1 else {})
        term = stem(word)
        found = {term: 1.0} if term in self._uses else {}
        if len(term) >= _LEAST_PART:
            found = self._within(term) | (found or self._parts(term)) | found
        return found

    def values_of(self, term: str) -> list[Value]:
        """The facets' values that have a term."""
        return self._values_of.get(term, [])

    def titles_of(self, term: str) -> tuple[Rows, Rows]:
        """The rows of the items whose title has a term, and 1 for each where it stands at an end, else 0."""
        packed = np.array(self._titles.get(term, ()), np.intp)
        return packed >> 1, packed & 1

    def knows(self, word: str) -> bool:
        """Whether any item has a word, or is said to be without it."""
        return bool(self.variants(word)) or len(self.without(word)) > 0

    def without(self, word: str) -> Rows:
        """The rows of the items whose title says that they are without it."""
        terms = pairs(word) if is_run(word) else [stem(word)]
        rows = [row for term in terms for row in self._lacking.get(term, ())]
        return np.unique(np.array(rows, np.intp))

    def _within(self, part: str) -> dict[str, float]:
        """The terms that have it at their front or at their end, which is what a compound is about."""
        found = dict.fromkeys(_beginning_with(self._sorted, part), _AT_FRONT)
        found |= {term[::-1]: _AT_END for term in _beginning_with(self._backwards, part[::-1])}
        found.pop(part, None)
        return found

    def _parts(self, compound: str) -> dict[str, float]:
        """The terms that stand at its front or at its end."""
        cuts = range(_LEAST_PART, len(compound) - _LEAST_PART + 2)
        found = {compound[:at]: _AT_FRONT for at in cuts} | {_cached_stem(compound[:at]): _AT_FRONT for at in cuts}
        found |= {compound[-at:]: _AT_END for at in cuts}
        return {term: fit for term, fit in found.items() if term in self._uses and len(term) >= _LEAST_PART}

    def _use(self, term: str) -> None:
        uses = self._uses[term] = self._uses.get(term, 0) + 1
        if uses == 1:
            insort(self._sorted, term)
            insort(self._backwards, term[::-1])

    def _leave(self, term: str) -> None:
        self._uses[term] -= 1
        if not self._uses[term]:
            del self._uses[term]
            del self._sorted[bisect_left(self._sorted, term)]
            del self._backwards[bisect_left(self._backwards, term[::-1])]


def _counted(text: str) -> dict[str, float]:
    """The terms of a phrase and what each counts; one that comes twice counts as where it counts most."""
    words = [word for word in words_of(text) if not says_nothing(word)]
    terms: dict[str, float] = {}
    for at, word in enumerate(words):
        weight = _LAST if at == len(words) - 1 else _FIRST if at == 0 else _BETWEEN
        for term in pairs(word) if is_run(word) else [_cached_stem(word)]:
            terms[term] = max(weight, terms.get(term, 0.0))
    return dict(list(terms.items())[:_MOST_TERMS])


def _shares(counted: dict[str, float]) -> dict[str, float]:
    total = sum(counted.values())
    return {term: each / total for term, each in counted.items()}


def _named_texts(facets: _Facets) -> set[tuple[str, str]]:
    """The facets' values by name, in lower case; numbers are none (serving/lexical/numeric_facets.py)."""
    return {
        (name, text.casefold()[:_LONGEST])
        for name, value in facets.items()
        for text in ([value] if isinstance(value, str) else value)
        if _counted(text)
    }


def _beginning_with(terms: list[str], part: str) -> list[str]:
    """Of sorted terms those that begin with it."""
    at = bisect_left(terms, part)
    found: list[str] = []
    while at < len(terms) and len(found) < _MOST_COMPOUNDS and terms[at].startswith(part):
        found.append(terms[at])
        at += 1
    return found


def _take_out(postings: "dict[str, array[int]]", term: str, entry: int) -> None:
    postings[term].remove(entry)
    if not postings[term]:
        del postings[term]
