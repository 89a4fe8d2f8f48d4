"""The items' vectors in slots, and what is computed of some of them."""

from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from serving.arrays import Floats, Rows, Vector
from serving.compiled import compiled

__all__ = ["Stored"]

_T = TypeVar("_T", bound=np.generic)
_LEAST_LENGTH = np.float32(1e-2)  # a vector nearer to the mean item than this has no direction of its own


class Stored(NamedTuple):
    """Vectors by slot, and what makes those of rows unit vectors seen from the mean item, as `Catalogue` has it."""

    vectors: Floats
    slot_of: npt.NDArray[np.int32]
    mean: Vector
    scale: Floats


class Slots:
    """Vectors that come and go. rows: `(capacity, d) float32`, zeros where nothing is; beyond `used` nothing was."""

    def __init__(self, dim: int, capacity: int) -> None:
        self.rows: npt.NDArray[np.float32] = np.zeros((capacity, dim), np.float32)
        self.used = 0
        self._free: list[int] = []

    def take(self) -> int:
        """A free place."""
        if self._free:
            return self._free.pop()
        if self.used == len(self.rows):
            self.rows = doubled(self.rows)
        self.used += 1
        return self.used - 1

    def give_back(self, slot: int) -> None:
        """Free a place."""
        self.rows[slot] = 0.0
        self._free.append(slot)


@compiled
def centred(vectors: Floats, slot_of: npt.NDArray[np.int32], rows: Rows, mean: Vector, scale: Floats) -> Floats:
    """The vectors of some items seen from the mean item, `(r, d)`. slot_of, scale: by row, as `Catalogue` has them.

    Where there is no vector it reads the last one's, and scale is 0.
    """
    made = np.empty((len(rows), len(mean)), np.float32)
    for at in range(len(rows)):
        vector, by = vectors[slot_of[rows[at]]], scale[rows[at]]
        for each in range(len(mean)):
            made[at, each] = (vector[each] - mean[each]) * by
    return made


@compiled
def cosines(
    vectors: Floats, slot_of: npt.NDArray[np.int32], rows: Rows, query: Vector, mean: Vector, scale: Floats
) -> Floats:
    """⟨q, e'⟩ of these, `(r,)`, without making them."""
    found = np.empty(len(rows), np.float32)
    for at in range(len(rows)):
        vector, cosine = vectors[slot_of[rows[at]]], np.float32(0.0)
        for each in range(len(query)):
            cosine += (vector[each] - mean[each]) * query[each]
        found[at] = cosine * scale[rows[at]]
    return found


def one_over_length(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """`(n,) float32`; of what is the mean item itself, something small enough to say nothing."""
    lengths: npt.NDArray[np.float32] = np.maximum(np.linalg.norm(rows, axis=1), _LEAST_LENGTH)
    return np.float32(1.0) / lengths


def doubled(array: npt.NDArray[_T]) -> npt.NDArray[_T]:
    """Twice as long. What is not used yet takes no memory: the system gives pages when they are written."""
    longer = np.zeros((2 * len(array), *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer
