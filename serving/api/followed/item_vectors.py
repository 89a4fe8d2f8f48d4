"""Which items are like an item: the vectors of all, compared one by one."""

import base64
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from serving.arrays import Floats

__all__ = ()

_AT_ONCE = 8192  # rows that are made float32 together
_FIRST = 1024

Halves = npt.NDArray[np.float16]


class _Rows:
    """Vectors of one model folder. rows: `(capacity, d) float16`, centred and of length 1; ids: by row, "" for none."""

    def __init__(self, dim: int) -> None:
        self.rows: Halves = np.zeros((_FIRST, dim), np.float16)
        self.ids: list[str] = []
        self._free: list[int] = []

    def add(self, item_id: str, vector: Halves) -> int:
        """Returns its row."""
        if self._free:
            row = self._free.pop()
            self.rows[row] = vector
            self.ids[row] = item_id
            return row
        if len(self.ids) == len(self.rows):
            longer = np.zeros((2 * len(self.rows), self.rows.shape[1]), np.float16)
            longer[: len(self.rows)] = self.rows
            self.rows = longer
        self.rows[len(self.ids)] = vector
        self.ids.append(item_id)
        return len(self.ids) - 1

    def remove(self, row: int) -> None:
        self.ids[row] = ""
        self._free.append(row)


class ItemVectors:
    """One writer; readers may be in other threads. Vectors of two model folders are never compared.

    >>> vectors = ItemVectors()
    >>> for item_id, vector in (("i1", [1, 0]), ("i2", [0.8, 0.6]), ("i3", [-1, 0])):
    ...     vectors.put(item_id, "f", base64.b64encode(np.array(vector, np.float16).tobytes()).decode())
    >>> [(item_id, round(score, 1)) for item_id, score in vectors.nearest("i1")]
    [('i2', 0.8), ('i3', -1.0)]
    """

    def __init__(self) -> None:
        self._of: dict[str, _Rows] = {}  # by fingerprint
        self._at: dict[str, tuple[_Rows, int]] = {}

    def __len__(self) -> int:
        return len(self._at)

    def put(self, item_id: str, fingerprint: str, packed: str) -> None:
        """Take in an item's vector, base64 of float16. Raises ValueError if it is none."""
        vector: Halves = np.frombuffer(base64.b64decode(packed, validate=True), np.float16)
        rows = self._of.get(fingerprint)
        if rows is None:
            rows = self._of[fingerprint] = _Rows(len(vector))
        if vector.shape != rows.rows.shape[1:]:
            raise ValueError(f"the vector of {item_id!r} has {len(vector)} numbers, others have {rows.rows.shape[1]}")
        self.remove(item_id)
        self._at[item_id] = (rows, rows.add(item_id, vector))

    def remove(self, item_id: str) -> None:
        """Forget an item."""
        found = self._at.pop(item_id, None)
        if found is not None:
            rows, row = found
            rows.remove(row)

    def has(self, item_id: str) -> bool:
        """Whether there is a vector of it."""
        return item_id in self._at

    def snapshot(self) -> tuple[str, list[str], Halves]:
        """Of the model folder with the most vectors: its fingerprint, the id of each row ("" for none), the rows."""
        most = max(self._of.items(), key=lambda each: len(each[1].ids), default=None)
        if most is None:
            return "", [], np.zeros((0, 0), np.float16)
        fingerprint, made = most
        ids = [*made.ids]
        return fingerprint, ids, made.rows[: len(ids)]

    def nearest(self, item_id: str) -> Iterator[tuple[str, float]]:
        """All other items and their cosines, nearest first. Raises KeyError for one that is not there."""
        rows, row = self._at[item_id]
        ids, vectors = rows.ids, rows.rows
        cosines = _cosines(vectors[: len(ids)], vectors[row].astype(np.float32))
        for each in np.argsort(-cosines, kind="stable").tolist():
            if ids[each] and each != row:
                yield ids[each], float(cosines[each])


def _cosines(rows: Halves, query: Floats) -> Floats:
    """`(n,)`."""
    found = np.empty(len(rows), np.float32)
    for first in range(0, len(rows), _AT_ONCE):
        found[first : first + _AT_ONCE] = rows[first : first + _AT_ONCE].astype(np.float32) @ query
    return found
