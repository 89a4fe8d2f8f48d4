"""Which values the items' facets have, as numbers, and how much items have in common by them.

An item is a unit vector over all values, each weighing log(N / items that have it), N the number of items with any:
what two share counts the more the fewer others have it, too, and nothing if all have it. Numbers are no values: 9.99
and 10 are not two kinds.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from serving.arrays import Floats, Rows

__all__ = ()

_MOST = 16  # values of an item: what more it has is left out, names in order
_NONE = 0  # the number of no value
_LEAST_LENGTH = 1e-6
_Value = tuple[str, str]


class FacetValues:
    """By row of the catalogue. One writer, readers in the same thread.

    >>> values = FacetValues()
    >>> for row, genres in enumerate((["Sci-Fi", "Horror"], ["Western"], ["Sci-Fi"])):
    ...     values.put(row, {"genre": genres})
    >>> (100 * values.likeness(np.array([2]), np.ones(1, np.float32), 3)).round().tolist()
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

    def likeness(self, rows: Rows, weights: Floats, n: int) -> Floats:
        """The cosine of each of the first `n` items with the weighted sum of those in `rows`, `(n,)` in [0, 1]."""
        self._follow(n)
        query = self._query(rows, weights)
        points = query * self._weights
        cosines: Floats = sum((points[self._of[:n, at]] for at in range(1, self._widest)), points[self._of[:n, 0]])
        return self._scale[:n] * cosines

    def shares(self, rows: Rows, weights: Floats, asked: Rows) -> Floats:
        """What each of `rows` `(t,)` adds to the likeness of those asked for, `(r, t)`."""
        self._follow(int(max(rows.max(initial=0), asked.max(initial=0))) + 1)
        mine, theirs = self._of[rows, : self._widest], self._of[asked, : self._widest]
        common = theirs[:, None, :, None] == mine[None, :, None, :]
        alike = (common * (self._weights**2)[mine][None, :, None, :]).sum(axis=(2, 3))
        length = _length(self._sum(rows, weights))
        found: Floats = alike * self._scale[asked][:, None] * (weights * self._scale[rows] / length)
        return found

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

    def _query(self, rows: Rows, weights: Floats) -> Floats:
        query = self._sum(rows, weights)
        return query / _length(query)

    def _sum(self, rows: Rows, weights: Floats) -> Floats:
        """The weighted sum of some items' unit vectors, `(v,)`."""
        values = self._of[rows]
        each = (weights * self._scale[rows])[:, None] * self._weights[values]
        return np.bincount(values.ravel(), each.ravel(), minlength=len(self._weights)).astype(np.float32)

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
        self._scale = np.concatenate([self._scale, np.zeros(more, np.float32)])


def _length(query: Floats) -> np.float32:
    return np.float32(max(float(np.linalg.norm(query)), _LEAST_LENGTH))


def _named(facets: Mapping[str, object]) -> list[_Value]:
    """The values of some facets, in order, without numbers."""
    lists = {name: given if isinstance(given, list) else [given] for name, given in facets.items()}
    values = ((name, each) for name, given in lists.items() for each in given)
    return sorted({(name, each) for name, each in values if isinstance(each, str)})[:_MOST]
