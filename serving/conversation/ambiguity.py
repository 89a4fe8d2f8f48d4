"""Whether a list leaves open what is wanted, and which facet's values would settle it.

Of each value of a facet (a genre, a brand) it is asked how far its items stand out: by how many spreads their mean lies
above the median of all others, a spread being the distance from that median to the 84th percentile. What a statement
does not want lies far below, and must not count as spread. A list is open

    if no value stands out: nothing fits, or nothing was said (2.8 spreads), or
    if two do: the best one, and among the items without it another (2.4), which the first places do not have in common

and clear if most items are ruled out, as by a range of numbers. Which facet is asked about, and which values are the
choices: points become shares, `p_j ∝ 2^(points_j / T)`, and the facet is taken whose few largest values divide these
shares best: those of the largest entropy, times the shares that they cover, as nobody likes to say "none of them".
Measured by `python -m benchmarks.conversation`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from serving.arrays import Floats, Mask, Rows

if TYPE_CHECKING:
    from serving.catalogue import Catalogue  # its compiler takes a second to start, which the API does without

__all__ = ["Doubt", "doubt"]

_Values = Mapping[str, Mapping[str, Rows]]  # facet -> value -> places among the rows that are looked at


@dataclass(frozen=True, slots=True)
class Limits:
    """stands_out, also: spreads from which the best value stands out, and another beside it.

    ruled_out: points below the best from which an item is not asked for. least_items: of a value; at_least: that are
    left, and half of all. divided: among how many of the best items choices are looked for; temperature: points by
    which a share halves, as a part of the distance from the best to the median. most: choices; least: share of one.
    best, others: how many items are looked at in all, those of the most points and some of the rest.
    """

    stands_out: float = 2.8
    also: float = 2.4
    ruled_out: float = 9.0
    least_items: int = 3
    at_least: int = 12
    divided: int = 100
    temperature: float = 0.25
    most: int = 4
    least: float = 0.06
    best: int = 500
    others: int = 1500


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is open: a facet, and its values with their shares; each is of the items without the values before it."""

    facet: str
    values: tuple[str, ...]
    shares: tuple[float, ...]


def doubt(points: Floats, catalogue: "Catalogue", limits: Limits | None = None) -> Doubt | None:
    """What a list by these points `(n,)` leaves open; None: it is clear, or no facet tells its items apart."""
    limits = limits or Limits()
    finite = np.flatnonzero(np.isfinite(points))
    if not len(finite):
        return None
    left = finite[points[finite] >= points[finite].max() - limits.ruled_out]
    if len(left) < max(limits.at_least, len(finite) / 2):
        return None
    rows = _looked_at(left, points, limits)
    values = _values_of(rows, catalogue)
    if _clear(points[rows], values, limits):
        return None
    return _dividing(points[rows], values, limits)


def _looked_at(left: Rows, points: Floats, limits: Limits) -> Rows:
    """The best first, then some of the others, evenly; all of them where they are few."""
    order = left[np.argsort(-points[left], kind="stable")]
    if len(order) <= limits.best + limits.others:
        return order
    others = np.linspace(limits.best, len(order) - 1, limits.others).astype(np.intp)
    return np.concatenate([order[: limits.best], order[others]])


def _values_of(rows: Rows, catalogue: "Catalogue") -> _Values:
    """Values that are no numbers."""
    found: dict[str, dict[str, list[int]]] = {}
    for place, row in enumerate(rows.tolist()):
        item = catalogue.items[row]
        for name, values in item.facets.items() if item is not None else ():
            for value in {values} if isinstance(values, str) else dict.fromkeys(values):
                if not _is_number(value):
                    found.setdefault(name, {}).setdefault(value, []).append(place)
    return {
        name: {value: np.array(places, np.intp) for value, places in values.items()} for name, values in found.items()
    }


def _clear(points: Floats, values: _Values, limits: Limits) -> bool:
    """Whether one value stands out and no other beside it."""
    everything = np.ones(len(points), np.bool_)
    outstanding = [
        (_stands_out(points, places, everything, limits), name, value)
        for name, of in values.items()
        for value, places in of.items()
        if places[0] < limits.divided
    ]
    most, name, value = max(outstanding, default=(-math.inf, "", ""))
    if most < limits.stands_out:
        return False
    without = everything.copy()
    without[values[name][value]] = False
    also = [
        (_stands_out(points, places, without, limits), other)
        for other, places in values[name].items()
        if other != value
    ]
    second, other = max(also, default=(-math.inf, ""))
    if second < limits.also:
        return True
    first = np.arange(min(_FIRST, len(points)))
    both = np.intersect1d(values[name][value], values[name][other])
    return bool(np.isin(first, both).mean() >= _IN_COMMON)


_FIRST, _IN_COMMON = 6, 0.5  # of the first places so many have both values: then both are wanted at once


def _stands_out(points: Floats, places: Rows, among: Mask, limits: Limits) -> float:
    """By how many spreads of the others."""
    others = among.copy()
    others[places] = False
    mine, rest = points[places[among[places]]], points[others]
    if len(mine) < limits.least_items or len(rest) < limits.least_items:
        return -math.inf
    middle, high = np.quantile(rest, [0.5, 0.84])
    return float((mine.mean() - middle) / max(high - middle, 0.05))


def _dividing(points: Floats, values: _Values, limits: Limits) -> Doubt | None:
    best = points[: limits.divided].astype(np.float64)
    temperature = max(limits.temperature * float(points[0] - np.median(points)), 0.02)
    shares = np.exp2((best - best[0]) / temperature)
    shares /= shares.sum()
    divided = [each for name, of in values.items() if (each := _divided(name, of, shares, limits)) is not None]
    return max(divided, key=_worth, default=None)


def _divided(
    name: str, of: Mapping[str, Rows], shares: "np.ndarray[tuple[int], np.dtype[np.float64]]", limits: Limits
) -> Doubt | None:
    """The largest values, each by what those before it leave; None if there are not two."""
    left, chosen = shares.copy(), list[tuple[str, float]]()
    among = {value: places[places < len(shares)] for value, places in of.items()}
    while len(chosen) < min(limits.most, len(among)):
        value = max(among, key=lambda each: float(left[among[each]].sum()))
        share = float(left[among[value]].sum())
        if share < limits.least:
            break
        chosen.append((value, share))
        left[among[value]] = 0.0
    if len(chosen) < 2:
        return None
    return Doubt(name, tuple(value for value, _ in chosen), tuple(share for _, share in chosen))


def _worth(of: Doubt) -> float:
    covered = min(sum(of.shares), 1.0)
    return -covered * sum(share * math.log(share) for share in (*of.shares, 1.0 - covered) if share > 0.0)


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
