"""The terms of a score, and what they say of an item."""

from enum import IntEnum

import numpy as np

from serving.ranking.learning.signals import BY_LIKENESS, NEIGHBOUR_SIGNALS, Signal

__all__ = ()


class ScoreTerm(IntEnum):
    """The terms of a score; those of `serving.ranking.learning.signals.Signal` have its names."""

    CONTENT = 0  # like the items of recent interactions
    LONG = 1  # like the long-term interest
    TEXT = 2  # like what was written
    FACETS = 3  # facets like what was written
    AGAINST = 4  # like what was dismissed, or what a statement does not want; unlike it counts above 0
    AGAINST_FACETS = 5  # the same by facets
    CO_OCCURRENCE = 6
    SLOW_CO_OCCURRENCE = 7
    TRANSITION = 8
    SESSION_CO_OCCURRENCE = 9
    REPEAT = 10
    LAST = 11
    RECENCY = 12
    FREQUENCY = 13
    OWN_ORDER = 14
    EASE = 15  # goes with the whole history
    NEW_CONTENT = 16
    SHARED_FACETS = 17
    NEW_SHARED_FACETS = 18
    TOTAL = 19
    LAST_10 = 20
    LAST_100 = 21
    RECENT = 22
    HOUR = 23
    DAY = 24
    WEEK = 25
    MONTH = 26
    AGE = 27
    AGE_HOURS = 28
    FIRST = 29
    FIRST_HOURS = 30
    EXPLORATION = 31  # the boost to an exploration slot
    RULES = 32  # demoted or boosted by the file of rules
    FATIGUE = 33  # the impression discount
    SEEN = 34  # what it loses because it was seen
    STATEMENT_DAMPING = 35  # what a statement takes from interactions
    AGAIN = 36  # usually bought again about now
    LIKE_BOUGHT = 37  # of the kind of a durable that the user has bought
    WORDS = 38  # has words of what a statement wants
    AGAINST_WORDS = 39  # has words of what a statement does not want
    NUMBERS = 40  # its number lies outside of what a statement asks for


# What statements damp.
DAMPED = np.array(
    [
        ScoreTerm.CONTENT,
        *(ScoreTerm[each.name] for each in list(Signal)[BY_LIKENESS]),
        ScoreTerm.LONG,
        *(ScoreTerm[each.name] for each in NEIGHBOUR_SIGNALS),
        ScoreTerm.EASE,
    ]
)
# Likeness to what was written, or asked for in words and numbers.
SAID = np.array(
    [
        ScoreTerm.TEXT,
        ScoreTerm.FACETS,
        ScoreTerm.AGAINST_FACETS,
        ScoreTerm.WORDS,
        ScoreTerm.AGAINST_WORDS,
        ScoreTerm.NUMBERS,
    ]
)
