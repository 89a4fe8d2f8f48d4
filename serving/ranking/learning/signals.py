"""The signals of the score: what is known of a user and an item as numbers, which `blend.py` learns to weigh."""

from enum import IntEnum

import numpy as np

from serving.arrays import Floats
from serving.ranking.popularity import FADES, Popularity

__all__ = ["Signal"]


class Signal(IntEnum):
    """In the order of the weights. n_j is how much interaction item j had, d_j the same with a weight that fades."""

    CO_OCCURRENCE = 0  # log1p(cos/.03), users of the items in the ring interact with it, too
    SLOW_CO_OCCURRENCE = 1  # the same, with a slow decay of the ring's older items
    TRANSITION = 2  # log1p(fwd/.01), it comes after the items in the ring
    SESSION_CO_OCCURRENCE = 3  # as CO_OCCURRENCE, with items of the same minute
    REPEAT = 4  # it stands in the ring
    LAST = 5  # it stands first there
    RECENCY = 6  # .8^p, p its newest place there, from 0
    FREQUENCY = 7  # log(places there)
    OWN_ORDER = 8  # Σ .8^p, it came before right after the item that stands first, at places p
    CONTENT = 9  # cosine of its vector with the decayed direction of the ring
    NEW_CONTENT = 10  # the same over 1 + n_j: of what nobody knows yet
    SHARED_FACETS = 11  # cosine of its facets with those of the ring (serving/facet_values.py)
    NEW_SHARED_FACETS = 12  # the same over 1 + n_j
    EASE = 13  # log1p(lin/.05), what goes with the whole history (serving/ranking/ease.py)
    TOTAL = 14  # log1p(n_j)
    LAST_10 = 15  # log1p(5 d_j), d_j with .9 for each event of anybody since
    LAST_100 = 16  # with .99
    RECENT = 17  # with .999
    HOUR = 18  # with half for each hour since
    DAY = 19
    WEEK = 20
    MONTH = 21
    AGE = 22  # -log1p(events of anybody since its last one; 0 if it has none), how stale it is
    AGE_HOURS = 23  # -log1p(hours since its last one; if it has none, since the first of all)
    FIRST = 24  # -log1p(events of anybody since its first one; 0 if it has none), how new it is
    FIRST_HOURS = 25  # the same in hours


POPULARITY_SIGNALS = [
    Signal.TOTAL,
    Signal.LAST_10,
    Signal.LAST_100,
    Signal.RECENT,
    Signal.HOUR,
    Signal.DAY,
    Signal.WEEK,
    Signal.MONTH,
    Signal.AGE,
    Signal.AGE_HOURS,
    Signal.FIRST,
    Signal.FIRST_HOURS,
]
NEIGHBOUR_SIGNALS = [
    Signal.CO_OCCURRENCE,
    Signal.SLOW_CO_OCCURRENCE,
    Signal.TRANSITION,
    Signal.SESSION_CO_OCCURRENCE,
    Signal.REPEAT,
    Signal.LAST,
    Signal.RECENCY,
    Signal.FREQUENCY,
    Signal.OWN_ORDER,
]
# Where they stand in an array by `Signal`: a slice takes a tenth of the time that a list of them does.
BY_POPULARITY = slice(Signal.TOTAL, Signal.FIRST_HOURS + 1)
BY_NEIGHBOURS = slice(Signal.CO_OCCURRENCE, Signal.OWN_ORDER + 1)
BY_LIKENESS = slice(Signal.NEW_CONTENT, Signal.NEW_SHARED_FACETS + 1)  # what goes with likeness, but for CONTENT
BY_OWN = slice(Signal.CO_OCCURRENCE, Signal.EASE + 1)  # all by what this user did


def popularity_signals(popularity: Popularity, n: int) -> Floats:
    """The `POPULARITY_SIGNALS` of the first `n` items, `(12, n)`, each without its mean."""
    signals = popularity.everything(n)
    signals[1 : 1 + FADES] *= np.float32(5.0)
    signals += np.float32(1.0)
    np.log(signals, out=signals)  # not log1p, which takes twenty times as long
    np.negative(signals[1 + FADES :], out=signals[1 + FADES :])
    if n:
        signals -= signals.mean(axis=1, keepdims=True)
    return signals
