"""Which of an item's points say something about it: what a reason may name, and what it may say of everybody.

Every item is a little like every text, so likeness to what a user wrote or interacted with says something only above
what any item has: for a text or an event of weight w in points for a cosine, and of v for each standard deviation of
facets,

    w·.1 + v·(mean of z)

.1 being a cosine that what has nothing to do with each other reaches now and then. What everybody does counts by its
largest signal, in the words for its side: points may come from an item being popular, or from its being hardly known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.arrays import Doubles, Floats, Mask, Rows
from serving.ranking.learning.signals import Signal
from serving.ranking.phrases import AGAIN, CROWD, Language
from serving.ranking.profile import SourceEvent
from serving.ranking.scorer import Scored
from serving.ranking.seen.seen_items import SeenItems
from serving.state.user_state import EventKind, RecentText

__all__ = ()

CHANCE = 0.1
# Of serving.ranking.phrases.CROWD, in the order of `Scored.popular`.
_SIGNALS = ("total", *["recent"] * 5, "week", "month", *["age"] * 2, *["first"] * 2)
_OPINIONS = {EventKind.LIKE, EventKind.DISMISS, EventKind.RATE, EventKind.REVIEW}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for `r` items.

    parts: `(r, s + 3)` ≥ 0, points that say something: by event, by what was liked before them, by what is bought again
    about now, by what everybody does.
    sums: `(r,)`, all points ≥ 0. sides: `(3, r)`, all of them by likeness, by co-visits, by popularity. crowd: of each
    item what is true of what everybody does, in words, "" if nothing is. again: why it is bought again, likewise.
    """

    parts: Doubles
    sums: Doubles
    sides: Doubles
    crowd: list[str]
    again: list[str]


def bought_again(rows: Rows, seen: SeenItems, language: Language) -> list[str]:
    """In words, of each item: that its user usually buys it again about now, or that people do; "" if not so."""
    words = AGAIN[language]
    return ["" if row not in seen.due else words["own" if row in seen.own else "usual"] for row in rows.tolist()]


def disliked(sources: Sequence[SourceEvent]) -> Mask:
    """`(s,)`: which events are on items that their user did not like, as the newest word on each item has it.

    What somebody did with such an item links others to it, and so may raise them; it is a reason for none.
    """
    newest: dict[str, SourceEvent] = {}
    for event in sources:
        known = newest.get(event.item_id)
        if event.item_id and _says_something(event) and (known is None or event.time_ms > known.time_ms):
            newest[event.item_id] = event
    return np.array(
        [event.item_id in newest and newest[event.item_id].preference <= 0 for event in sources], np.bool_
    ).reshape(-1)


def _says_something(event: SourceEvent) -> bool:
    """Whether an event on an item says that it was liked, or was not."""
    return isinstance(event, RecentText) or event.kind in _OPINIONS or event.preference < 0


def by_chance(scored: Scored) -> Doubles:
    """`(s,)`: how many points of likeness any item may have from each of the sources."""
    profile = scored.profile
    least = np.zeros(len(profile.sources))
    np.add.at(least, profile.owner, CHANCE * profile.weights.clip(0.0))
    more = profile.damping * float(scored.weights[Signal.NEW_CONTENT].clip(0.0)) * profile.liking
    np.add.at(least, profile.owner[profile.liked], CHANCE * more)
    if len(scored.standard):
        usual = profile.facet_weights.clip(0.0) * scored.standard.mean(axis=1)
        np.add.at(least, profile.owner[profile.on_facets], usual)
    return least


def crowd(points: Doubles, scored: Scored, rows: Rows, offered: Mask, language: Language) -> list[str]:
    """What is true of what everybody does, of each item, "" if nothing is.

    points: `(12, r)`. offered: `(n,)`. Popular is what has more interaction than half of what is on offer, whatever the
    mean says; hardly known what has less. Lately seen is what was interacted with later than half of what ever was, and
    new what was later interacted with for the first time.
    """
    popular, known = scored.popular, offered & (scored.newness < 1.0)
    words, signals = CROWD[language], popular[:, rows]
    high, low = (signals > 0) & (points > 0), (signals < 0) & (points > 0)
    for each, name in enumerate(_SIGNALS):
        among = known if name in {"age", "first"} else offered
        high[each] = above_half(signals[each], high[each] & among[rows], popular[each], among)
        low[each] = above_half(-signals[each], low[each] & among[rows], -popular[each], among)
    worth = np.where(high | low, points, 0.0)
    largest = worth.argmax(axis=0)
    return [
        words[f"{_SIGNALS[signal]}_{'high' if high[signal, at] else 'low'}"] if worth[signal, at] > 0 else ""
        for at, signal in enumerate(largest.tolist())
    ]


def above_half(values: Floats, asked: Mask, everything: Floats, offered: Mask) -> Mask:
    """`(r,)`: which values are larger than half of what is on offer has; only those `asked` for matter.

    Mostly all are, which the smallest tells; a median takes ten times as long.
    """
    if not asked.any():
        return asked
    if 2 * np.count_nonzero((everything < values[asked].min()) & offered) > np.count_nonzero(offered):
        return asked
    above: Mask = asked & (values > np.median(everything[offered]))
    return above
