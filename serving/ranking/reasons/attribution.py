"""Where an item's points come from: every term of the formula, and every event's share in it. They sum to the score.

What is a sum over events is split as it is summed; a·log1p(f / s) in proportion to the events' terms in f. What cannot
be split goes to a winner: the long vector, whose events are mostly gone, to the one among those that draw near which is
most like the item, if that is like it at all; what goes by the ring alone to the newest event on the item; LAST to the
newest one. Popularity, exploration, fatigue, what was seen, and rules belong to no event.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from serving.arrays import Doubles, Floats, Indices, Mask, Rows
from serving.catalogue import Catalogue
from serving.compiled import compiled
from serving.lexical.spoken_points import by_statement
from serving.ranking.ease import EASE_UNIT
from serving.ranking.learning.signals import (
    BY_LIKENESS,
    BY_NEIGHBOURS,
    BY_POPULARITY,
    NEIGHBOUR_SIGNALS,
    POPULARITY_SIGNALS,
    Signal,
)
from serving.ranking.profile import RankSettings, SourceEvent
from serving.ranking.reasons.evidence import CHANCE, Evidence, Groups, Told, by_chance, disliked, evidence_of
from serving.ranking.scorer import Scored

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


_CO_VISITS = [ScoreTerm[part.name] for part in NEIGHBOUR_SIGNALS]
_POPULARITY = [ScoreTerm[part.name] for part in POPULARITY_SIGNALS]
_LIKE_LIKED = [ScoreTerm.CONTENT, ScoreTerm.NEW_CONTENT, ScoreTerm.SHARED_FACETS, ScoreTerm.NEW_SHARED_FACETS]
_DAMPED = [*_LIKE_LIKED, ScoreTerm.LONG, *_CO_VISITS, ScoreTerm.EASE]
_GROUPS = Groups(
    likeness=np.array([ScoreTerm.CONTENT, ScoreTerm.NEW_CONTENT, ScoreTerm.LONG]),
    facets=np.array([ScoreTerm.SHARED_FACETS, ScoreTerm.NEW_SHARED_FACETS]),
    said=np.array(
        [
            ScoreTerm.TEXT,
            ScoreTerm.FACETS,
            ScoreTerm.AGAINST_FACETS,
            ScoreTerm.WORDS,
            ScoreTerm.AGAINST_WORDS,
            ScoreTerm.NUMBERS,
        ]
    ),
    against=int(ScoreTerm.AGAINST),
    linked=np.array(_CO_VISITS),
    long=int(ScoreTerm.LONG),
    ease=int(ScoreTerm.EASE),
    again=int(ScoreTerm.AGAIN),
    popular=np.array(_POPULARITY),
)


@dataclass(frozen=True, slots=True)
class Attribution:
    """Of `r` items: `table`, `(len(ScoreTerm), r, s + 1) float64`, by term, item, and the `s` sources of a profile.

    What belongs to no event has the last place. A statement that damps interactions stands in the table with what it
    takes, and interactions with all their points; `damping` is what it leaves of them. chance: `(s,)`, points
    of likeness that say nothing. crowd: what is true of what everybody does, of each item (`Crowd`).
    together: `(r, s)`, whether anybody interacted with the item and with that of the event.
    earlier: whether interactions of before the ring are known.
    """

    sources: list[SourceEvent]
    table: Doubles
    damping: float
    chance: Doubles
    crowd: list[str]
    together: Mask
    earlier: bool = False

    def evidence(self) -> Evidence:
        """What speaks for the items, after statements have damped interactions.

        Being unlike what was dismissed is no reason of its own; neither are exploration, rules, and what is disliked.
        """
        said = np.array([each != "" for each in self.crowd], np.bool_)
        told = Told(self.chance, disliked(self.sources), said, self.together, self.earlier)
        return evidence_of(self.table, _GROUPS, self.damping, told)


def attribution_of(
    scored: Scored, rows: Rows, catalogue: Catalogue, ruled: Floats, settings: RankSettings
) -> Attribution:
    """Where the points of some items come from. `ruled`: `(r,)`, what the rules add.

    catalogue: as it stood when they were scored. Items that must not be listed get what they would have. The sum
    differs from `scored.points` by what single precision rounds, a few units in 1e-6.
    """
    profile, weights = scored.profile, scored.weights
    table = np.zeros((len(ScoreTerm), len(rows), len(profile.sources) + 1))
    interests = _Interests(profile.vectors, profile.weights, profile.owner, profile.n_items, profile.long)
    similar = _by_vectors(table, catalogue.centred(rows), interests)
    if len(profile.liked):
        liked = _Liked(profile.liked, profile.owner[profile.liked], profile.liking, scored.crowd.newness[rows])
        facets = catalogue.facet_values.shares(profile.liked_rows, profile.liking, rows)
        _by_likeness(table, similar, facets, liked, profile.damping * weights[BY_LIKENESS].astype(np.float64))
    if len(scored.standard):
        owner = profile.owner[profile.on_facets]
        _by_facets(table, scored.standard, catalogue.facet_of[rows], owner, profile.facet_weights)
    for spoken in by_statement(profile.said, catalogue.searched, settings.spoken):
        table[ScoreTerm[spoken.term], :, spoken.owner] += spoken.points[rows]
    together = np.zeros((len(rows), len(profile.sources)), np.bool_)
    if len(profile.ring):
        found = scored.item_neighbours
        points = profile.damping * weights[BY_NEIGHBOURS, None].astype(np.float64) * found.of(rows)
        _by_co_visits(table, together, points, found.shares(rows), _Links(rows, profile.ring, profile.linking))
    if scored.fitted is not None and len(profile.history.rows):
        weight = profile.damping * float(weights[Signal.EASE])
        ring = _Past(profile.history.rows, profile.ring, profile.covisits, profile.linking)
        _by_ease(table, scored.fitted.terms(profile.history, rows), ring, weight)
    _damp(table, profile.damping, profile.damped_by)
    _apart(table, scored, rows, catalogue, settings)
    if ruled.any():
        table[ScoreTerm.RULES, :, -1] = np.where(np.isfinite(ruled), ruled, 0.0)
    crowd = scored.crowd.true_of(rows, table[_POPULARITY[0] : _POPULARITY[-1] + 1, :, -1])
    earlier = bool(_beyond(profile.history.rows, profile.ring))
    return Attribution(profile.sources, table, profile.damping, by_chance(scored), crowd, together, earlier)


def _apart(table: Doubles, scored: Scored, rows: Rows, catalogue: Catalogue, settings: RankSettings) -> None:
    """What belongs to no event."""
    _by_crowd(table, scored.weights[BY_POPULARITY], scored.crowd.signals, rows)
    seen = scored.seen
    for term, points in (
        (ScoreTerm.EXPLORATION, scored.boosted),
        (ScoreTerm.FATIGUE, scored.discounts),
        (ScoreTerm.AGAIN, seen.due),
    ):
        if points:
            sign = -1.0 if term is ScoreTerm.FATIGUE else 1.0
            table[term, :, -1] = [sign * points.get(row, 0.0) for row in rows.tolist()]
    if len(seen.lower):
        table[ScoreTerm.SEEN, np.isin(rows, seen.lower), -1] = -settings.seen_points
    if len(seen.kinds):
        table[ScoreTerm.LIKE_BOUGHT, :, -1] = -seen.of_kind(catalogue.facet_of[rows])


class _Interests(NamedTuple):
    """Of a `Profile`, by its names."""

    vectors: Floats
    weights: Floats
    owner: Indices
    n_items: int
    long: Floats


class _Liked(NamedTuple):
    """interests: `(q,)`, those of liked items; owner, liking: theirs. newness: `(r,)`, of the items asked for."""

    interests: Indices
    owner: Indices
    liking: Floats
    newness: Floats


class _Links(NamedTuple):
    """rows: `(r,)`, asked for. ring, linking: of a `Profile`."""

    rows: Rows
    ring: Rows
    linking: Indices


class _Past(NamedTuple):
    """history: `(h,)`, its rows. ring, covisits, linking: of a `Profile`."""

    history: Rows
    ring: Rows
    covisits: Floats
    linking: Indices


# Compiled code takes them for numbers.
_CONTENT, _LONG, _TEXT, _AGAINST = (
    int(each) for each in (ScoreTerm.CONTENT, ScoreTerm.LONG, ScoreTerm.TEXT, ScoreTerm.AGAINST)
)
_NEW_CONTENT, _SHARED_FACETS, _NEW_SHARED_FACETS = (int(ScoreTerm[each.name]) for each in list(Signal)[BY_LIKENESS])
_FACETS, _AGAINST_FACETS = int(ScoreTerm.FACETS), int(ScoreTerm.AGAINST_FACETS)
_FIRST_LINK, _REPEAT, _LAST, _OWN_ORDER = (
    int(each) for each in (ScoreTerm.CO_OCCURRENCE, ScoreTerm.REPEAT, ScoreTerm.LAST, ScoreTerm.OWN_ORDER)
)
_EASE, _STATEMENT_DAMPING = int(ScoreTerm.EASE), int(ScoreTerm.STATEMENT_DAMPING)
_FIRST_OF_CROWD = int(ScoreTerm.TOTAL)
_ARE_DAMPED = np.array(_DAMPED)
_UNIT = float(EASE_UNIT)


@compiled
def _by_vectors(table: Doubles, items: Floats, interests: _Interests) -> Doubles:
    """Likeness of items `(r, d)` to each interest, whose cosines `(r, p)` it returns, and to the long vector."""
    r, p, nobody = len(items), len(interests.vectors), table.shape[2] - 1
    similar = np.empty((r, p))
    for at in range(r):
        nearest, closest = nobody, CHANCE
        for each in range(p):
            alike, weight = _dot(items[at], interests.vectors[each]), interests.weights[each]
            similar[at, each] = alike
            drawn = _CONTENT if each < interests.n_items else _TEXT
            table[_AGAINST if weight < 0.0 else drawn, at, interests.owner[each]] += alike * weight
            if weight > 0.0 and (alike > closest or (alike == closest and nearest == nobody)):
                nearest, closest = interests.owner[each], alike
        table[_LONG, at, nearest] = _dot(items[at], interests.long)
    return similar


@compiled
def _dot(a: Floats, b: Floats) -> float:
    total = np.float32(0.0)
    for each in range(len(a)):
        total += a[each] * b[each]
    return float(total)


@compiled
def _by_likeness(table: Doubles, similar: Doubles, facets: Floats, liked: _Liked, weights: Doubles) -> None:
    """NEW_CONTENT, SHARED_FACETS and NEW_SHARED_FACETS; `facets` `(r, q)`, shares; `weights` `(3,)`."""
    for at in range(len(similar)):
        new = liked.newness[at]
        for each in range(len(liked.owner)):
            owner, towards = liked.owner[each], similar[at, liked.interests[each]] * liked.liking[each]
            table[_NEW_CONTENT, at, owner] += weights[0] * new * towards
            table[_SHARED_FACETS, at, owner] += weights[1] * facets[at, each]
            table[_NEW_SHARED_FACETS, at, owner] += weights[2] * new * facets[at, each]


@compiled
def _by_facets(
    table: Doubles, standard: Floats, facets: npt.NDArray[np.int32], owner: Indices, weights: Floats
) -> None:
    for each in range(len(weights)):
        term = _AGAINST_FACETS if weights[each] < 0.0 else _FACETS
        for at in range(len(facets)):
            if facets[at] >= 0:
                table[term, at, owner[each]] += weights[each] * standard[each, facets[at]]


@compiled
def _by_co_visits(table: Doubles, together: Mask, points: Doubles, shares: Doubles, links: _Links) -> None:
    """points: `(9, r)`, of the `NEIGHBOUR_SIGNALS`; shares: `(4, r, t)`, of the first four."""
    for at in range(len(links.rows)):
        newest = links.linking[0]
        for place in range(len(links.ring) - 1, -1, -1):
            source = links.linking[place]
            together[at, source] |= shares[0, at, place] > 0.0
            for signal in range(len(shares)):
                table[_FIRST_LINK + signal, at, source] += points[signal, at] * shares[signal, at, place]
            if links.ring[place] == links.rows[at]:
                newest = source
        for term in range(_REPEAT, _OWN_ORDER + 1):
            source = links.linking[0] if term == _LAST else newest
            table[term, at, source] = points[term - _FIRST_LINK, at]


@compiled
def _by_ease(table: Doubles, terms: Floats, past: _Past, weight: float) -> None:
    """In proportion to the history's terms; an item's share divides among its events of the ring by co-visit weight."""
    nobody, t = table.shape[2] - 1, len(past.ring)
    for each in range(len(past.history)):
        linked = 0.0
        for place in range(t):
            linked += past.covisits[place] if past.ring[place] == past.history[each] else 0.0
        for at in range(len(terms)):
            term, total = float(terms[at, each]), 0.0
            if term == 0.0:
                continue
            for other in range(terms.shape[1]):
                total += terms[at, other]
            if total <= 0.0:
                continue
            through = term * weight * np.log1p(total / _UNIT) / total
            if linked <= 0.0:
                table[_EASE, at, nobody] += through
                continue
            for place in range(t):
                if past.ring[place] == past.history[each]:
                    table[_EASE, at, past.linking[place]] += through * past.covisits[place] / linked


@compiled
def _by_crowd(table: Doubles, weights: Floats, signals: Floats, rows: Rows) -> None:
    for each in range(len(weights)):
        for at in range(len(rows)):
            table[_FIRST_OF_CROWD + each, at, -1] = weights[each] * signals[each, rows[at]]


@compiled
def _damp(table: Doubles, damping: float, damped_by: int) -> None:
    """Give interactions all their points, and what damps them what it takes."""
    for at in range(table.shape[1]):
        total = 0.0
        for term in _ARE_DAMPED:
            for source in range(table.shape[2]):
                table[term, at, source] /= damping
                total += table[term, at, source]
        table[_STATEMENT_DAMPING, at, damped_by] = (damping - 1.0) * total


@compiled
def _beyond(history: Rows, ring: Rows) -> bool:
    """Whether a history has what does not stand in the ring."""
    found = False
    for each in history:
        found = found or not np.any(ring == each)
    return found
