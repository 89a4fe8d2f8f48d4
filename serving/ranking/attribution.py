"""Where an item's points come from: every term of the formula, and every event's share in it. They sum to the score.

What is a sum over events is split as it is summed; a·log1p(f / s) in proportion to the events' terms in f. What cannot
be split goes to a winner: the long vector, whose events are mostly gone, to the one among those that draw near which is
most like the item, if that is like it at all; what goes by the ring alone to the newest event on the item; LAST to the
newest one. Popularity, exploration, fatigue, what was seen, and rules belong to no event.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from serving.arrays import Doubles, Rows
from serving.catalogue import Catalogue
from serving.lexical.spoken_points import by_statement
from serving.ranking.learning.signals import NEIGHBOUR_SIGNALS, POPULARITY_SIGNALS, Signal
from serving.ranking.profile import RankSettings, SourceEvent
from serving.ranking.reasons import CHANCE, Evidence, bought_again, by_chance, crowd, disliked
from serving.ranking.scorer import EASE_UNIT, Scored

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
_LIKENESS = [
    *_LIKE_LIKED,
    ScoreTerm.LONG,
    ScoreTerm.TEXT,
    ScoreTerm.FACETS,
    ScoreTerm.AGAINST,
    ScoreTerm.AGAINST_FACETS,
    ScoreTerm.WORDS,
    ScoreTerm.AGAINST_WORDS,
    ScoreTerm.NUMBERS,
]


@dataclass(frozen=True, slots=True)
class Attribution:
    """Of `r` items: `table`, `(len(ScoreTerm), r, s + 1) float64`, by term, item, and the `s` sources of a profile.

    What belongs to no event has the last place. A statement that damps interactions stands in the table with what it
    takes, and interactions with all their points; `damping` is what it leaves of them. chance: `(s,)`, points
    of likeness that say nothing. crowd: what is true of what everybody does, in words (serving/ranking/reasons.py).
    again: why what is bought again is, likewise.
    together: `(r, s)`, whether anybody interacted with the item and with that of the event.
    earlier: whether interactions of before the ring are known.
    """

    sources: list[SourceEvent]
    table: Doubles
    damping: float
    chance: Doubles
    crowd: list[str]
    again: list[str]
    together: npt.NDArray[np.bool_]
    earlier: bool = False

    def evidence(self) -> Evidence:
        """What speaks for the items, after statements have damped interactions.

        Being unlike what was dismissed is no reason of its own; neither are exploration, rules, and what is disliked.
        """
        table = self.table.copy()
        table[_DAMPED] *= self.damping
        table[ScoreTerm.EASE, :, :-1] *= self.together  # what goes through a third item says nothing of this one
        np.minimum(table[ScoreTerm.AGAINST], 0.0, out=table[ScoreTerm.AGAINST])
        popular, before = table[_POPULARITY, :, -1].sum(axis=0), table[[ScoreTerm.LONG, ScoreTerm.EASE], :, -1]
        likeness, covisits = (table[parts, :, :-1].sum(axis=0) for parts in (_LIKENESS, [*_CO_VISITS, ScoreTerm.EASE]))
        again = self.table[ScoreTerm.AGAIN, :, -1]
        everything = np.column_stack([likeness + covisits, before.sum(axis=0), again, popular]).clip(0.0)
        facets = table[[ScoreTerm.SHARED_FACETS, ScoreTerm.NEW_SHARED_FACETS], :, :-1].sum(axis=0)
        vectors = likeness - facets
        said = np.where(vectors > self.chance, vectors, np.minimum(vectors, 0.0)) + facets
        said[:, (unliked := disliked(self.sources))] = 0.0
        linked = np.where(unliked, 0.0, covisits)
        told = np.array([words != "" for words in self.crowd], np.bool_)
        earlier = before.sum(axis=0) * self.earlier
        parts = np.column_stack([said + linked, earlier, again, np.where(told, popular, 0.0)]).clip(0.0)
        sides = [each.clip(0.0).sum(axis=1) for each in (likeness, covisits)]
        sides[1] += before[1].clip(0.0) + again
        return Evidence(parts, everything.sum(axis=1), np.stack([*sides, popular.clip(0.0)]), self.crowd, self.again)


def attribution_of(
    scored: Scored, rows: Rows, catalogue: Catalogue, ruled: npt.NDArray[np.float32], settings: RankSettings
) -> Attribution:
    """Where the points of some items come from. `ruled`: `(r,)`, what the rules add.

    catalogue: as it stood when they were scored. Items that must not be listed get what they would have. The sum
    differs from `scored.points` by what single precision rounds, a few units in 1e-6.
    """
    profile = scored.profile
    table = np.zeros((len(ScoreTerm), len(rows), len(profile.sources) + 1))
    items = catalogue.centred(rows).astype(np.float64)
    _likeness(table, scored, items, rows, catalogue)
    _facets(table, scored, catalogue.facet_of[rows])
    together = np.zeros((len(rows), len(profile.sources)), np.bool_)
    for spoken in by_statement(profile.said, catalogue.searched, settings.spoken):
        table[ScoreTerm[spoken.term], :, spoken.owner] += spoken.points[rows]
    if len(profile.ring):
        _co_visits(table, together, scored, rows, len(catalogue))
    _ease(table, scored, rows)
    table[_DAMPED] /= profile.damping
    table[ScoreTerm.STATEMENT_DAMPING, :, profile.damped_by] = (profile.damping - 1.0) * table[_DAMPED].sum(axis=(0, 2))
    table[_POPULARITY, :, -1] = scored.weights[POPULARITY_SIGNALS, None] * scored.popular[:, rows]
    table[ScoreTerm.EXPLORATION, :, -1] = [scored.boosted.get(row, 0.0) for row in rows.tolist()]
    table[ScoreTerm.FATIGUE, :, -1] = [-scored.discounts.get(row, 0.0) for row in rows.tolist()]
    seen = scored.seen
    table[ScoreTerm.SEEN, np.isin(rows, seen.lower), -1] = -settings.seen_points
    table[ScoreTerm.AGAIN, :, -1] = [seen.due.get(row, 0.0) for row in rows.tolist()]
    table[ScoreTerm.LIKE_BOUGHT, :, -1] = -seen.of_kind(catalogue.facet_of[rows])
    table[ScoreTerm.RULES, :, -1] = np.where(np.isfinite(ruled), ruled, 0.0)
    offered = catalogue.available[: scored.popular.shape[1]]
    words = crowd(table[_POPULARITY, :, -1], scored, rows, offered, profile.language)
    again = bought_again(rows, scored.seen, profile.language)
    earlier = len(profile.history.rows) > len(np.intersect1d(profile.history.rows, profile.ring))
    return Attribution(profile.sources, table, profile.damping, by_chance(scored), words, again, together, earlier)


def _likeness(table: Doubles, scored: Scored, items: Doubles, rows: Rows, catalogue: Catalogue) -> None:
    profile, by = scored.profile, table.swapaxes(1, 2)
    similar = items @ profile.vectors.T
    drawn = np.where(np.arange(len(profile.owner)) < profile.n_items, ScoreTerm.CONTENT, ScoreTerm.TEXT)
    parts = np.where(profile.weights < 0, ScoreTerm.AGAINST, drawn)
    np.add.at(by, (parts, profile.owner), (similar * profile.weights).T)
    if len(profile.liked):
        liked, weights = profile.owner[profile.liked], profile.damping * scored.weights.astype(np.float64)
        new = scored.newness[rows][:, None]
        towards = similar[:, profile.liked] * profile.liking
        facets = catalogue.facet_values.shares(profile.liked_rows, profile.liking, rows)
        for term, points in (
            (ScoreTerm.NEW_CONTENT, weights[Signal.NEW_CONTENT] * new * towards),
            (ScoreTerm.SHARED_FACETS, weights[Signal.SHARED_FACETS] * facets),
            (ScoreTerm.NEW_SHARED_FACETS, weights[Signal.NEW_SHARED_FACETS] * new * facets),
        ):
            np.add.at(table[term].T, liked, points.T)
    draws = np.flatnonzero(profile.weights > 0)
    if len(draws):
        at = draws[similar[:, draws].argmax(axis=1)]
        alike = similar[np.arange(len(items)), at] >= CHANCE
        nearest = np.where(alike, profile.owner[at], len(profile.sources))
    else:
        nearest = np.full(len(items), len(profile.sources))
    table[ScoreTerm.LONG, np.arange(len(items)), nearest] = items @ profile.long


def _facets(table: Doubles, scored: Scored, facets: npt.NDArray[np.int32]) -> None:
    if not len(scored.standard):
        return
    profile = scored.profile
    points = profile.facet_weights[:, None] * scored.standard[:, facets].astype(np.float64)
    points[:, facets < 0] = 0.0
    parts = np.where(profile.facet_weights < 0, ScoreTerm.AGAINST_FACETS, ScoreTerm.FACETS)
    np.add.at(table.swapaxes(1, 2), (parts, profile.owner[profile.on_facets]), points)


def _co_visits(table: Doubles, together: npt.NDArray[np.bool_], scored: Scored, rows: Rows, n: int) -> None:
    profile, found = scored.profile, scored.item_neighbours
    points = profile.damping * scored.weights[NEIGHBOUR_SIGNALS, None].astype(np.float64) * found.of(rows)
    shares = found.shares(rows, n)
    np.logical_or.at(together.T, profile.linking, (shares[0] > 0).T)
    for piece, through in zip(_CO_VISITS, points[: len(shares), :, None] * shares, strict=False):
        np.add.at(table[piece].T, profile.linking, through.T)
    newest = profile.linking[(profile.ring == rows[:, None]).argmax(axis=1)]
    for term in (ScoreTerm.REPEAT, ScoreTerm.RECENCY, ScoreTerm.FREQUENCY, ScoreTerm.OWN_ORDER):
        table[term, np.arange(len(rows)), newest] = points[_CO_VISITS.index(term)]
    table[ScoreTerm.LAST, :, profile.linking[0]] = points[_CO_VISITS.index(ScoreTerm.LAST)]


def _ease(table: Doubles, scored: Scored, rows: Rows) -> None:
    """In proportion to the history's terms; an item's share divides among its events of the ring by co-visit weight."""
    profile, fitted = scored.profile, scored.fitted
    if fitted is None or not len(profile.history.rows):
        return
    terms = fitted.terms(profile.history, rows).astype(np.float64)
    sums = terms.sum(axis=1)
    points = profile.damping * float(scored.weights[Signal.EASE]) * np.log1p(np.maximum(sums, 0.0) / EASE_UNIT)
    through = terms * np.where(sums > 0, points / np.where(sums > 0, sums, 1.0), 0.0)[:, None]
    from_ring = profile.history.rows[:, None] == profile.ring
    shares = from_ring * profile.covisits
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)
    np.add.at(table[ScoreTerm.EASE].T, profile.linking, (through @ shares).T)
    table[ScoreTerm.EASE, :, -1] += through[:, ~from_ring.any(axis=1)].sum(axis=1)
