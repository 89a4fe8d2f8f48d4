"""What stands near a user's ring in the rows of co-visits: the sparse signals of the score.

For the ring items i_p of co-visit weights w_p and ages p, 0 the newest's, g_p seconds before the newest, and each item
j in their rows,

    cos(j) = Σ_p w_p·.8^p·S[i_p][j] / sqrt((n_ip + 2)(n_j + 2))    fwd(j) = Σ_p w_p·.5^p·A[i_p][j] / (n_ip + 1)

and cos once more with .95^p, and once with 2^(-g_p / 40 s) instead; with S and A of `serving.ranking.covisits` and n
the totals of `serving.ranking.popularity`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serving.arrays import Doubles, Floats, Indices, Rows
from serving.ranking.covisits import CoVisitRows
from serving.state.user_state import RING

__all__ = ()

_CO_OCCURRENCE_DECAY = 0.8 ** np.arange(RING)
_SLOW_DECAY = 0.95 ** np.arange(RING)
_TRANSITION_DECAY = 0.5 ** np.arange(RING)
_SESSION_HALF_LIFE_S = 40.0  # who looks through a page of things clicks on several within a minute
_UNITS = (0.03, 0.03, 0.01, 0.03)  # where the logarithms bend: a fifth of a usual value
_SIGNALS = len(_UNITS) + 5


@dataclass(frozen=True, slots=True)
class ItemNeighbours:
    """The neighbours of a ring of `t` items, whose rows are `ring`, newest first.

    rows: `(u,)`, ascending, the ring's own among them. signals: `(9, u)`, the `NEIGHBOUR_SIGNALS`: four by the rows of
    co-visits, and five by the ring alone: REPEAT, LAST, RECENCY, FREQUENCY and OWN_ORDER. items, owners: `(m,)`, the
    rows' entries: the neighbour, and the place in the ring of the row it stands in. terms: `(4, m)`, what each entry
    adds to the sums of the first four signals.
    """

    ring: Rows
    rows: Rows
    signals: Floats
    items: npt.NDArray[np.int32]
    owners: Indices
    terms: Doubles

    def of(self, rows: Rows) -> Floats:
        """The signals of some items, `(9, r)`; zeros for those that are no neighbours."""
        if not len(self.rows):
            return np.zeros((_SIGNALS, len(rows)), np.float32)
        at = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where(self.rows[at] == rows, self.signals[:, at], np.float32(0.0))

    def forget_repeats(self, rows: Iterable[int]) -> None:
        """Let it say nothing of some items that they stand in the ring: when they come again is known better."""
        if known := set(rows):
            self.signals[len(_UNITS) :, np.isin(self.rows, list(known))] = 0.0

    def shares(self, rows: Rows, n: int) -> Doubles:
        """How the four sums of some items divide among the ring, `(4, r, t)`; each sums to 1 over t, or is zero.

        n: how many rows the catalogue has.
        """
        place = np.full(n, -1, np.int32)
        place[rows] = np.arange(len(rows))
        at = place[self.items]
        listed = np.flatnonzero(at >= 0)
        t = len(self.ring)
        cells = at[listed] * t + self.owners[listed]
        table: Doubles = np.zeros((len(self.terms), len(rows), t))
        for number, terms in enumerate(self.terms):
            table[number].flat = np.bincount(cells, terms[listed], minlength=len(rows) * t)
        table /= np.maximum(table.sum(axis=2, keepdims=True), 1e-12)
        return table


def item_neighbours(
    ring: Rows, ages: Indices, gaps_s: Floats, weights: Floats, covisits: CoVisitRows, totals: Floats
) -> ItemNeighbours:
    """The neighbours of a ring. `ring`, `ages`, `gaps_s`, `weights`: `(t,)`, newest first, ages below `RING`.

    `totals`: n_j of all.
    """
    t, n = len(ring), len(totals)
    links = covisits.links(ring.tolist())
    owners = np.repeat(np.arange(t), np.diff(links.starts))
    co_occurrence = weights * _CO_OCCURRENCE_DECAY[ages] / np.sqrt(totals[ring] + 2.0)
    slow_co_occurrence = weights * _SLOW_DECAY[ages] / np.sqrt(totals[ring] + 2.0)
    transition = weights * _TRANSITION_DECAY[ages] / (totals[ring] + 1.0)
    session = weights * 0.5 ** (gaps_s / _SESSION_HALF_LIFE_S) / np.sqrt(totals[ring] + 2.0)
    damped = links.co_occurrence / np.sqrt(totals[links.items] + 2.0)
    terms = np.stack(
        [
            co_occurrence[owners] * damped,
            slow_co_occurrence[owners] * damped,
            transition[owners] * links.transition,
            session[owners] * damped,
        ]
    )
    found = [np.bincount(links.items, each, minlength=n) for each in terms]
    close = found[0] > 0
    close[ring] = True
    rows = np.flatnonzero(close)
    sums = [np.log1p(each[rows] / unit) for each, unit in zip(found, _UNITS, strict=True)]
    signals = np.stack([*sums, *(each[rows] for each in _by_ring(ring, ages, n))])
    return ItemNeighbours(ring, rows, signals.astype(np.float32), links.items, owners, terms)


def _by_ring(ring: Rows, ages: Indices, n: int) -> Doubles:
    """REPEAT, LAST, RECENCY, FREQUENCY and OWN_ORDER of all items, `(5, n)`."""
    signals: Doubles = np.zeros((5, n))
    repeat, last, recency, frequency, own_order = signals
    repeat[ring] = 1.0
    last[ring[:1]] = 1.0
    faded = _CO_OCCURRENCE_DECAY[ages]
    np.maximum.at(recency, ring, faded)
    frequency[ring] = np.log(np.bincount(ring, minlength=n)[ring])
    before = 1 + np.flatnonzero(ring[1:] == ring[:1])
    np.add.at(own_order, ring[before - 1], faded[before])
    return signals
