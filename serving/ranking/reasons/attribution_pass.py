"""One compiled call for a list: where its items' points come from, and which of them speak for each.

Item by item, in a table of its own of terms and events that stays in the processor's cache; all tables are kept only
where somebody asks for an explanation. Which of the points say something about an item, and so may be named:

Every item is a little like every text, so likeness to what a user wrote or interacted with says something only above
what any item has: for a text or an event of weight w in points for a cosine, and of v for each standard deviation of
facets,

    w·.1 + v·(mean of z)

.1 being a cosine that what has nothing to do with each other reaches now and then. What everybody does counts by its
largest signal, in the words for its side: points may come from an item being popular, or from its being hardly known.
Being unlike what was dismissed is no reason of its own; neither are exploration, rules, and what is disliked.
"""

import numpy as np
import numpy.typing as npt
from numba import carray

from serving.arrays import Doubles, Floats, Indices, Mask, Rows, Vector
from serving.arrays_by_address import pointer_to_floats, pointer_to_numbers
from serving.compiled import compiled
from serving.ranking.covisits import Neighbours
from serving.ranking.ease import EASE_UNIT
from serving.ranking.learning.signals import NEIGHBOUR_SIGNALS, POPULARITY_SIGNALS
from serving.ranking.reasons.attributed import Extra, Found, Interests, Items, Liked, Linked, Past, User, Written
from serving.ranking.reasons.score_terms import DAMPED, SAID, ScoreTerm
from serving.vector_slots import Stored

__all__ = ()

MOST_REASONS = 3
_CHANCE = 0.1
_LEAST_SHARE = 0.1  # a smaller one is named only if it is the largest, or the largest that an event has
_ROUNDED = 1e-6  # thousandths that a share may have lost by the order of sums

# Compiled code takes them for numbers.
_CONTENT, _LONG, _TEXT, _AGAINST = (
    int(each) for each in (ScoreTerm.CONTENT, ScoreTerm.LONG, ScoreTerm.TEXT, ScoreTerm.AGAINST)
)
_NEW_CONTENT, _SHARED_FACETS, _NEW_SHARED_FACETS = (
    int(each) for each in (ScoreTerm.NEW_CONTENT, ScoreTerm.SHARED_FACETS, ScoreTerm.NEW_SHARED_FACETS)
)
_FACETS, _AGAINST_FACETS = int(ScoreTerm.FACETS), int(ScoreTerm.AGAINST_FACETS)
_FIRST_LINK, _REPEAT, _LAST = (int(each) for each in (ScoreTerm.CO_OCCURRENCE, ScoreTerm.REPEAT, ScoreTerm.LAST))
_LINKS, _SUMS = len(NEIGHBOUR_SIGNALS), _REPEAT - _FIRST_LINK
_ONWARD = int(ScoreTerm.TRANSITION) - _FIRST_LINK  # by the second of the links' weights
_EASE, _STATEMENT_DAMPING = int(ScoreTerm.EASE), int(ScoreTerm.STATEMENT_DAMPING)
_FIRST_OF_CROWD, _AGAIN = int(ScoreTerm.TOTAL), int(ScoreTerm.AGAIN)
_TERMS, _CROWD = len(ScoreTerm), len(POPULARITY_SIGNALS)
_UNIT = float(EASE_UNIT)


@compiled
def attribute(items: Items, user: User, extra: Extra, keep: bool) -> Found:
    """Of some items. keep: all their tables."""
    interests, liked, written, linked, links, past = user
    r, s = len(items.rows), len(interests.unliked)
    tables = np.zeros((r if keep else min(r, 1), _TERMS, s + 1))
    divided, near = shares_of_ring(items.rows, linked, links), _at_signals(items.rows, linked)
    in_ring, by_history = _at_ring(linked.ring, past), _by_history(items.rows, past)
    chance = _by_chance(interests, liked, written)
    earlier = False
    for each in range(len(past.rows)):
        earlier = earlier or in_ring[1][each] < 0.0
    anything_said = len(written.weights) + len(extra.terms) + len(interests.weights) - interests.n_items > 0
    chosen, shares = np.full((r, MOST_REASONS), -1), np.zeros((r, MOST_REASONS))
    sides, parts = np.zeros(r, np.int64), np.zeros(s + 3)
    similar = np.zeros(len(interests.vectors))
    together, vector = np.zeros(s, np.bool_), np.empty(len(items.stored.mean), np.float32)
    for at in range(r):
        row = items.rows[at]
        _centre(items.stored, row, vector)
        table = tables[at if keep else 0]
        if not keep:
            table[:] = 0.0
        _by_vectors(table, vector, interests, similar)
        _by_likeness(table, similar, items.newness[row], interests.owner, liked, at)
        _by_facets(table, items.facet_of[row], written)
        together[:] = False
        if len(linked.ring):
            _by_links(table, (row, near[at]), divided[at], linked, together)
        _by_ease(table, by_history[at], past, in_ring, linked.linking)
        if interests.damping != 1.0:
            _damp(table, interests.damping, interests.damped_by)
        for each in range(len(extra.terms)):
            table[extra.terms[each], extra.owners[each]] += extra.points[each, at]
        for each in range(len(items.weights)):
            table[_FIRST_OF_CROWD + each, s] = items.weights[each] * items.signals[each, row]
        known = (chance, together, anything_said, items.told[at] != 0, earlier)
        total, sides[at] = _weigh(table, interests.unliked, interests.damping, known, parts)
        _choose(parts, total, chosen[at], shares[at])
    return Found(tables, chosen, shares, sides)


@compiled
def _centre(stored: Stored, row: int, vector: Vector) -> None:
    """Write an item's vector seen from the mean item; zeros where there is none, as its scale is 0."""
    known, scale = stored.vectors[stored.slot_of[row]], stored.scale[row]
    for each in range(len(vector)):
        vector[each] = (known[each] - stored.mean[each]) * scale


@compiled
def shares_of_ring(rows: Rows, linked: Linked, links: Neighbours) -> Doubles:
    """How the four sums of co-visits of items divide among the ring, `(r, 4, t)`; each sums to 1 over t, or is zero."""
    divided = np.zeros((len(rows), _SUMS, len(linked.ring)))
    for at in range(len(rows)):
        linked.places[rows[at]] = at
    for p in range(len(linked.ring)):
        row = linked.ring[p]
        neighbours = carray(pointer_to_numbers(links.addresses[row, 0]), (links.places[row],))
        weights = carray(pointer_to_floats(links.addresses[row, 1]), (2, links.places[row]))
        for each in range(links.sizes[row]):
            at = linked.places[neighbours[each]]
            if at >= 0:
                for number in range(_SUMS):
                    divided[at, number, p] = linked.factors[number, p] * weights[1 if number == _ONWARD else 0, each]
    for at in range(len(rows)):
        linked.places[rows[at]] = -1
        for number in range(_SUMS):
            total = 0.0
            for p in range(len(linked.ring)):
                total += divided[at, number, p]
            for p in range(len(linked.ring) if total > 0.0 else 0):
                divided[at, number, p] /= total
    return divided


@compiled
def _at_signals(rows: Rows, linked: Linked) -> npt.NDArray[np.int32]:
    """`(r,)`: where items stand among those that have signals, -1 where they do not."""
    for at in range(len(linked.rows)):
        linked.places[linked.rows[at]] = at
    found = linked.places[rows]
    for at in range(len(linked.rows)):
        linked.places[linked.rows[at]] = -1
    return found


@compiled
def _at_ring(ring: Rows, past: Past) -> tuple[npt.NDArray[np.int32], Doubles]:
    """`(t,)`: where the ring's items stand in a history, -1: not. `(h,)`: their co-visit weights, -1: not there."""
    at_ring, owned = np.full(len(ring), -1, np.int32), np.full(len(past.rows), -1.0)
    for each in range(len(past.rows)):
        for p in range(len(ring)):
            if ring[p] == past.rows[each]:
                at_ring[p] = each
                owned[each] = max(owned[each], 0.0) + past.covisits[p]
    return at_ring, owned


@compiled
def _by_chance(interests: Interests, liked: Liked, written: Written) -> Doubles:
    """`(s,)`: how many points of likeness any item may have from each of the sources."""
    least, new = np.zeros(len(interests.unliked)), max(liked.weights[0], 0.0)
    for each in range(len(interests.owner)):
        least[interests.owner[each]] += _CHANCE * max(interests.weights[each], np.float32(0.0))
    for each in range(len(liked.interests)):
        least[interests.owner[liked.interests[each]]] += _CHANCE * new * liked.liking[each]
    for each in range(len(written.standard)):
        if written.weights[each] > 0.0:
            least[written.owner[each]] += written.weights[each] * written.standard[each].mean()
    return least


@compiled
def _by_vectors(table: Doubles, item: Vector, interests: Interests, similar: Doubles) -> None:
    """Likeness to each interest, whose cosines it writes, and to the long vector."""
    nobody = table.shape[1] - 1
    nearest, closest = nobody, _CHANCE
    for each in range(len(similar)):
        alike, weight = _dot(item, interests.vectors[each]), interests.weights[each]
        similar[each] = alike
        drawn = _CONTENT if each < interests.n_items else _TEXT
        table[_AGAINST if weight < 0.0 else drawn, interests.owner[each]] += alike * weight
        if weight > 0.0 and (alike > closest or (alike == closest and nearest == nobody)):
            nearest, closest = interests.owner[each], alike
    table[_LONG, nearest] = _dot(item, interests.long)


@compiled
def _dot(a: Vector, b: Vector) -> float:
    total = np.float32(0.0)
    for each in range(len(a)):
        total += a[each] * b[each]
    return float(total)


@compiled
def _by_likeness(table: Doubles, similar: Doubles, newness: np.float32, owners: Indices, liked: Liked, at: int) -> None:
    """NEW_CONTENT, SHARED_FACETS and NEW_SHARED_FACETS of item number `at`."""
    for each in range(len(liked.interests)):
        interest = liked.interests[each]
        owner, towards = owners[interest], similar[interest] * liked.liking[each]
        table[_NEW_CONTENT, owner] += liked.weights[0] * newness * towards
        table[_SHARED_FACETS, owner] += liked.weights[1] * liked.shares[at, each]
        table[_NEW_SHARED_FACETS, owner] += liked.weights[2] * newness * liked.shares[at, each]


@compiled
def _by_facets(table: Doubles, facet: int, written: Written) -> None:
    for each in range(len(written.standard)):
        weight = written.weights[each]
        if facet >= 0:
            table[_AGAINST_FACETS if weight < 0.0 else _FACETS, written.owner[each]] += (
                weight * written.standard[each, facet]
            )


@compiled
def _by_links(table: Doubles, item: tuple[int, int], divided: Doubles, linked: Linked, together: Mask) -> None:
    """By co-visits. item: its row, and where it stands among the neighbours, -1: not.

    together: `(s,)`, whether anybody interacted with it and with that of the event.
    """
    row, place = item
    newest = linked.linking[0]
    for p in range(len(linked.ring) - 1, -1, -1):
        source = linked.linking[p]
        together[source] |= divided[0, p] > 0.0
        if linked.ring[p] == row:
            newest = source
    if place < 0:
        return
    for signal in range(_SUMS):
        points = linked.weights[signal] * linked.signals[signal, place]
        for p in range(len(linked.ring)):
            table[_FIRST_LINK + signal, linked.linking[p]] += points * divided[signal, p]
    for signal in range(_SUMS, _LINKS):
        term = _FIRST_LINK + signal
        source = linked.linking[0] if term == _LAST else newest
        table[term, source] = linked.weights[signal] * linked.signals[signal, place]


@compiled
def _by_history(rows: Rows, past: Past) -> Floats:
    """`(r, h)`: what each item of a history adds to the sum of EASE of some items; zeros that are not among the top."""
    to = np.empty(len(rows), np.int64)
    for at in range(len(rows)):
        to[at] = past.places[rows[at]] if rows[at] < len(past.places) else -1
    terms = np.zeros((len(rows), len(past.rows)), np.float32)
    for each in range(len(past.rows)):
        by = past.places[past.rows[each]] if past.rows[each] < len(past.places) else -1
        for at in range(len(rows) if by >= 0 else 0):
            if to[at] >= 0:
                terms[at, each] = past.weights[by, to[at]] * past.strengths[each]
    return terms


@compiled
def _by_ease(
    table: Doubles, terms: Floats, past: Past, in_ring: tuple[npt.NDArray[np.int32], Doubles], linking: Indices
) -> None:
    """In proportion to the history's terms; an item's share divides among its events of the ring by co-visit weight."""
    at_ring, owned = in_ring
    total = 0.0
    for each in range(len(terms)):
        total += terms[each]
    if total <= 0.0:
        return
    by_term, nobody = past.weight * np.log1p(total / _UNIT) / total, 0.0
    for each in range(len(terms)):
        nobody += terms[each] if owned[each] <= 0.0 else 0.0
    table[_EASE, -1] += by_term * nobody
    for p in range(len(at_ring)):
        each = at_ring[p]
        if each >= 0 and owned[each] > 0.0:
            table[_EASE, linking[p]] += by_term * terms[each] * past.covisits[p] / owned[each]


@compiled
def _damp(table: Doubles, damping: float, damped_by: int) -> None:
    """Give interactions all their points, and what damps them what it takes."""
    total = 0.0
    for term in DAMPED:
        for source in range(table.shape[1]):
            table[term, source] /= damping
            total += table[term, source]
    table[_STATEMENT_DAMPING, damped_by] = (damping - 1.0) * total


@compiled
def _weigh(
    table: Doubles, unliked: Mask, damping: float, known: tuple[Doubles, Mask, bool, bool, bool], parts: Doubles
) -> tuple[float, int]:
    """What speaks for an item: writes `parts`, returns the sum of all points >= 0, and their largest side.

    known: points by chance, what it is together with; whether something was said, whether something is true of what
    everybody does with the item, and whether interactions of before the ring are known.
    """
    chance, together, anything_said, told, earlier = known
    s, total, likeness, covisits = len(unliked), 0.0, 0.0, 0.0
    for source in range(s):
        near = damping * (table[_CONTENT, source] + table[_NEW_CONTENT, source] + table[_LONG, source])
        if anything_said:
            for term in SAID:
                near += table[term, source]
        near += min(table[_AGAINST, source], 0.0)
        shared = damping * (table[_SHARED_FACETS, source] + table[_NEW_SHARED_FACETS, source])
        linked = table[_EASE, source] if together[source] else 0.0
        for term in range(_FIRST_LINK, _FIRST_LINK + _LINKS):
            linked += table[term, source]
        linked *= damping
        total += max(near + shared + linked, 0.0)
        likeness += max(near + shared, 0.0)
        covisits += max(linked, 0.0)
        above = near if near > chance[source] else min(near, 0.0)
        parts[source] = 0.0 if unliked[source] else max(above + shared + linked, 0.0)
    long, ease, again, popular = damping * table[_LONG, s], damping * table[_EASE, s], table[_AGAIN, s], 0.0
    for term in range(_FIRST_OF_CROWD, _FIRST_OF_CROWD + _CROWD):
        popular += table[term, s]
    total += max(long + ease, 0.0) + max(again, 0.0) + max(popular, 0.0)
    covisits += max(ease, 0.0) + again
    popularity = max(popular, 0.0)
    parts[s] = max(long + ease, 0.0) if earlier else 0.0
    parts[s + 1] = max(again, 0.0)
    parts[s + 2] = popularity if told else 0.0
    if likeness >= covisits and likeness >= popularity:
        return total, 0
    return total, 1 if covisits >= popularity else 2


@compiled
def _choose(parts: Doubles, total: float, chosen: Indices, shares: Doubles) -> None:
    """Up to three parts that are reasons, largest first, and their shares of all points that speak for the item.

    None if nothing does. Those above the least share, and what an event gave it most in any case. Shares are rounded
    down to thousandths, so that they never add up to more than 1.
    """
    events, event, largest = len(parts) - 3, 0, 0.0
    by = 1000.0 / max(total, 1e-9)
    for part in range(len(parts)):
        share = np.floor(by * parts[part] + _ROUNDED) / 1000.0
        if part < events and share > largest:
            event, largest = part, share
        if share <= shares[MOST_REASONS - 1]:
            continue
        place = MOST_REASONS - 1
        while place and share > shares[place - 1]:
            chosen[place], shares[place] = chosen[place - 1], shares[place - 1]
            place -= 1
        chosen[place], shares[place] = part, share
    found, named = 0, largest <= 0.0
    for place in range(MOST_REASONS):
        if chosen[place] >= 0 and (not place or shares[place] >= _LEAST_SHARE):
            found += 1
            named = named or chosen[place] == event
        else:
            chosen[place], shares[place] = -1, 0.0
    if found and not named:
        place = min(found, MOST_REASONS - 1)
        chosen[place], shares[place] = event, largest
