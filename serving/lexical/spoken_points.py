"""What statements say in words and numbers, as points: by what an item's title and facets have.

A statement's words count as the statement does, less with each newer one. What it does not want takes points from what
has those words. A range of numbers is nearly a filter: what lies outside, or has no such number, stands behind all that
lies within, for as long as no newer statement has a range on the same facet. Without anything within it is left out.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from serving.arrays import Floats, Mask
from serving.lexical.numeric_facets import NumericFacets
from serving.lexical.term_index import TermIndex
from serving.lexical.word_matches import unwanted, wanted
from serving.state.user_state import RecentText

__all__ = ["Said", "Searched", "SpokenWeights", "by_statement", "spoken_points"]

_UNLIKE, _ALIKE = 2.5, 4.0  # standard deviations of likeness to what is not wanted: from the one up to the other
_LEAST_SPREAD = 0.02


class Searched(NamedTuple):
    """What is searched: the items' words and numbers, which are on offer `(n,)`, and likeness to a vector `(1, d)`."""

    terms: TermIndex
    numbers: NumericFacets
    offered: Mask
    similar: Callable[[Floats], Floats]


class SpokenWeights(NamedTuple):
    """Points for all words of what is wanted, for all of what is not, for a number outside of a range.

    override: what a statement counts for each newer one.
    """

    words: float
    against_words: float
    outside: float
    override: float


class Said(NamedTuple):
    """A statement by its words and numbers. owner: which of a profile's sources it is; weight: what it counts.

    newer: how many statements are.
    """

    text: RecentText
    owner: int
    weight: float
    newer: int


class SpokenPoints(NamedTuple):
    """Points `(n,)` that a statement gives to all items, or takes.

    term: of serving.ranking.reasons.score_terms.ScoreTerm. owner: which of a profile's sources the statement is.
    """

    term: str
    owner: int
    points: Floats


def spoken_points(said: Sequence[Said], items: Searched, weights: SpokenWeights) -> Floats:
    """`(n,)`: the sum over all statements."""
    points = np.zeros(len(items.offered), np.float32)
    for each in by_statement(said, items, weights):
        points += each.points
    return points


def by_statement(said: Sequence[Said], items: Searched, weights: SpokenWeights) -> Iterator[SpokenPoints]:
    """What each statement gives and takes; what gives nothing is left out."""
    asked: set[str] = set()
    for each in said:
        yield from _by_words(each, items, weights)
        yield from _by_ranges(each, items, weights, asked)


def _by_words(said: Said, items: Searched, weights: SpokenWeights) -> Iterator[SpokenPoints]:
    text, n, index = said.text, len(items.offered), items.terms
    fits = wanted(text.words, text.spared, index, n)
    if fits.any():
        yield SpokenPoints("WORDS", said.owner, np.float32(weights.words * said.weight) * fits)
    if not text.spared:
        return
    against, term = unwanted(text.spared, index, n), "AGAINST_WORDS"
    if text.against and not any(index.knows(each.word) for each in [*text.words, *text.spared]):
        against, term = _unmistakable(text, items), "AGAINST"
    if against.any():
        yield SpokenPoints(term, said.owner, np.float32(-weights.against_words * said.weight) * against)


def _unmistakable(text: RecentText, items: Searched) -> Floats:
    """`(n,)` in [0, 1]: how much more like what is not wanted each item is than nearly all others.

    For statements of which the catalogue has no word, mostly since it is in another language.
    """
    similar, offered = items.similar(text.unwanted()[None])[0], items.offered
    if not offered.any():
        return np.zeros(len(items.offered), np.float32)
    spread = max(float(similar[offered].std()), _LEAST_SPREAD)
    standard: Floats = (similar - similar[offered].mean()) / np.float32(spread)
    return ((standard - np.float32(_UNLIKE)) / np.float32(_ALIKE - _UNLIKE)).clip(0.0, 1.0)


def _by_ranges(said: Said, items: Searched, weights: SpokenWeights, asked: set[str]) -> Iterator[SpokenPoints]:
    """asked: the facets that newer statements have a range on; those of this one are added."""
    for each in said.text.ranges:
        facet = items.numbers.meant_by(each)
        if facet is None or facet in asked:
            continue
        asked.add(facet)
        within = items.numbers.within(facet, each.low, each.high, len(items.offered))
        if (within & items.offered).any():
            lost = weights.outside * weights.override**said.newer
            yield SpokenPoints("NUMBERS", said.owner, np.float32(-lost) * ~within)
