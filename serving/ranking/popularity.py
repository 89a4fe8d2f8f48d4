"""What is known of items from everybody's events, by the catalogue's row numbers.

How popular an item is depends on how far back one looks: a shop's week, a newspaper's hour. So interaction is summed up
over all time, and seven times more with weights that fade: per event of anybody, and per time.

The n-th event of a user's day counts min(1, 3·u / n)² by what is usual (serving/ranking/learning/fair_share.py), and
lets as much of an event pass: else a hundred users with fifty events each would be all that is left of late, and what
thousands did before them would have faded. Co-visits are related to sums of everything.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serving.arrays import Doubles, Rows
from serving.compiled import compiled
from serving.ranking.learning.fair_share import Usual

__all__ = ()

_HOUR_MS = 3_600_000
_BY_EVENTS = (0.9, 0.99, 0.999)  # what is left after one more event of anybody
_BY_TIME = (_HOUR_MS, 24 * _HOUR_MS, 7 * 24 * _HOUR_MS, 30 * 24 * _HOUR_MS)  # half-lives in ms
FADES = len(_BY_EVENTS) + len(_BY_TIME)
RECENT = 2  # of the fading sums the one that is left where only one is asked for: .999 per event
# Half-lives passed per event, and per ms; what goes by the one does not go by the other.
_PER_EVENT = np.array([*(-np.log2(_BY_EVENTS)), *(0.0 for _ in _BY_TIME)])
_PER_MS = np.array([*(0.0 for _ in _BY_EVENTS), *(1.0 / each for each in _BY_TIME)])

_FIRST_NEWNESS, _NEWNESS_STEP = 0.02, 1e-3
_MOST_HALVINGS = 600.0  # float64 ends near 2**1024: far enough away for any single co-visit weight
_FREE = 3.0  # times what is usual counts whole: with 1, critics lose .004 of their hits, with 4 a farm takes too many
_GRAIN = 1024.0  # parts of an event that may pass: exact in binary, so that a copy goes on from the same number
MOMENTS = 4  # of an item: numbers of its first and last event, and their times


@dataclass(frozen=True, slots=True)
class Sums:
    """What `Popularity` holds at one moment, by row, copies of its own.

    totals, shares: `(n,)`. fading: `(n, FADES)`, as weighted since `since`. moments: `(n, 4)`: numbers of an item's
    first and last event, from 1, 0 for none, and their times in ms. since: `(FADES,)`, half-lives passed when an event
    counted 1. now: `(FADES,)`, half-lives passed at the newest event. events: how many came in all. began_ms,
    newest_ms: times of the earliest and latest of them. days: how many of users' days reached
    an n-th event (serving/ranking/learning/fair_share.py); empty where that is not known.
    """

    totals: Doubles
    fading: Doubles
    moments: Doubles
    since: Doubles
    now: Doubles
    events: int
    began_ms: float
    newest_ms: float
    shares: Doubles
    days: tuple[float, ...] = ()


def earlier_sums(totals: Doubles, decayed: Doubles, last: Doubles, events: int) -> Sums:
    """What is known where only totals, the one sum of .999 per event, and numbers of last events were kept, `(n,)`."""
    fading, moments = np.zeros((len(totals), FADES)), np.zeros((len(totals), MOMENTS))
    fading[:, RECENT] = decayed
    moments[:, 0], moments[:, 1] = last > 0, last
    now = events * _PER_EVENT
    return Sums(totals, fading, moments, since=now, now=now, events=events, began_ms=0.0, newest_ms=0.0, shares=totals)


class Popularity:
    """How much interaction each item has, in all and of late, and when. One writer, readers in the same thread.

    `totals` is n_i, the sum of the co-visit weights of the events on item i, and `shares` the same, in which a user who
    does more within a day than is usual counts less. `fading` are sums of such weights, in each of which an
    event's weight is multiplied by a decay for every event of anybody that came later, or halves with the time until
    the newest event. Instead of changing every item on every event, an event is added with a weight that grows by
    that, and readers divide by the present one (forward decay: Cormode et al., "Forward Decay: A Practical Time Decay
    Model for Streaming Systems", ICDE 2009). So it does not matter to a sum by time in which order events come.

    `newness` is the share of late events that are the first on their item, over about the last 1,000, from a start
    on.

    >>> popularity = Popularity()
    >>> for row in (0, 1, 1):
    ...     popularity.add(row, 1.0)
    >>> popularity.totals(3).tolist(), (100 * popularity.fading(3)[0]).round().tolist()
    ([1.0, 2.0, 0.0], [81.0, 190.0, 0.0])
    >>> popularity.ages(3).tolist()
    [2.0, 0.0, 0.0]
    """

    def __init__(self, capacity: int = 1024) -> None:
        self.events = 0
        self._passed = 0.0  # of them, each by its share
        self.newness = _FIRST_NEWNESS
        self._totals: Doubles = np.zeros(capacity)
        self._shares: Doubles = np.zeros(capacity)
        self._usual = Usual()
        self._fading: Doubles = np.zeros((capacity, FADES))
        self._moments: Doubles = np.zeros((capacity, MOMENTS))
        self._since: Doubles = np.zeros(FADES)
        self._now: Doubles = np.zeros(FADES)
        self._began_ms = self._newest_ms = 0.0

    def add(self, row: int, covisit: float, time_ms: int = 0, nth: int = 1) -> None:
        """Count one event of co-visit weight `covisit` ≥ 0 on the item in `row`. time_ms: 0 if that is not known.

        nth: the how-manieth of its user's events of a day it is, from 1.
        """
        share = max(round(_GRAIN * self._usual.share_of(nth, _FREE)), 1) / _GRAIN
        if row >= len(self._totals):
            self._reserve(row + 1)
        at_ms = float(time_ms) or self._newest_ms
        if not self.events:
            self._began_ms = self._newest_ms = at_ms
        self._began_ms, self._newest_ms = min(self._began_ms, at_ms), max(self._newest_ms, at_ms)
        self.events += 1
        self._passed += share
        self.newness += share * _NEWNESS_STEP * (float(self._totals[row] == 0) - self.newness)
        weights = covisit, covisit * share
        _count(
            (self._totals, self._shares, self._fading, self._moments),
            (self._now, self._since),
            row,
            weights,
            (self._passed, at_ms),
        )

    def totals(self, n: int) -> npt.NDArray[np.float32]:
        """n_i of the first `n` rows, `(n,) float32`, ≥ 0."""
        self._reserve(n)
        return self._totals[:n].astype(np.float32)

    def fading(self, n: int) -> npt.NDArray[np.float32]:
        """The fading sums of the first `n` rows, `(FADES, n) float32`, ≥ 0; the newest event counts whole."""
        self._reserve(n)
        faded: Doubles = (self._fading[:n] * np.exp2(self._since - self._now)).T
        told: npt.NDArray[np.float32] = faded.astype(np.float32)
        return told

    def ages(self, n: int) -> npt.NDArray[np.float32]:
        """Events since the last one on each of the first `n` rows, `(n,) float32`; 0 where there was none yet."""
        return self._events_since(n, 1)

    def first_ages(self, n: int) -> npt.NDArray[np.float32]:
        """The same since the first one."""
        return self._events_since(n, 0)

    def hours(self, n: int) -> npt.NDArray[np.float32]:
        """Hours from each of the first `n` rows' last event to the newest; of none as if it had been the first."""
        return self._hours_since(n, 3, self._began_ms)

    def first_hours(self, n: int) -> npt.NDArray[np.float32]:
        """The same from the first event on each; of none 0."""
        return self._hours_since(n, 2, self._newest_ms)

    def everything(self, n: int) -> npt.NDArray[np.float32]:
        """`(12, n) float32`: shares, fading sums, `ages`, `hours`, `first_ages` and `first_hours`, in one pass."""
        self._reserve(n)
        times = (self._passed, self._began_ms, self._newest_ms)
        return _everything(self._shares, self._fading, self._moments, np.exp2(self._since - self._now), times, n)

    def sums(self, n: int) -> Sums:
        """A copy of the first `n` rows, bit by bit."""
        self._reserve(n)
        return Sums(
            totals=self._totals[:n].copy(),
            fading=self._fading[:n].copy(),
            moments=self._moments[:n].copy(),
            since=self._since.copy(),
            now=self._now.copy(),
            events=self.events,
            began_ms=self._began_ms,
            newest_ms=self._newest_ms,
            shares=self._shares[:n].copy(),
            days=tuple(self._usual.reached()),
        )

    def restore(self, rows: Rows, sums: Sums) -> None:
        """Take over what `sums` told, its i-th row in the place of `rows[i]`; all that was counted before is dropped.

        >>> before = Popularity()
        >>> before.add(0, 1.0), before.add(1, 1.0)
        (None, None)
        >>> after = Popularity()
        >>> after.restore(np.array([2, 0]), before.sums(2))
        >>> after.totals(3).tolist(), after.ages(3).tolist()
        ([1.0, 0.0, 1.0], [0.0, 0.0, 1.0])
        """
        for kept in (self._totals, self._shares, self._fading, self._moments):
            kept[:] = 0.0
        self._reserve(int(rows.max(initial=-1)) + 1)
        self._totals[rows], self._shares[rows] = sums.totals, sums.shares
        self._fading[rows], self._moments[rows] = sums.fading, sums.moments
        self._since, self._now = sums.since.copy(), sums.now.copy()
        self.events, self._began_ms, self._newest_ms = sums.events, sums.began_ms, sums.newest_ms
        self._usual = Usual(sums.days) if sums.days else Usual()
        self._passed = round(float(sums.now[0]) / _PER_EVENT[0] * _GRAIN) / _GRAIN

    def _events_since(self, n: int, moment: int) -> npt.NDArray[np.float32]:
        self._reserve(n)
        number = self._moments[:n, moment]
        return np.where(number > 0, self._passed - number, 0.0).astype(np.float32)

    def _hours_since(self, n: int, moment: int, otherwise_ms: float) -> npt.NDArray[np.float32]:
        self._reserve(n)
        times = np.where(self._moments[:n, 0] > 0, self._moments[:n, moment], otherwise_ms)
        return ((self._newest_ms - times) / _HOUR_MS).astype(np.float32)

    def _reserve(self, n: int) -> None:
        """Make room for `n` rows, doubling, so that growing costs little in all."""
        have = len(self._totals)
        if n > have:
            more = max(n, 2 * have) - have
            self._totals = np.concatenate([self._totals, np.zeros(more)])
            self._shares = np.concatenate([self._shares, np.zeros(more)])
            self._fading = np.concatenate([self._fading, np.zeros((more, FADES))])
            self._moments = np.concatenate([self._moments, np.zeros((more, MOMENTS))])


@compiled
def _count(
    of: tuple[Doubles, Doubles, Doubles, Doubles],
    at: tuple[Doubles, Doubles],
    row: int,
    weights: tuple[float, float],
    when: tuple[float, float],
) -> None:
    """Count one event. of: totals, shares, fading, moments; weights: what it adds to the first, and to the next two.

    at: now and since, of `Sums`. when: how many events had passed, this one, too, and its ms.
    """
    (totals, shares, fading, moments), (now, since), (number, at_ms) = of, at, when
    most = 0.0
    for each in range(FADES):
        passed = number * _PER_EVENT[each] + at_ms * _PER_MS[each]
        now[each] = max(now[each], passed)
        most = max(most, now[each] - since[each])
    if most > _MOST_HALVINGS:
        for each in range(FADES):
            fading[:, each] *= 2.0 ** (since[each] - now[each])
            since[each] = now[each]
    totals[row] += weights[0]
    shares[row] += weights[1]
    for each in range(FADES):
        passed = number * _PER_EVENT[each] + at_ms * _PER_MS[each]
        fading[row, each] += weights[1] * 2.0 ** (passed - since[each])
    first = moments[row, 0] == 0.0
    moments[row, 0] = number if first else moments[row, 0]
    moments[row, 1] = number
    moments[row, 2] = at_ms if first else min(moments[row, 2], at_ms)
    moments[row, 3] = at_ms if first else max(moments[row, 3], at_ms)


@compiled
def _everything(
    shares: Doubles, fading: Doubles, moments: Doubles, left: Doubles, times: tuple[float, float, float], n: int
) -> npt.NDArray[np.float32]:
    """left: `(FADES,)`, of what counted 1. times: how many events passed; times of the first and last of them in ms."""
    events, began_ms, newest_ms = times
    told = np.empty((5 + FADES, n), np.float32)
    for row in range(n):
        known = moments[row, 0] > 0.0
        told[0, row] = shares[row]
        told[FADES + 1, row] = events - moments[row, 1] if known else 0.0
        told[FADES + 2, row] = (newest_ms - (moments[row, 3] if known else began_ms)) / _HOUR_MS
        told[FADES + 3, row] = events - moments[row, 0] if known else 0.0
        told[FADES + 4, row] = (newest_ms - moments[row, 2]) / _HOUR_MS if known else 0.0
    for row in range(n):
        for each in range(FADES):
            told[1 + each, row] = fading[row, each] * left[each]
    return told
