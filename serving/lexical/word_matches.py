"""How much the words of a statement speak for and against items: what they name, found in titles and facets.

An item's points for what is wanted are, over the words w of a statement that the catalogue knows,

    Σ_w g_w·r_w·q_w(j) / (Σ_w g_w·r_w + u/2)

with g the weight of a word in its statement, r its rarity in (0, 1], u the weight of the words that nothing in the
catalogue has, and q how well it fits: 1 for a facet's value that the statement names as a whole (a category named wins
over a shared word), less for a part of one, and for a word of a title.
"""

import math
from collections.abc import Sequence

import numpy as np

from serving.arrays import Floats
from serving.lexical.term_index import TermIndex, Value
from serving.lexical.terms import is_run, stem
from serving.state.user_state import Word

__all__ = ()

_IN_TITLE, _WITHIN_TITLE = 0.7, 0.4  # a word at an end of a title, and elsewhere in it
_RARE = 20  # a word that one in so many items has is as telling as any rarer one
_COVERAGE = 2.0  # the power of a value's part that is named
_WHOLLY_NAMED = 0.79  # "Kuppelzelt" names "Zelte"
_BESIDE_NAMED = 0.3  # what a value of which a part is named counts, where another is named as a whole
_KINDS = frozenset({"genre", "category"})  # facets that say what a thing is
_ATTRIBUTE = 0.85  # of other facets: a brand, a colour
_UNKNOWN = 1.0
_ALONE = 2.0  # "ohne Alkohol", by itself: against vectors, to which alcohol-free beer is like alcohol
_A_PART = 0.5  # of an unwanted compound
_WHOLLY = 3.0  # the power of an unwanted phrase's part that an item has: "science fiction" is not all fiction


def wanted(words: Sequence[Word], spared: Sequence[Word], index: TermIndex, n: int) -> Floats:
    """`(n,)` in [0, 2]: how much of what a statement wants each item has, by words; zeros if none is known.

    Above 1 only if it wants nothing but to be spared something, for what says that it is without.
    """
    variants = [index.variants(word.word) for word in words]
    named = _named_parts(variants, index)
    points, known, unknown = np.zeros(n, np.float32), 0.0, 0.0
    for word, of_word in zip(words, variants, strict=True):
        fits = _fits(word.word, of_word, named, index, n)
        rarity = _rarity(int(np.count_nonzero(fits)), index.items)
        if rarity:
            points += np.float32(word.weight * rarity) * fits
            known += word.weight * rarity
        else:
            unknown += word.weight
    alone = 1.0 if known else _ALONE
    for word in spared:
        if len(rows := index.without(word.word)):  # "gluten-free" is a title's own word for it
            points[rows] += np.float32(alone)
            known += 1.0
    return points / np.float32(known + _UNKNOWN * unknown) if known else points


def unwanted(words: Sequence[Word], index: TermIndex, n: int) -> Floats:
    """`(n,)` in [0, 1]: how much of one of the phrases that a statement does not want each item has."""
    most = np.zeros(n, np.float32)
    for part in dict.fromkeys(word.part for word in words):
        has, weights = np.zeros(n, np.float32), 0.0
        for word in (each for each in words if each.part == part):
            found = _has(word.word, index, n)
            rarity = _rarity(int(np.count_nonzero(found)), index.items) or 1.0
            has += np.float32(word.weight * rarity) * found
            weights += word.weight * rarity
        most = np.maximum(most, (has / np.float32(weights)) ** np.float32(_WHOLLY))
    return most


def _named_parts(variants: Sequence[dict[str, float]], index: TermIndex) -> dict[int, float]:
    """How well a statement names each facet's value that has a word of it, in (0, 1], by the value's id."""
    parts: dict[int, tuple[Value, float]] = {}
    best: dict[str, float] = {}
    for of_word in variants:
        for term, fit in of_word.items():
            best[term] = max(fit, best.get(term, 0.0))
    for term, fit in best.items():
        for value in index.values_of(term):
            _, part = parts.get(id(value), (value, 0.0))
            parts[id(value)] = value, part + fit * value.terms[term]
    named = list(parts.values())
    wholly = {value.facet for value, part in named if part >= _WHOLLY_NAMED}
    return {id(value): _fit_of(value, part, wholly) for value, part in named}


def _fit_of(value: Value, part: float, wholly: set[str]) -> float:
    kind = 1.0 if value.facet in _KINDS else _ATTRIBUTE
    if part >= _WHOLLY_NAMED:
        return kind
    beside: float = _BESIDE_NAMED if value.facet in wholly else 1.0
    return kind * beside * float(part**_COVERAGE)


def _fits(word: str, variants: dict[str, float], named: dict[int, float], index: TermIndex, n: int) -> Floats:
    """`(n,)` in [0, 1]: how well a word fits each item; of a run the mean over its pairs that are known."""
    if not is_run(word):
        best = np.zeros(n, np.float32)
        for term, fit in variants.items():
            _raise_to(best, term, fit, named, index)
        return best
    total, known = np.zeros(n, np.float32), 0.0
    for term, fit in variants.items():
        fits = np.zeros(n, np.float32)
        _raise_to(fits, term, fit, named, index)
        rarity = _rarity(int(np.count_nonzero(fits)), index.items)
        total += np.float32(rarity) * fits
        known += rarity
    return total / np.float32(max(known, 1e-6))


def _raise_to(best: Floats, term: str, fit: float, named: dict[int, float], index: TermIndex) -> None:
    """Raise `(n,)` to how well a term fits the items that have it."""
    rows, ends = index.titles_of(term)
    best[rows] = np.maximum(best[rows], np.float32(fit) * np.where(ends, _IN_TITLE, _WITHIN_TITLE).astype(np.float32))
    for value in index.values_of(term):
        at = np.array(value.rows, np.intp)
        best[at] = np.maximum(best[at], np.float32(fit * named[id(value)]))


def _has(word: str, index: TermIndex, n: int) -> Floats:
    """`(n,)` in [0, 1]: whether title or facets have a word, whatever else; of a run the share of its pairs."""
    variants, run, length = index.variants(word), is_run(word), len(stem(word))
    has = np.zeros(n, np.float32)
    for term, found_as in variants.items():
        # A "Kamillentee" has "Kamille" in it; a "Zelt" need be no "Familienzelt".
        fit = 1.0 if run or len(term) >= length else _A_PART * found_as
        rows = [index.titles_of(term)[0], *(np.array(value.rows, np.intp) for value in index.values_of(term))]
        at = np.unique(np.concatenate(rows))
        has[at] = has[at] + np.float32(fit / len(variants)) if run else np.maximum(has[at], np.float32(fit))
    return has


def _rarity(items: int, of: int) -> float:
    """In (0, 1]; 0 of what no item has."""
    return min(1.0, math.log1p(of / items) / math.log1p(_RARE)) if items else 0.0
