"""The items' vectors in a quarter of the memory, for a first look over all of them.

A component is a whole number of -127 to 127, times the vector's own unit. What that leaves of a vector has a known
length, so a product with a query is known within that times the query's length: enough to tell which few items may be
among the best, whose products are then taken in full. With an instruction for it (serving/int8_products.py) a look
takes a quarter of the time of a product (10,000 vectors of 384 components, of 64 queries each: 22 µs for 80); without
one it does not pay.
"""

import numpy as np
import numpy.typing as npt

from serving.arrays import Floats, Vector, Vectors
from serving.compiled import compiled
from serving.int8_products import (
    BIAS,
    DIGIT,
    LANES,
    MOST,
    QUAD,
    OfItems,
    OfQueries,
    products_of_many,
    products_of_one,
)

__all__ = ()

_MOST = 127
_FOUR = 4  # groups, or queries, that are taken together


class RoughVectors:
    """By slot, of `capacity` vectors `(d,)`."""

    def __init__(self, dim: int, capacity: int) -> None:
        # A query's components are whole numbers, too, of which a sum of products must not overflow.
        self._steps = min(MOST, (2**31 - 1) // (_MOST * dim))
        self._quads = -(-dim // QUAD)
        self._codes: npt.NDArray[np.uint8] = np.zeros((0, self._quads, LANES, QUAD), np.uint8)  # in groups of sixteen
        self._units: Floats = np.zeros(0, np.float32)
        self._off: Floats = np.zeros(0, np.float32)  # how far a product may be off, for a query of length 1
        self._reserve(capacity)

    def put(self, slot: int, vector: Vector) -> None:
        """Take in the vector of a slot."""
        if slot >= len(self._units):
            self._reserve(max(slot + 1, 2 * len(self._units)))
        unit = max(float(np.abs(vector).max(initial=0.0)) / _MOST, 1e-30)
        codes = np.rint(vector / np.float32(unit))
        whole = np.zeros(self._quads * QUAD, np.int16)
        whole[: len(codes)] = codes
        self._codes[slot // LANES, :, slot % LANES] = (whole + BIAS).reshape(-1, QUAD)
        self._units[slot] = unit
        left = float(np.linalg.norm(vector - codes * np.float32(unit)))
        of_query = 0.5 * len(vector) ** 0.5 / self._steps * float(np.linalg.norm(codes)) * unit
        self._off[slot] = 1.001 * (left + of_query) + 1e-6  # and what single precision rounds

    def look(self, queries: Vectors, slots: int, less: Floats, scale: Floats) -> tuple[Floats, Floats]:
        """Products p of queries `(u, d)` with the vectors of the first slots, as `(p - less)·scale`, `(u, slots)`.

        And how far off p may be for a query of length 1, `(slots,)`. less: `(u,)`. scale: `(slots,)` or more.
        """
        together = _FOUR if len(queries) > 1 else 1
        u = -(-len(queries) // together) * together
        digits = np.zeros((u // together, self._quads, together, 2, QUAD), np.int8)
        by = OfQueries(np.zeros(u, np.float32), np.zeros(u, np.int32), np.zeros(u, np.float32))
        by.less[: len(queries)] = less
        _write_digits(queries, self._steps, digits, by.units, by.biases)
        groups = -(-slots // (LANES * _FOUR)) * _FOUR
        found = np.empty((u, groups * LANES), np.float32)
        if len(scale) < groups * LANES:
            scale = np.pad(scale, (0, groups * LANES - len(scale)))
        codes, steps = self._codes[:groups].view(np.int32)[..., 0], digits.view(np.int32)[..., 0]
        if together > 1:
            products_of_many(codes, steps, by, OfItems(self._units, scale), found)
        else:
            products_of_one(codes, steps[0], by, OfItems(self._units, scale), found)
        return found[: len(queries), :slots], self._off[:slots]

    def _reserve(self, slots: int) -> None:
        groups = -(-slots // (LANES * _FOUR)) * _FOUR
        more = groups - len(self._codes)
        self._codes = np.concatenate([self._codes, np.full((more, self._quads, LANES, QUAD), BIAS, np.uint8)])
        self._units = np.concatenate([self._units, np.zeros(more * LANES, np.float32)])
        self._off = np.concatenate([self._off, np.zeros(more * LANES, np.float32)])


@compiled
def _write_digits(
    queries: Vectors, most: int, digits: npt.NDArray[np.int8], units: Floats, biases: npt.NDArray[np.int32]
) -> None:
    """Queries `(u, d)` as whole numbers of their units, in two digits each: `(u / f, quads, f, 2, 4)`."""
    together = digits.shape[2]
    for number in range(len(queries)):
        query, peak, sum_of_steps = queries[number], np.float32(0.0), 0
        for each in query:
            peak = max(peak, abs(each))
        unit = max(peak / np.float32(most), np.float32(1e-30))
        for each in range(len(query)):
            step = int(np.rint(query[each] / unit))
            high = (step + DIGIT // 2) // DIGIT
            at = digits[number // together, each // QUAD, number % together]
            at[0, each % QUAD], at[1, each % QUAD] = high, step - DIGIT * high
            sum_of_steps += step
        units[number], biases[number] = unit, BIAS * sum_of_steps
