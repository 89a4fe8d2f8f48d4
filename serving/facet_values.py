"""Which values the items' facets have, as numbers, and how much items have in common by them.

An item is a unit vector over all values, each weighing log(N / items that have it), N the number of items with any:
what two share counts the more the fewer others have it, too, and nothing if all have it. Numbers are no values: 9.99
and 10 are not two kinds.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from serving.arrays import Floats, Rows
from serving.compiled import compiled

__all__ = ["Kin"]

_MOST = 16  # values of an item: what more it has is left out, names in order
_NONE = 0  # the number of no value
_LEAST_LENGTH = 1e-6
_Value = tuple[str, str]
_Numbers = npt.NDArray[np.int32]


class Kin(NamedTuple):
    """Items' facets beside those of some: the cosine of item j is scale_j times the sum of `by` of its values.

    values: `(w, n)`, their numbers. by: `(v,)`. scale: `(n,)`.
    """

    values: _Numbers
    by: Floats
    scale: Floats


class FacetValues:
    """By row of the catalogue. One writer, readers in the same thread.

    >>> values = FacetValues()
    >>> for row, genres in enumerate((["Sci-Fi", "Horror"], ["Western"], ["Sci-Fi"])):
    ...     values.put(row, {"genre": genres})
    >>> (100 * values.shares(np.array([2]), np.ones(1, np.float32), np.arange(3), 3)).round().ravel().tolist()
    [35.0, 0.0, 100.0]
    """

    def __init__(self, capacity: int = 1024) -> None:
        self._items = 0  # that have a value
        self._widest = 1  # how many values an item had at most
        self._numbers: dict[_Value, int] = {}
        self._named: list[_Value | None] = [None]  # by number
        self._free: list[int] = []
        self._counts: npt.NDArray[np.int32] = np.zeros(16, np.int32)  # items that have a value
        self._of: npt.NDArray[np.int32] = np.full((capacity, _MOST), _NONE, np.int32)
        self._current = False  # whether what follows is of the values as they are
        self._weights: Floats = np.zeros(1, np.float32)
        self._scale: Floats = np.zeros(capacity, np.float32)  # one over an item's length, 0 without a value
        self._columns = self._of.T  # those that some item fills: a pass over all items goes by memory

    def put(self, row: int, facets: Mapping[str, object]) -> None:
        """Take in what an item has, in place of what it had."""
        if row >= len(self._of):
            self._reserve(row + 1)
        values = _named(facets)
        if values == [self._named[number] for number in self._of[row].tolist() if number != _NONE]:
            return
        self.remove(row)
        numbers = [self._number(value) for value in values]
        self._of[row, : len(numbers)] = numbers
        self._counts[numbers] += 1
        self._items += bool(values)
        self._widest = max(self._widest, len(values))
        self._current = False

    def remove(self, row: int) -> None:
        """Forget what an item had."""
        numbers = self._of[row][self._of[row] != _NONE] if row < len(self._of) else self._of[:0, 0]
        self._counts[numbers] -= 1
        for number in numbers[self._counts[numbers] == 0].tolist():
            value = self._named[number]
            if value is not None:
                del self._numbers[value]
            self._named[number] = None
            self._free.append(number)
        if len(numbers):
            self._items -= 1
            self._of[row] = _NONE
            self._current = False

    def kin(self, rows: Rows, weights: Floats, n: int) -> Kin:
        """What tells the cosine of each of the first `n` items with the weighted sum of those in `rows`, in [0, 1].

        It is 0 for all if these are none.
        """
        self._follow(n)
        return Kin(self._columns, _by_value(self._columns, self._weights, self._scale, rows, weights), self._scale)

    def shares(self, rows: Rows, weights: Floats, asked: Rows, n: int) -> Floats:
        """What each of `rows` `(t,)` adds to that cosine of those asked for among the first `n`, `(r, t)`."""
        self._follow(n)
        return _shares(self._columns, self._weights, self._scale, rows, weights, asked)

    def sums(self, name: str, rows: Rows, of: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], int]:
        """What items have together of something, `(r,)`, by each value of a facet that one of them has.

        And how many values of the facet there are in all.
        """
        of_name = np.fromiter((value is not None and value[0] == name for value in self._named), np.bool_)
        found = self._of[rows[rows < len(self._of)], : self._widest]
        weights = np.repeat(of[rows < len(self._of)], self._widest)
        by_value: npt.NDArray[np.float64] = np.zeros(len(of_name))
        np.add.at(by_value, found.ravel(), weights)
        sums = by_value[of_name]
        return sums[sums > 0], int(of_name.sum())

    def _follow(self, n: int) -> None:
        """Weigh values by how many items have them now."""
        if n > len(self._of):
            self._reserve(n)
        if self._current:
            return
        counts = self._counts[: len(self._named)]
        self._weights = np.log(np.maximum(np.float32(self._items), 1) / np.maximum(counts, 1)).astype(np.float32)
        self._weights[_NONE] = 0.0
        squares = (self._weights**2)[self._of].sum(axis=1)
        self._scale = np.where(squares > 0, 1.0 / np.sqrt(np.maximum(squares, _LEAST_LENGTH)), 0.0).astype(np.float32)
        self._columns = np.ascontiguousarray(self._of[:, : self._widest].T)
        self._current = True

    def _number(self, value: _Value) -> int:
        """The number of a value, given one now if it is new."""
        number = self._numbers.get(value)
        if number is None:
            if self._free:
                number = self._free.pop()
            else:
                number = len(self._named)
                self._named.append(None)
                if number == len(self._counts):
                    self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
            self._numbers[value], self._named[number] = number, value
        return number

    def _reserve(self, n: int) -> None:
        more = max(n, 2 * len(self._of)) - len(self._of)
        self._of = np.concatenate([self._of, np.full((more, _MOST), _NONE, np.int32)])
        self._current = False
        self._scale = np.concatenate([self._scale, np.zeros(more, np.float32)])


@compiled
def _sum(columns: _Numbers, weights: Floats, scale: Floats, rows: Rows, liking: Floats) -> tuple[Floats, np.float32]:
    """The weighted sum of some items' unit vectors, `(v,)`, and its length."""
    query = np.zeros(len(weights), np.float32)
    for at in range(len(rows)):
        row = rows[at]
        for each in range(len(columns)):
            value = columns[each, row]
            query[value] += liking[at] * scale[row] * weights[value]
    return query, max(np.sqrt((query * query).sum()), np.float32(_LEAST_LENGTH))


@compiled
def _by_value(columns: _Numbers, weights: Floats, scale: Floats, rows: Rows, liking: Floats) -> Floats:
    query, length = _sum(columns, weights, scale, rows, liking)
    return query * weights / length


@compiled
def _shares(columns: _Numbers, weights: Floats, scale: Floats, rows: Rows, liking: Floats, asked: Rows) -> Floats:
    _, length = _sum(columns, weights, scale, rows, liking)
    shares = np.zeros((len(asked), len(rows)), np.float32)
    for to in range(len(asked)):
        for at in range(len(rows)):
            alike = np.float32(0.0)
            for mine in range(len(columns)):
                value = columns[mine, rows[at]]
                for theirs in range(len(columns)):
                    if value != _NONE and columns[theirs, asked[to]] == value:
                        alike += weights[value] * weights[value]
            shares[to, at] = alike * scale[asked[to]] * liking[at] * scale[rows[at]] / length
    return shares


def _named(facets: Mapping[str, object]) -> list[_Value]:
    """The values of some facets, in order, without numbers."""
    lists = {name: given if isinstance(given, list) else [given] for name, given in facets.items()}
    values = ((name, each) for name, given in lists.items() for each in given)
    return sorted({(name, each) for name, each in values if isinstance(each, str)})[:_MOST]
