"""EASE, a linear model of items by items over whole histories: what goes with all that a user interacted with.

With x_u the strengths, in [0, 1], of the interactions of user u, and G = Σ_u x_u·x_uᵀ, it is the ridge regression of
each item on all others (EASE: Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019),

    P = (G + λ·I)⁻¹    B_ij = -P_ij / P_jj    B_jj = 0    lin(j) = Σ_i x_ui·B_ij

λ is twice the mean of G's diagonal, so that one setting does for little and for much. G is counted event by event,
since each brings what its user had interacted with before, and B is fitted again now and then. Both are dense, so they
are kept for the `TOP_ITEMS` items of the most interaction: a model of the others would rest on nothing.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from serving.arrays import Doubles, Floats, Rows
from serving.compiled import compiled

__all__ = ["fit"]

EASE_UNIT = np.float32(0.05)  # where its logarithm bends
TOP_ITEMS = 1024  # 4 MiB for G and for B; a fit takes 100 ms of a core. On MovieLens-100K 512 cost .005 of the hit rate
_RIDGE, _LEAST_RIDGE = 2.0, 5.0  # λ in mean counts of an item, and what it is at least
_SOONEST, _LATEST, _GROWTH = 500, 10_000, 0.1  # events between fits: a tenth of all so far, within these
_PROMOTED_FROM = 1.25  # an item takes the place of a top item that has so many times less interaction


_MOST_USERS = 255  # that are told apart
_Users = npt.NDArray[np.uint8]


class History(NamedTuple):
    """What a user interacted with. rows: `(h,)`, each once. strengths: `(h,)`, sums of co-visit weights, in (0, 1]."""

    rows: Rows
    strengths: Floats


def history_of(ring: Rows, covisits: Doubles, older_items: Rows, strengths: Floats) -> History:
    """The ring's items, whose events add up, then what came before; items that nobody knows (row -1) are left out.

    >>> history_of(np.array([3, 1, 3]), np.array([0.5, 0.25, 1.0]), np.array([7, -1]), np.float32([0.5, 1.0]))
    History(rows=array([3, 1, 7]), strengths=array([1.  , 0.25, 0.5 ], dtype=float32))
    """
    return History(*_history(ring, covisits, older_items, strengths))


@compiled
def _history(ring: Rows, covisits: Doubles, older_items: Rows, strengths: Floats) -> tuple[Rows, Floats]:
    rows, summed = np.empty(len(ring) + len(older_items), np.int64), np.zeros(len(ring) + len(older_items))
    h = 0
    for p in range(len(ring)):
        if covisits[p] > 0.0:
            at = 0
            while at < h and rows[at] != ring[p]:
                at += 1
            h = max(h, at + 1)
            rows[at] = ring[p]
            summed[at] = min(summed[at] + covisits[p], 1.0)
    for each in range(len(older_items)):
        if older_items[each] >= 0:
            rows[h], summed[h] = older_items[each], strengths[each]
            h += 1
    return rows[:h].copy(), summed[:h].astype(np.float32)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fit. rows: `(m,)`, the top items. places: by row, which of them it is, or -1. weights: B, `(m, m)`."""

    rows: Rows
    places: npt.NDArray[np.int32]
    weights: Floats

    def sums(self, history: History) -> Floats:
        """The sums lin of the items in `rows`, `(m,)`."""
        return _sums(self.weights, self.places, history)

    def add_to(self, points: Floats, history: History, weight: np.float32) -> None:
        """Add `weight` times the signal, log1p(lin / .05), to those of all items `(n,)`."""
        if len(history.rows):
            _add(points, self.rows, (self.weights, self.places), history, weight)

    def terms(self, history: History, rows: Rows) -> Floats:
        """`(r, h)`: what each item of a history adds to lin of some items; zeros that are not among the top."""
        return _terms(self.weights, self.places, history, rows)


@compiled
def _sums(weights: Floats, places: npt.NDArray[np.int32], history: History) -> Floats:
    sums = np.zeros(weights.shape[1], np.float32)
    for each in range(len(history.rows)):
        by = places[history.rows[each]] if history.rows[each] < len(places) else -1
        if by >= 0:
            row, strength = weights[by], history.strengths[each]
            for place in range(len(row)):
                sums[place] += strength * row[place]
    return sums


@compiled
def _add(
    points: Floats, rows: Rows, of: tuple[Floats, npt.NDArray[np.int32]], history: History, weight: np.float32
) -> None:
    sums = _sums(of[0], of[1], history)
    for each in range(len(rows)):
        if sums[each] > 0.0:
            points[rows[each]] += weight * np.log(np.float32(1.0) + sums[each] / EASE_UNIT)


@compiled
def _terms(weights: Floats, places: npt.NDArray[np.int32], history: History, rows: Rows) -> Floats:
    terms = np.zeros((len(rows), len(history.rows)), np.float32)
    for each in range(len(history.rows)):
        by = places[history.rows[each]] if history.rows[each] < len(places) else -1
        for at in range(len(rows)):
            to = places[rows[at]] if rows[at] < len(places) else -1
            if by >= 0 and to >= 0:
                terms[at, each] = weights[by, to] * history.strengths[each]
    return terms


@dataclass(frozen=True, slots=True)
class Gram:
    """G as it stood. rows: `(m,)`, the top items. counts: `(m, m)`. events: how many it was counted from.

    users: `(m, m) uint8`, of how many users each count is, 255 for more; of the diagonal nothing is told.
    """

    rows: Rows
    counts: Floats
    events: int
    users: _Users


def ridge(gram: Gram) -> float:
    """λ: doubled until no eigenvalue of G + λ·I lies below λ / 2.

    Sums of x·xᵀ have none below 0. Where counting began late they are not whole: histories then name items whose own
    events were not counted.
    """
    ridge = max(_RIDGE * float(gram.counts.trace()) / max(len(gram.rows), 1), _LEAST_RIDGE)
    while not _is_positive(_raised(gram.counts, ridge / 2)):
        ridge *= 2
    return ridge


def fit(gram: Gram) -> Fitted:
    """B of a G. For another thread, which it keeps busy for some 100 ms: it changes nothing else."""
    m = len(gram.rows)
    inverse = np.linalg.inv(_raised(gram.counts, ridge(gram)))
    weights: Floats = (-inverse / np.diag(inverse)).astype(np.float32)
    np.fill_diagonal(weights, 0.0)
    places = np.full(int(gram.rows.max(initial=0)) + 1, -1, np.int32)
    places[gram.rows] = np.arange(m)
    return Fitted(gram.rows, places, weights)


def _raised(counts: Floats, by: float) -> Floats:
    return counts + np.float32(by) * np.eye(len(counts), dtype=np.float32)


def _is_positive(matrix: Floats) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


class Ease:
    """Counts G, and keeps the last fit. One writer, readers in the same thread.

    least: how many users two items need in common before the model is fitted to it (serving/ranking/covisits.py).

    >>> ease, two = Ease(top=4), History(np.array([2]), np.float32([1.0]))
    >>> for _ in range(300):
    ...     ease.add(2, 1.0, History(np.array([], np.intp), np.float32([])))
    ...     ease.add(5, 1.0, two)
    >>> fitted = fit(ease.begin(np.ones(6, np.float32)))
    >>> fitted.rows.tolist(), (100 * fitted.sums(two)).round().tolist()
    ([2, 5], [0.0, 33.0])
    """

    def __init__(self, top: int = TOP_ITEMS, least: int = 1) -> None:
        self._most = top
        self._least = least
        self._clear()

    def _clear(self) -> None:
        self.fitted: Fitted | None = None
        self.events = 0
        self._fitted_at = 0
        self._rows: Rows = np.full(self._most, -1, np.intp)  # by place, -1 while it is free
        self._places: npt.NDArray[np.int32] = np.full(1024, -1, np.int32)  # by row
        self._taken = 0
        self._counts: Floats = np.zeros((self._most, self._most), np.float32)
        self._users: _Users = np.zeros((self._most, self._most), np.uint8)

    def add(self, row: int, covisit: float, history: History) -> None:
        """Count an event of co-visit weight `covisit` on an item, unless its user had interacted with it before."""
        self.events += 1
        self._reserve(max(row, int(history.rows.max(initial=0))) + 1)
        kept = (self._rows, self._places, self._counts, self._users)
        self._taken = _count(row, np.float32(min(covisit, 1.0)), history, kept, self._taken)

    @property
    def due(self) -> bool:
        """Whether enough came since the last fit for another."""
        between = min(max(_GROWTH * self.events, _SOONEST), _LATEST)
        return self.events - self._fitted_at >= between

    def begin(self, totals: Floats) -> Gram:
        """G for a fit, after the top items are chosen again. totals: n_j by row."""
        self._fitted_at = self.events
        self._promote(totals)
        gram = self.gram()
        if self._least > 1:
            gram.counts[(gram.users < self._least) & ~np.eye(len(gram.rows), dtype=np.bool_)] = 0.0
        return gram

    def gram(self) -> Gram:
        """A copy of G."""
        part = slice(self._taken), slice(self._taken)
        return Gram(self._rows[: self._taken].copy(), self._counts[part].copy(), self.events, self._users[part].copy())

    def restore(self, gram: Gram) -> None:
        """Go on from a copy, whose rows are this catalogue's. What was here is dropped."""
        self._clear()
        self.events, self._taken = gram.events, len(gram.rows)
        self._reserve(int(gram.rows.max(initial=0)) + 1)
        self._rows[: self._taken] = gram.rows
        self._places[gram.rows] = np.arange(self._taken)
        self._counts[: self._taken, : self._taken] = gram.counts
        self._users[: self._taken, : self._taken] = gram.users

    def _promote(self, totals: Floats) -> None:
        """Once the top is full: of the others those of the most interaction take the places of those of the least."""
        n = min(len(totals), len(self._places))
        if self._taken < len(self._rows) or n <= self._taken:
            return
        outside = np.flatnonzero(self._places[:n] < 0)
        rising = outside[np.argsort(-totals[outside], kind="stable")[: self._taken]]
        falling = np.argsort(totals[self._rows], kind="stable")[: len(rising)]
        promoted = totals[rising] > _PROMOTED_FROM * totals[self._rows[falling]]
        for row, place in zip(rising[promoted].tolist(), falling[promoted].tolist(), strict=True):
            self._places[self._rows[place]], self._places[row] = -1, place
            self._rows[place] = row
            self._counts[place, :] = self._counts[:, place] = 0.0
            self._users[place, :] = self._users[:, place] = 0

    def _reserve(self, n: int) -> None:
        have = len(self._places)
        if n > have:
            self._places = np.concatenate([self._places, np.full(max(n, 2 * have) - have, -1, np.int32)])


@compiled
def _count(
    row: int, own: np.float32, history: History, kept: tuple[Rows, npt.NDArray[np.int32], Floats, _Users], taken: int
) -> int:
    """Count an interaction of strength `own` with an item, first of its user, whose history this is.

    kept: rows by place, places by row, G and its users. Items get a place as long as one of those is free; `taken` are
    not, which it returns as they are then.
    """
    rows, places, counts, users = kept
    for each in range(len(history.rows)):
        if history.rows[each] == row:
            return taken
    for each in range(-1, len(history.rows)):
        item = row if each < 0 else history.rows[each]
        if places[item] < 0 and taken < len(rows):
            rows[taken], places[item] = item, taken
            taken += 1
    place = places[row]
    if place >= 0:
        for each in range(len(history.rows)):
            other = places[history.rows[each]]
            if other >= 0:
                both = own * history.strengths[each]
                counts[place, other] += both
                counts[other, place] += both
                if own > 0.0 and users[place, other] < _MOST_USERS:
                    users[place, other] += 1
                    users[other, place] += 1
        counts[place, place] += own * own
    return taken
