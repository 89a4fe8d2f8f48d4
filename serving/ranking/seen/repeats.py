"""What is bought again, and after how long: learned from everybody's purchases, for items and for kinds of them.

Of n purchases of an item i, r were by somebody who had bought it before, and h_b of the gaps in between fell into the
b-th of buckets a quarter of an octave wide. What is known of few purchases is drawn towards what is known of the item's
kind c (the text of its facets), and the gaps of few of a kind towards those of the whole catalogue (0):

    ρ_c = r_c / (n_c + 8)                             ρ_i = (r_i + 8·ρ_c) / (n_i + 8)     the share bought again
    p_0 = h_0 / r_0    p_c = (h_c + 5·p_0) / (r_c + 5)    p_i = (h_i + 5·p_c) / (r_i + 5)     how its gaps lie

r_c and h_c are sums over the items of the kind; one of which nothing was bought again is no consumable, whatever else
is (the means of a beta-binomial and of a Dirichlet-multinomial: Gelman et al., Bayesian Data Analysis,
2013, chapter 5). A user's own gaps are drawn towards the item's likewise; for the share only from two on, since what
was bought once more may be a present.

Whether somebody who bought of a kind t ago buys of it at all: of all purchases by such users, num_c(t) were of the kind
and den_c(t)·s_c would have been if they bought as everybody does, s_c being the kind's share of all purchases. So

    lift_c = (num_c + κ·λ) / (den_c·s_c + κ)        lift_c(t) = (num_c(t) + κ·lift_c) / (den_c(t)·s_c + κ)

for all t and for each octave of it, with λ = 1/4 and κ = 2: with a machine at home nobody needs another one, until the
evidence says more; after more than a year lift_c(t) is drawn towards 1.

All of it is counts of events with their own times: in any order the same, but for num and den, which a late event does
not correct. An item has at most 56 counts, a kind 84.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from serving.arrays import Doubles, Rows
from serving.state.purchases import VISIT_S

__all__ = ()

Counts = npt.NDArray[np.int32]
OCTAVES = 14  # from a visit on: 4 hours to 7.5 years
_PARTS = 4  # buckets of an octave
BUCKETS = OCTAVES * _PARTS
_OF_SHARES, _OF_GAPS, _OF_LIFTS = 8.0, 5.0, 2.0  # purchases, gaps and purchases that what is known of more weighs as
_OWN, _OWN_SHARE = 2.0, 5.0  # so many gaps of their own weigh as much as what everybody's say, of gaps and share
_NO_NEED = 0.25  # λ
_NEED_AGAIN = 11  # octaves, about a year: whoever has not bought of the kind for longer is as anybody else


@dataclass(frozen=True, slots=True)
class Purchase:
    """One purchase. gaps_s: since its user's one of the item before, and until the one after, 0: none.

    before: kinds of what else the user bought before, and how many seconds.
    """

    gaps_s: tuple[int, int]
    before: Sequence[tuple[str, int]] = ()


@dataclass(slots=True)
class ItemCounts:
    """Of one item or kind: how often it was bought, and the gaps between, `(BUCKETS,)`. kind: of the item."""

    kind: str = ""
    purchases: int = 0
    gaps: Counts = field(default_factory=lambda: np.zeros(BUCKETS, np.int32))


@dataclass(frozen=True, slots=True)
class RepeatCounts:
    """All that is known. rows: `(r,)`. purchases: `(r,)`. gaps: `(r, BUCKETS)`. kinds: of each row.

    lifts: kind -> num and den, `(2, OCTAVES)`.
    """

    rows: Rows
    purchases: npt.NDArray[np.int64]
    gaps: Counts
    kinds: list[str]
    lifts: Mapping[str, Counts]


@dataclass(frozen=True, slots=True)
class Usual:
    """How some items are bought again. shares: `(u,)`. gaps: `(u, BUCKETS)`, each row sums to 1."""

    shares: Doubles
    gaps: Doubles

    def quantiles_s(self, q: float) -> Doubles:
        """`(u,)`: the seconds after which the share `q` of those who buy again have done so."""
        reached = np.cumsum(self.gaps, axis=1)
        at = np.minimum((reached < q).sum(axis=1), BUCKETS - 1)
        each = np.arange(len(at))
        inside = (q - reached[each, at]) / np.maximum(self.gaps[each, at], 1e-12) + 1.0
        quantiles: Doubles = VISIT_S * 2.0 ** ((at + inside.clip(0.0, 1.0)) / _PARTS)
        return quantiles

    def bought_by(self, ago_s: Doubles) -> Doubles:
        """`(u,)`: the share of those who buy again who have done so after `ago_s`."""
        at = np.clip(_PARTS * np.log2(np.maximum(ago_s, 1.0) / VISIT_S), 0.0, BUCKETS - 1e-6)
        whole, each = at.astype(np.intp), np.arange(len(at))
        before = np.cumsum(self.gaps, axis=1)[each, whole] - self.gaps[each, whole]
        share: Doubles = before + (at - whole) * self.gaps[each, whole]
        return share


class Repeats:
    """One writer, readers in the same thread.

    >>> repeats = Repeats()
    >>> week_s = 7 * 86_400
    >>> for n in range(40):
    ...     repeats.add(0, "Beans", Purchase((0, 0) if n < 10 else (week_s, 0)))
    ...     repeats.add(1, "Machines", Purchase((0, 0)))
    >>> usual = repeats.usual([0, 1], ["Beans", "Machines"])
    >>> usual.shares.round(2).tolist()
    [0.73, 0.0]
    >>> (usual.quantiles_s(0.5) / 86_400).round(1).tolist()[0]
    6.9
    """

    def __init__(self) -> None:
        self._items: dict[int, ItemCounts] = {}
        self._kinds: dict[str, ItemCounts] = {}
        self._all = ItemCounts()
        self._lifts: dict[str, Counts] = {}

    def add(self, row: int, kind: str, purchase: Purchase) -> None:
        """Count a purchase of the item in `row`, whose kind is `kind` now."""
        item = self._items.setdefault(row, ItemCounts(kind))
        if item.kind != kind:
            _move(item, self._kinds.setdefault(item.kind, ItemCounts()), -1)
            item.kind = kind
            _move(item, self._kinds.setdefault(kind, ItemCounts()), 1)
        for counts in (item, self._kinds.setdefault(kind, ItemCounts()), self._all):
            _count(counts, purchase.gaps_s)
        latest: dict[str, int] = {}
        for other, ago_s in purchase.before:
            latest[other] = min(ago_s, latest.get(other, ago_s))
        for other, ago_s in latest.items():
            lifts = self._lifts.setdefault(other, np.zeros((2, OCTAVES), np.int32))
            lifts[:, bucket_of(ago_s) // _PARTS] += (other == kind, 1)

    def usual(
        self, rows: Sequence[int], kinds: Sequence[str], own_gaps_s: Iterable[Sequence[int]] | None = None
    ) -> Usual:
        """How the items in some rows are bought again. own_gaps_s: by one user, of each item."""
        nothing = ItemCounts()
        items, of_kinds = (
            [self._items.get(row, nothing) for row in rows],
            [self._kinds.get(k, nothing) for k in kinds],
        )
        usual = _drawn_to(_drawn_to(self._catalogue(len(rows)), of_kinds), items)
        if own_gaps_s is None:
            return usual
        own = np.zeros((len(rows), BUCKETS))
        for at, gaps_s in enumerate(own_gaps_s):
            for gap_s in gaps_s:
                own[at, bucket_of(gap_s)] += 1
        bought = own.sum(axis=1)
        habit = np.where(bought > 1, bought, 0.0)  # once more may be a present
        shares = (habit + _OWN_SHARE * usual.shares) / (habit + _OWN_SHARE)
        return Usual(shares, (own + _OWN * usual.gaps) / (bought + _OWN)[:, None])

    def lift(self, kind: str, ago_s: int) -> float:
        """How much likelier than others who bought of a kind so long ago buys of it now; below 1: less so."""
        octave = bucket_of(ago_s) // _PARTS
        counts = self._lifts.get(kind, np.zeros((2, OCTAVES), np.int32))
        of_kind = self._kinds.get(kind, ItemCounts()).purchases / max(self._all.purchases, 1)
        usual = _lift(counts.sum(axis=1), of_kind, _NO_NEED) if octave < _NEED_AGAIN else 1.0
        return _lift(counts[:, octave], of_kind, usual)

    def counts(self) -> RepeatCounts:
        """A copy of all that is known."""
        rows = np.fromiter(self._items, np.intp, len(self._items))
        items = list(self._items.values())
        return RepeatCounts(
            rows,
            np.array([item.purchases for item in items], np.int64),
            np.array([item.gaps for item in items], np.int32).reshape(-1, BUCKETS),
            [item.kind for item in items],
            {kind: lifts.copy() for kind, lifts in self._lifts.items()},
        )

    def restore(self, rows: Rows, counts: RepeatCounts) -> None:
        """Take over what `counts` told, its i-th row in the place of `rows[i]`; all that was counted before goes."""
        self._items, self._kinds, self._all = {}, {}, ItemCounts()
        self._lifts = {kind: lifts.copy() for kind, lifts in counts.lifts.items()}
        for row, kind, purchases, gaps in zip(
            rows.tolist(), counts.kinds, counts.purchases.tolist(), counts.gaps, strict=True
        ):
            item = self._items[row] = ItemCounts(kind, purchases, gaps.copy())
            for sums in (self._kinds.setdefault(kind, ItemCounts()), self._all):
                _move(item, sums, 1)

    def _catalogue(self, u: int) -> Usual:
        """What is said of kinds of which nothing is known, `u` times: not bought again, but if so, as anything is."""
        repeats = self._all.gaps.clip(0).sum()
        gaps = self._all.gaps.clip(0) / repeats if repeats else np.full(BUCKETS, 1.0 / BUCKETS)
        return Usual(np.zeros(u), np.tile(gaps, (u, 1)))


def bucket_of(gap_s: int) -> int:
    """The bucket of a gap.

    >>> [bucket_of(hours * 3600) for hours in (1, 4, 5, 8, 24, 24 * 365 * 20)]
    [0, 0, 1, 4, 10, 55]
    """
    return min(max(int(_PARTS * math.log2(max(gap_s, 1) / VISIT_S)), 0), BUCKETS - 1)


def _drawn_to(prior: Usual, counted: Sequence[ItemCounts]) -> Usual:
    """What was counted, drawn towards what is usual of more of it."""
    gaps = np.array([each.gaps for each in counted], np.float64).reshape(-1, BUCKETS).clip(0.0)
    purchases, repeats = np.array([each.purchases for each in counted], np.float64), gaps.sum(axis=1)
    return Usual(
        (repeats + _OF_SHARES * prior.shares) / (purchases + _OF_SHARES),
        (gaps + _OF_GAPS * prior.gaps) / (repeats + _OF_GAPS)[:, None],
    )


def _lift(counts: Counts, share: float, usual: float) -> float:
    """counts: `(2,)`, num and den."""
    return float((counts[0] + _OF_LIFTS * usual) / (counts[1] * share + _OF_LIFTS))


def _count(counts: ItemCounts, gaps_s: tuple[int, int]) -> None:
    """A purchase between two others ends one gap and begins two."""
    before_s, after_s = gaps_s
    counts.purchases += 1
    for gap_s in (before_s, after_s):
        if gap_s:
            counts.gaps[bucket_of(gap_s)] += 1
    if before_s and after_s:
        counts.gaps[bucket_of(before_s + after_s)] -= 1


def _move(item: ItemCounts, sums: ItemCounts, sign: int) -> None:
    sums.purchases += sign * item.purchases
    sums.gaps += sign * item.gaps
