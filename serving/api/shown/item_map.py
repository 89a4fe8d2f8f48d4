"""The map of items: where each lies on a disc, by what its title and text say; made when asked for, and kept."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock

import msgspec
import numpy as np

from serving.api.followed.item_details import ItemDetails
from serving.api.shown.named_interests import is_number
from serving.api.shown.projection import Projection, project
from serving.arrays import Vector, Vectors

__all__ = ()

_MOST = 20_000  # items that are drawn, and of which it is learned
_GROWN = 1.1  # times as many items: then it is learned anew, and everything moves
_AT_ONCE = 4096
_NAMED = (2, 40)  # values that a facet has, for items to be grouped by it
_LABELS = 12


class Label(msgspec.Struct):
    """A value of the facet, where its items lie: x and y are their medians."""

    name: str
    x: float
    y: float
    items: int


class Map(msgspec.Struct):
    """facet: by which items are grouped, "" for none. labels: its commonest values, commonest first.

    items, x, y, group: alike in order, items that are on offer, 20,000 at most; x and y from -1 to 1 within the unit
    disc; group: the place in `labels` of the rarest of the item's values, -1 if it has none of them.
    """

    facet: str
    labels: list[Label]
    items: list[str]
    x: list[float]
    y: list[float]
    group: list[int]


@dataclass(frozen=True)
class _Learned:
    fingerprint: str
    count: int
    projection: Projection


class ItemMap:
    """Its methods may block for some 100 ms with 10,000 items: call them in a thread."""

    def __init__(self, items: ItemDetails) -> None:
        self._items = items
        self._lock = Lock()
        self._learned: _Learned | None = None
        self._drawn: tuple[int, Map] | None = None

    def drawn(self) -> Map:
        """As of now. Items that come move nothing, until there are a tenth more."""
        with self._lock:
            changes = self._items.changes
            if self._drawn is None or self._drawn[0] != changes:
                self._drawn = (changes, self._draw())
            return self._drawn[1]

    def place(self, vectors: list[Vector]) -> list[tuple[float, float] | None]:
        """Where these would lie. None for one that says nothing, or of another model folder than the items'."""
        self.drawn()
        learned = self._learned
        return [None if learned is None else _placed(learned.projection, vector) for vector in vectors]

    def _draw(self) -> Map:
        fingerprint, ids, rows = self._items.vectors.snapshot()
        at = [row for row, item_id in enumerate(ids) if item_id and self._items.is_offered(item_id, {})][:_MOST]
        if not at:
            return Map("", [], [], [], [], [])
        vectors: Vectors = rows[at].astype(np.float32)
        names = [ids[row] for row in at]
        facet, values = _grouping([self._items.facets(name) for name in names])
        counts = Counter(value for each in values for value in each)
        learned = self._learned
        if learned is None or learned.fingerprint != fingerprint or not _alike(learned.count, len(names)):
            learned = self._learned = _Learned(fingerprint, len(names), project(vectors, _rows_of(values)))
        places = np.concatenate([learned.projection.place(part) for part in _parts(vectors)]).round(4)
        labels = [value for value, _ in counts.most_common(_LABELS)]
        index = {value: number for number, value in enumerate(labels)}
        return Map(
            facet,
            [_label(value, places[[value in each for each in values]]) for value in labels],
            names,
            places[:, 0].tolist(),
            places[:, 1].tolist(),
            [max((index[value] for value in each if value in index), default=-1) for each in values],
        )


def _grouping(facets: list[dict[str, str | list[str]]]) -> tuple[str, list[list[str]]]:
    """The facet that says most of most items, and its values by item: which has the most values, up to 40."""
    found: dict[str, set[str]] = defaultdict(set)
    having = Counter[str]()
    for each in facets:
        for name, value in each.items():
            values = _texts(value)
            having[name] += bool(values)
            if len(found[name]) <= _NAMED[1]:
                found[name].update(values)
    fit = [
        name
        for name, values in found.items()
        if _NAMED[0] <= len(values) <= _NAMED[1] and 2 * having[name] >= len(facets)
    ]
    if not fit:
        return "", [[] for _ in facets]
    best = max(sorted(fit), key=lambda name: len(found[name]))
    return best, [_texts(each.get(best, [])) for each in facets]


def _texts(value: str | list[str]) -> list[str]:
    return [each for each in ([value] if isinstance(value, str) else value) if not is_number(each)]


def _rows_of(values: list[list[str]]) -> list[np.ndarray[tuple[int], np.dtype[np.intp]]]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, each in enumerate(values):
        for value in each:
            rows[value].append(row)
    return [np.array(rows[value], np.intp) for value in sorted(rows)]


def _label(value: str, places: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Label:
    x, y = np.median(places, axis=0).round(4).tolist()
    return Label(value, x, y, len(places))


def _parts(vectors: Vectors) -> Iterable[Vectors]:
    return (vectors[first : first + _AT_ONCE] for first in range(0, len(vectors), _AT_ONCE))


def _alike(learned: int, now: int) -> bool:
    return learned / _GROWN <= now <= learned * _GROWN


def _placed(projection: Projection, vector: Vector) -> tuple[float, float] | None:
    length = float(np.linalg.norm(vector))
    if not length or vector.shape != projection.mean.shape:
        return None
    x, y = projection.place((vector / length)[None])[0].round(4).tolist()
    return x, y
