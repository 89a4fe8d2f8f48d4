"""Facets that are numbers, by item: price, year, size. A facet's text that is one counts, and so does "12 €"."""

import re
from collections.abc import Mapping
from functools import cache

import numpy as np

from serving.arrays import Floats, Mask
from serving.lexical.terms import stem, words_of
from serving.lexical.wording import telling
from serving.state.user_state import NumberRange

__all__ = ["NumericFacets", "number_in"]

_CURRENCY = r"(?:[€$£¥￥]|eur|usd|gbp|chf|元|円|块)?"
_NUMBER = re.compile(rf"{_CURRENCY}\s*([+-]?\d{{1,15}}(?:[.,]\d{{1,6}})?)\s*{_CURRENCY}", re.IGNORECASE)
_THOUSANDS = re.compile(r",(?=\d{3}$)")
_FIRST_YEAR, _LAST_YEAR = 1800, 2100
_MOST = 64  # names of numeric facets; of more the first that came count


def number_in(text: str) -> float | None:
    """The number that a facet's text is, or None.

    >>> number_in("9.99"), number_in("9,99 €"), number_in("1,299"), number_in("7 Gears")
    (9.99, 9.99, 1299.0, None)
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        return None
    return float(_THOUSANDS.sub("", match[1]).replace(",", "."))


class NumericFacets:
    """One writer, readers in the same thread. Each facet that is a number takes 4 bytes an item."""

    def __init__(self) -> None:
        self._numbers: dict[str, Floats] = {}
        self._counts: dict[str, int] = {}

    def put(self, row: int, facets: Mapping[str, str | list[str]]) -> None:
        """Take in an item's facets."""
        for name, value in facets.items():
            number = number_in(value) if isinstance(value, str) else None
            if number is None or (name not in self._numbers and len(self._numbers) >= _MOST):
                continue
            numbers = self._numbers.setdefault(name, np.full(64, np.nan, np.float32))
            if row >= len(numbers):
                longer = np.full(max(2 * len(numbers), row + 1), np.nan, np.float32)
                longer[: len(numbers)] = numbers
                numbers = self._numbers[name] = longer
            numbers[row] = number
            self._counts[name] = self._counts.get(name, 0) + 1

    def remove(self, row: int) -> None:
        """Forget what stands in a row."""
        for name in list(self._numbers):
            numbers = self._numbers[name]
            if row < len(numbers) and not np.isnan(numbers[row]):
                numbers[row] = np.nan
                self._counts[name] -= 1
                if not self._counts[name]:
                    del self._numbers[name], self._counts[name]

    def of(self, name: str, n: int) -> Floats:
        """`(n,)`, NaN where an item has no such number."""
        numbers = self._numbers.get(name, np.empty(0, np.float32))[:n]
        return np.concatenate([numbers, np.full(n - len(numbers), np.nan, np.float32)])

    def within(self, name: str, low: float | None, high: float | None, n: int) -> Mask:
        """`(n,)`: which items have a number in a range, both ends included."""
        numbers = self.of(name, n)
        inside: Mask = (numbers >= (-np.inf if low is None else np.float32(low))) & (
            numbers <= (np.inf if high is None else np.float32(high))
        )
        return inside

    def meant_by(self, asked: NumberRange) -> str | None:
        """The facet that a statement's range is about: one named beside it, the price or the year, else None."""
        stems = {name: {stem(word) for word in words_of(name.replace("_", " "))} for name in self._numbers}
        near = set(asked.near)
        named = [name for name, of_name in stems.items() if of_name & near]
        if named and asked.kind != "money":
            return self._fullest(named)
        if asked.kind == "unit":
            return None
        prices = [name for name, of_name in stems.items() if of_name & _stems("prices")]
        years = [name for name, of_name in stems.items() if of_name & _stems("years")]
        if asked.kind == "year":
            return self._fullest(years)
        return self._fullest(prices) or (self._fullest(years) if asked.kind == "bare" and _is_year(asked) else None)

    def _fullest(self, names: list[str]) -> str | None:
        return max(names, key=lambda name: self._counts[name], default=None)


@cache
def _stems(kind: str) -> frozenset[str]:
    return frozenset(stem(word) for word in telling(kind))


def _is_year(asked: NumberRange) -> bool:
    return all(_FIRST_YEAR <= each <= _LAST_YEAR for each in (asked.low, asked.high) if each is not None)
