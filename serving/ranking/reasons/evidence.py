"""Which of an item's points say something about it: what a reason may name.

Every item is a little like every text, so likeness to what a user wrote or interacted with says something only above
what any item has: for a text or an event of weight w in points for a cosine, and of v for each standard deviation of
facets,

    w·.1 + v·(mean of z)

.1 being a cosine that what has nothing to do with each other reaches now and then. What everybody does counts by its
largest signal, in the words for its side: points may come from an item being popular, or from its being hardly known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from serving.arrays import Doubles, Floats, Indices, Mask
from serving.compiled import compiled
from serving.ranking.learning.signals import Signal
from serving.ranking.profile import SourceEvent
from serving.ranking.scorer import Scored
from serving.ranking.seen.seen_items import SeenItems
from serving.state.user_state import EventKind, RecentText

__all__ = ()

CHANCE = 0.1
_MOST = 3  # reasons of one item
_LEAST_SHARE = 0.1  # a smaller one is named only if it is the largest, or the largest that an event has
_ROUNDED = 1e-6  # thousandths that a share may have lost by the order of sums
_OPINIONS = {EventKind.LIKE, EventKind.DISMISS, EventKind.RATE, EventKind.REVIEW}


class Groups(NamedTuple):
    """The terms of a score by what they say, as rows of an `Attribution`'s table.

    likeness: to what was liked, and to facets, both damped by statements. said: likeness to what was written. against:
    to what is not wanted. linked: by co-visits.
    """

    likeness: Indices
    facets: Indices
    said: Indices
    against: int
    linked: Indices
    long: int
    ease: int
    again: int
    popular: Indices


class Told(NamedTuple):
    """What may be said.

    chance: `(s,)`, points of likeness that say nothing. unliked: `(s,)`, events that are no reason.
    crowd: `(r,)`, whether something is true of what everybody does with an item. together: `(r, s)`, whether anybody
    interacted with the item and with that of the event. earlier: whether interactions of before the ring are known.
    """

    chance: Doubles
    unliked: Mask
    crowd: Mask
    together: Mask
    earlier: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for `r` items.

    parts: `(r, s + 3)` ≥ 0, points that say something: by event, by what was liked before them, by what is bought again
    about now, by what everybody does.
    sums: `(r,)`, all points ≥ 0. sides: `(3, r)`, all of them by likeness, by co-visits, by popularity.
    """

    parts: Doubles
    sums: Doubles
    sides: Doubles

    def largest(self) -> tuple[list[list[int]], list[list[float]]]:
        """Of each item up to three parts that are reasons for it, largest first, and their shares of all its points.

        None if nothing speaks for it. Those above the least share, and what an event gave it most in any case. Shares
        are rounded down to thousandths, so that they never add up to more than 1.
        """
        chosen, shares = _largest(self.parts, self.sums)
        return [[part for part in parts if part >= 0] for parts in chosen.tolist()], shares.tolist()


def evidence_of(table: Doubles, groups: Groups, damping: float, told: Told) -> Evidence:
    """What speaks for items whose points stand in `table` `(terms, r, s + 1)`. damping: of interactions."""
    return Evidence(*_evidence(table, groups, damping, told))


def bought_again(row: int, seen: SeenItems) -> str:
    """Whether its user usually buys an item again about now, `own`, or people do, `usual`; "" if not so."""
    if row not in seen.due:
        return ""
    return "own" if row in seen.own else "usual"


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
    return np.array([event.item_id in unliked for event in sources], np.bool_)


def by_chance(scored: Scored) -> Doubles:
    """`(s,)`: how many points of likeness any item may have from each of the sources."""
    profile = scored.profile
    new = profile.damping * max(float(scored.weights[Signal.NEW_CONTENT]), 0.0)
    least = _least(profile.owner, profile.weights, profile.liked, new * profile.liking, len(profile.sources))
    if len(scored.standard):
        usual = profile.facet_weights.clip(0.0) * scored.standard.mean(axis=1)
        np.add.at(least, profile.owner[profile.on_facets], usual)
    return least


@compiled
def _least(owner: Indices, weights: Floats, liked: Indices, more: Floats, sources: int) -> Doubles:
    least = np.zeros(sources)
    for each in range(len(owner)):
        least[owner[each]] += CHANCE * max(weights[each], 0.0)
    for each in range(len(liked)):
        least[owner[liked[each]]] += CHANCE * more[each]
    return least


@compiled
def _evidence(table: Doubles, groups: Groups, damping: float, told: Told) -> tuple[Doubles, Doubles, Doubles]:
    r, last = table.shape[1], table.shape[2] - 1
    parts, sums, sides = np.zeros((r, last + 3)), np.zeros(r), np.zeros((3, r))
    for at in range(r):
        for source in range(last):
            alike = facets = linked = 0.0
            for term in groups.likeness:
                alike += damping * table[term, at, source]
            for term in groups.facets:
                facets += damping * table[term, at, source]
            for term in groups.said:
                alike += table[term, at, source]
            alike += min(table[groups.against, at, source], 0.0)
            for term in groups.linked:
                linked += damping * table[term, at, source]
            linked += damping * table[groups.ease, at, source] * told.together[at, source]
            sums[at] += max(alike + facets + linked, 0.0)
            sides[0, at] += max(alike + facets, 0.0)
            sides[1, at] += max(linked, 0.0)
            if not told.unliked[source]:
                above = alike if alike > told.chance[source] else min(alike, 0.0)
                parts[at, source] = max(above + facets + linked, 0.0)
        long, ease = damping * table[groups.long, at, last], damping * table[groups.ease, at, last]
        again, popular = table[groups.again, at, last], 0.0
        for term in groups.popular:
            popular += table[term, at, last]
        sums[at] += max(long + ease, 0.0) + max(again, 0.0) + max(popular, 0.0)
        sides[1, at] += max(ease, 0.0) + again
        sides[2, at] = max(popular, 0.0)
        parts[at, last] = max(long + ease, 0.0) if told.earlier else 0.0
        parts[at, last + 1] = max(again, 0.0)
        parts[at, last + 2] = max(popular, 0.0) if told.crowd[at] else 0.0
    return parts, sums, sides


@compiled
def _largest(parts: Doubles, sums: Doubles) -> tuple[Indices, Doubles]:
    """`(r, 3)`: the parts that are reasons, -1 for none, and their shares."""
    r, n = parts.shape
    chosen, shares = np.full((r, _MOST), -1), np.zeros((r, _MOST))
    for at in range(r):
        share = np.floor(1000.0 * parts[at] / max(sums[at], 1e-9) + _ROUNDED) / 1000.0
        event = share[: n - 3].argmax() if n > 3 else 0
        left, found, named = share.copy(), 0, n <= 3 or share[event] <= 0.0
        for place in range(min(_MOST, n)):
            part = left.argmax()
            if share[part] <= 0.0 or (place and share[part] < _LEAST_SHARE):
                break
            chosen[at, place], shares[at, place] = part, share[part]
            left[part] = -1.0
            named = named or part == event
            found += 1
        if found and not named:
            place = min(found, _MOST - 1)
            chosen[at, place], shares[at, place] = event, share[event]
    return chosen, shares
