"""Where an item's points come from: every term of the formula, and every event's share in it. They sum to the score.

What is a sum over events is split as it is summed; a·log1p(f / s) in proportion to the events' terms in f. What cannot
be split goes to a winner: the long vector, whose events are mostly gone, to the one among those that draw near which is
most like the item, if that is like it at all; what goes by the ring alone to the newest event on the item; LAST to the
newest one. Popularity, exploration, fatigue, what was seen, and rules belong to no event.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.arrays import Doubles, Floats, Indices, Mask, Rows
from serving.catalogue import Catalogue
from serving.lexical.spoken_points import by_statement
from serving.ranking.learning.signals import BY_LIKENESS, BY_NEIGHBOURS, BY_POPULARITY, Signal
from serving.ranking.profile import SourceEvent
from serving.ranking.rank_settings import RankSettings
from serving.ranking.reasons.attributed import Extra, Interests, Items, Liked, Linked, Past, User, Written
from serving.ranking.reasons.attribution_pass import attribute
from serving.ranking.reasons.crowd import crowd_key
from serving.ranking.reasons.score_terms import ScoreTerm
from serving.ranking.scorer import Scored
from serving.state.user_state import EventKind, RecentText

__all__ = ()

_OPINIONS = frozenset(map(int, (EventKind.LIKE, EventKind.DISMISS, EventKind.RATE, EventKind.REVIEW)))
_NO_WEIGHTS: Floats = np.zeros((0, 0), np.float32)
_NO_PLACES = np.zeros(0, np.int32)
_NO_TERMS: Indices = np.zeros(0, np.intp)


@dataclass(frozen=True, slots=True)
class Attribution:
    """Of `r` items: `table`, `(r, len(ScoreTerm), s + 1) float64`, by item, term, and the `s` sources of a profile.

    Of a list, whose tables are not kept, there is but one of them. What belongs to no event has the last place. A
    statement that damps interactions stands in the table with what it takes, and interactions with all their points.
    chosen, shares: `(r, 3)`, the parts that are reasons and their shares, sides: `(r,)` (`attributed.Found`). crowd:
    `(r,)`, what is true of what everybody does with each item (`Crowd`).
    """

    sources: list[SourceEvent]
    table: Doubles
    chosen: Indices
    shares: Doubles
    sides: Indices
    crowd: list[str]


def attribution_of(
    scored: Scored, rows: Rows, catalogue: Catalogue, ruled: Floats | None, settings: RankSettings, *, keep: bool
) -> Attribution:
    """Where the points of some items come from. `ruled`: `(r,)`, what the rules add. keep: the tables of all.

    catalogue: as it stood when they were scored. Items that must not be listed get what they would have. The sum
    differs from `scored.points` by what single precision rounds, a few units in 1e-6.
    """
    profile, weights, crowd = scored.profile, scored.weights, scored.crowd
    by_crowd = weights[BY_POPULARITY].astype(np.float64)
    told = crowd.true_of(rows, by_crowd)
    items = Items(rows, catalogue.stored, catalogue.facet_of, crowd.newness, crowd.signals, by_crowd, told)
    interests = Interests(
        profile.vectors,
        profile.weights,
        profile.owner,
        profile.n_items,
        profile.long,
        disliked(profile.sources),
        profile.damping,
        profile.damped_by,
    )
    by_likeness = profile.damping * weights[BY_LIKENESS].astype(np.float64)
    shared = catalogue.facet_values.shares(profile.liked_rows, profile.liking, rows, len(catalogue))
    near, fitted = scored.item_neighbours, scored.fitted
    past = Past(
        profile.history.rows,
        profile.history.strengths,
        _NO_WEIGHTS if fitted is None else fitted.weights,
        _NO_PLACES if fitted is None else fitted.places,
        profile.covisits,
        profile.damping * float(weights[Signal.EASE]),
    )
    linked = Linked(
        profile.ring,
        profile.linking,
        near.rows,
        near.signals,
        near.factors,
        near.places,
        profile.damping * weights[BY_NEIGHBOURS].astype(np.float64),
    )
    liked = Liked(profile.liked, profile.liking, shared, by_likeness)
    written = Written(scored.standard, profile.owner[profile.on_facets], profile.facet_weights)
    user = User(interests, liked, written, linked, near.links, past)
    found = attribute(items, user, _extra(scored, rows, catalogue, ruled, settings), keep)
    true = [crowd_key(each) for each in told.tolist()]
    return Attribution(profile.sources, found.tables, found.chosen, found.shares, found.sides, true)


def disliked(sources: Sequence[SourceEvent]) -> Mask:
    """`(s,)`: which events are on items that their user did not like, as the newest word on each item has it.

    What somebody did with such an item links others to it, and so may raise them; it is a reason for none.
    """
    newest: dict[str, SourceEvent] = {}
    for event in sources:
        if event.item_id and (isinstance(event, RecentText) or event.kind in _OPINIONS or event.preference < 0):
            known = newest.get(event.item_id)
            if known is None or event.time_ms > known.time_ms:
                newest[event.item_id] = event
    unliked = {item_id for item_id, event in newest.items() if event.preference <= 0}
    if not unliked:
        return np.zeros(len(sources), np.bool_)
    return np.array([event.item_id in unliked for event in sources], np.bool_)


def _extra(scored: Scored, rows: Rows, catalogue: Catalogue, ruled: Floats | None, settings: RankSettings) -> Extra:
    """What is known of few items: what belongs to no event, and what statements say in words and numbers."""
    profile, seen = scored.profile, scored.seen
    nobody = len(profile.sources)
    found: list[tuple[ScoreTerm, int, Sequence[float] | Floats | Doubles]] = (
        [
            (ScoreTerm[spoken.term], spoken.owner, spoken.points[rows])
            for spoken in by_statement(profile.said, catalogue.searched, settings.spoken)
        ]
        if profile.said
        else []
    )
    if scored.boosted:
        found.append((ScoreTerm.EXPLORATION, nobody, [scored.boosted.get(row, 0.0) for row in rows.tolist()]))
    if scored.discounts:
        found.append((ScoreTerm.FATIGUE, nobody, [-scored.discounts.get(row, 0.0) for row in rows.tolist()]))
    if seen.due:
        found.append((ScoreTerm.AGAIN, nobody, [seen.due.get(row, 0.0) for row in rows.tolist()]))
    if len(seen.lower):
        found.append((ScoreTerm.SEEN, nobody, np.where(np.isin(rows, seen.lower), -settings.seen_points, 0.0)))
    if len(seen.kinds):
        found.append((ScoreTerm.LIKE_BOUGHT, nobody, -seen.of_kind(catalogue.facet_of[rows])))
    if ruled is not None:
        found.append((ScoreTerm.RULES, nobody, np.where(np.isfinite(ruled), ruled, np.float32(0.0))))
    if not found:
        return Extra(_NO_TERMS, _NO_TERMS, np.zeros((0, len(rows))))
    terms, owners, points = zip(*found, strict=True)
    return Extra(np.array(terms, np.intp), np.array(owners, np.intp), np.array(points, np.float64))
