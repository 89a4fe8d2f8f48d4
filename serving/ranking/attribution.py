"""Where an item's points come from: every part of the formula, and every event's share in it. They sum to the score.

What is a sum over events is split as it is summed; a·log1p(f / s) in proportion to the events' terms in f. What cannot
be split goes to a winner: the long vector, whose events are mostly gone, to the one among those that draw near which is
most like the item; "it stands in the ring" to the newest event on the item; "touched last" to the newest one.
Popularity, a place that an untouched item was helped to, fatigue, what was
seen, and rules belong to no event.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from serving.catalogue import Catalogue
from serving.ranking.blend import Part
from serving.ranking.profile import Profile, RankSettings, Source
from serving.ranking.reasons import Speaking, by_chance, crowd
from serving.ranking.scorer import LINEAR_UNIT, NEAR, POPULAR, Rows, Scored

Doubles = npt.NDArray[np.float64]


class Piece(IntEnum):
    """The parts that points are told by; those of `serving.ranking.blend.Part` have its names."""

    CONTENT = 0  # like what was touched of late
    LONG = 1  # like what was touched over time
    TEXT = 2  # like what was written
    FACETS = 3  # facets like what was written
    AGAINST = 4  # like what was dismissed, or written to be spared; unlike it counts above 0
    AGAINST_FACETS = 5  # the same by facets
    MUTUAL = 6
    STEADY = 7
    ONWARD = 8
    BURST = 9
    AGAIN = 10
    LAST = 11
    LINEAR = 12  # goes with all that was touched
    TOTAL = 13
    RECENT = 14
    AGE = 15
    PLACE = 16  # what an untouched item was helped by to its place
    RULES = 17  # demoted or boosted by the file of rules
    FATIGUE = 18  # what it loses because it was shown and not taken
    SEEN = 19  # what it loses because it was seen
    HUSH = 20  # what a statement takes from all that was touched
    TRENDING = 21  # the whole score, where nothing is known of the user


_COMPANY = [Piece[part.name] for part in NEAR]
_POPULARITY = [Piece[part.name] for part in POPULAR]
_TOUCHED = [Piece.CONTENT, Piece.LONG, *_COMPANY, Piece.LINEAR]
_LIKENESS = [Piece.CONTENT, Piece.LONG, Piece.TEXT, Piece.FACETS, Piece.AGAINST, Piece.AGAINST_FACETS]


@dataclass(frozen=True, slots=True)
class Points:
    """Of `r` items: `table`, `(len(Piece), r, s + 1) float64`, signed, by part, item, and the `s` sources of a profile.

    What belongs to no event has the last place. A statement that quietens what was touched stands in the table with
    what it takes, and what was touched with all its points; `calm` is what it leaves of them. chance: `(s,)`, points of
    likeness that say nothing. crowd: what is true of what everybody does, in words (serving/ranking/reasons.py).
    """

    sources: list[Source]
    table: Doubles
    calm: float
    chance: Doubles
    crowd: list[str]

    def speaking(self) -> Speaking:
        """What speaks for the items, after statements have quietened what was touched.

        Being unlike what was dismissed is no reason of its own, and neither are places and rules.
        """
        table = self.table[: Piece.PLACE].copy()
        table[_TOUCHED] *= self.calm
        np.minimum(table[Piece.AGAINST], 0.0, out=table[Piece.AGAINST])
        popular, before = table[_POPULARITY, :, -1].sum(axis=0), table[[Piece.LONG, Piece.LINEAR], :, -1]
        likeness, company = (table[parts, :, :-1].sum(axis=0) for parts in (_LIKENESS, [*_COMPANY, Piece.LINEAR]))
        everything = np.column_stack([likeness + company, before.sum(axis=0), popular]).clip(0.0)
        said = np.where(likeness > self.chance, likeness, np.minimum(likeness, 0.0))
        told = np.array([words != "" for words in self.crowd], np.bool_)
        parts = np.column_stack([said + company, before.sum(axis=0), np.where(told, popular, 0.0)]).clip(0.0)
        sides = [each.clip(0.0).sum(axis=1) for each in (likeness, company)]
        sides[1] += before[1].clip(0.0)
        return Speaking(parts, everything.sum(axis=1), np.stack([*sides, popular.clip(0.0)]), self.crowd)


def points_of(
    scored: Scored, rows: Rows, catalogue: Catalogue, ruled: npt.NDArray[np.float32], settings: RankSettings
) -> Points:
    """Where the points of some items come from. `ruled`: `(r,)`, what the rules add.

    catalogue: as it stood when they were scored. Items that must not be listed get what they would have. The sum
    differs from `scored.points` by what single precision rounds, a few units in 1e-6.
    """
    profile = scored.profile
    table = np.zeros((len(Piece), len(rows), len(profile.sources) + 1))
    items = catalogue.away(rows).astype(np.float64)
    _likeness(table, profile, items)
    _facets(table, scored, catalogue.facet_of[rows])
    if len(profile.ring):
        _company(table, scored, rows, len(catalogue))
    _linear(table, scored, rows)
    table[_TOUCHED] /= profile.calm
    table[Piece.HUSH, :, profile.hushing] = (profile.calm - 1.0) * table[_TOUCHED].sum(axis=(0, 2))
    table[_POPULARITY, :, -1] = scored.weights[POPULAR, None] * scored.popular[:, rows]
    table[Piece.PLACE, :, -1] = [scored.lifted.get(row, 0.0) for row in rows.tolist()]
    table[Piece.FATIGUE, :, -1] = [-scored.worn.get(row, 0.0) for row in rows.tolist()]
    table[Piece.SEEN, np.isin(rows, scored.seen), -1] = -settings.seen_points
    table[Piece.RULES, :, -1] = np.where(np.isfinite(ruled), ruled, 0.0)
    offered = catalogue.available[: scored.popular.shape[1]]
    words = crowd(table[_POPULARITY, :, -1], scored.popular, rows, offered, settings.language)
    return Points(profile.sources, table, profile.calm, by_chance(scored), words)


def trending_points(decayed: npt.NDArray[np.float32]) -> Points:
    """Of items by popularity alone, `(r,)`."""
    table = np.zeros((len(Piece), len(decayed), 1))
    table[Piece.TRENDING, :, 0] = decayed
    return Points([], table, 1.0, np.zeros(0), [""] * len(decayed))


def _likeness(table: Doubles, profile: Profile, items: Doubles) -> None:
    similar = items @ profile.vectors.T
    drawn = np.where(np.arange(len(profile.owner)) < profile.felt, Piece.CONTENT, Piece.TEXT)
    parts = np.where(profile.weights < 0, Piece.AGAINST, drawn)
    np.add.at(table.swapaxes(1, 2), (parts, profile.owner), (similar * profile.weights).T)
    draws = np.flatnonzero(profile.weights > 0)
    nearest = profile.owner[draws[similar[:, draws].argmax(axis=1)]] if len(draws) else -1
    table[Piece.LONG, np.arange(len(items)), nearest] = items @ profile.long


def _facets(table: Doubles, scored: Scored, facets: npt.NDArray[np.int32]) -> None:
    if not len(scored.standard):
        return
    profile = scored.profile
    points = profile.facet_weights[:, None] * scored.standard[:, facets].astype(np.float64)
    points[:, facets < 0] = 0.0
    parts = np.where(profile.facet_weights < 0, Piece.AGAINST_FACETS, Piece.FACETS)
    np.add.at(table.swapaxes(1, 2), (parts, profile.owner[profile.asking]), points)


def _company(table: Doubles, scored: Scored, rows: Rows, n: int) -> None:
    profile, found = scored.profile, scored.near
    points = profile.calm * scored.weights[NEAR, None].astype(np.float64) * found.of(rows)
    shares = found.shares(rows, n)
    for piece, through in zip(_COMPANY, points[: len(shares), :, None] * shares, strict=False):
        np.add.at(table[piece].T, profile.linking, through.T)
    newest = profile.linking[(profile.ring == rows[:, None]).argmax(axis=1)]
    table[Piece.AGAIN, np.arange(len(rows)), newest] = points[_COMPANY.index(Piece.AGAIN)]
    table[Piece.LAST, :, profile.linking[0]] = points[_COMPANY.index(Piece.LAST)]


def _linear(table: Doubles, scored: Scored, rows: Rows) -> None:
    """In proportion to the history's terms; an item's share divides among its events of the ring by co-visit weight."""
    profile, fitted = scored.profile, scored.fitted
    if fitted is None or not len(profile.history.rows):
        return
    terms = fitted.terms(profile.history, rows).astype(np.float64)
    sums = terms.sum(axis=1)
    points = profile.calm * float(scored.weights[Part.LINEAR]) * np.log1p(np.maximum(sums, 0.0) / LINEAR_UNIT)
    through = terms * np.where(sums > 0, points / np.where(sums > 0, sums, 1.0), 0.0)[:, None]
    from_ring = profile.history.rows[:, None] == profile.ring
    shares = from_ring * profile.covisits
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)
    np.add.at(table[Piece.LINEAR].T, profile.linking, (through @ shares).T)
    table[Piece.LINEAR, :, -1] += through[:, ~from_ring.any(axis=1)].sum(axis=1)
