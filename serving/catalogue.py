"""The items that can be recommended: ids ⇄ rows, vectors, titles, facets.

Rows are numbered as ids are first heard of, also by events on items whose text has not been embedded yet, so that
popularity and vectors share one numbering. A row without a vector is never recommended.
"""

import base64
from collections.abc import Iterable, Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from serving.errors import FingerprintMismatch
from serving.messages import ItemVector
from serving.state import Vector, item_hash

Rows = npt.NDArray[np.intp]
FacetValues = str | list[str]
_T = TypeVar("_T", bound=np.generic)
_NOWHERE = [-1]
_LEAST_LENGTH = np.float32(1e-2)  # a vector nearer to the mean item than this has no direction of its own


def pack(vector: Vector) -> str:
    """A vector as it stands in a message: base64 of float16."""
    return base64.b64encode(vector.astype(np.float16).tobytes()).decode()


def unpack(text: str) -> Vector:
    """What `pack` packed, `(d,) float32`."""
    return np.frombuffer(base64.b64decode(text), np.float16).astype(np.float32)


class Catalogue:
    """All items, in arrays by row. One writer (the follower of the item-vectors topic), readers in the same thread.

    vectors: `(capacity, d) float32`, centred unit rows, zeros where there is none.
    facet_of: `(capacity,) int32`, the row of `facet_vectors` that holds the item's facets' text, -1 for none.
    available: `(capacity,) bool`, has a vector and is on offer.
    mean: `(d,) float32`, the mean item, as it was when last `settle` found it moved. scale: `(capacity,) float32`, one
    over the distance of an item's vector from it: `(vectors - mean) * scale` are unit rows that spread over all
    directions, where those of a catalogue of one kind of thing all lie in one corner. 0 where there is no vector.
    """

    def __init__(self, dim: int, fingerprint: str, capacity: int = 1024) -> None:
        self.dim = dim
        self.fingerprint = fingerprint
        self.ids: list[str] = []
        self.items: list[ItemVector | None] = []
        self.vectors: npt.NDArray[np.float32] = np.zeros((capacity, dim), np.float32)
        self.facet_of: npt.NDArray[np.int32] = np.full(capacity, -1, np.int32)
        self.facet_vectors: npt.NDArray[np.float32] = np.zeros((16, dim), np.float32)
        self.available: npt.NDArray[np.bool_] = np.zeros(capacity, np.bool_)
        self.mean: Vector = np.zeros(dim, np.float32)
        self.scale: npt.NDArray[np.float32] = np.zeros(capacity, np.float32)
        self.embedded = 0
        self.changes = 0  # how often an item came, changed or went
        self._mean_of = 0
        self._rows: dict[str, int] = {}
        self._facet_rows: dict[str, int] = {}
        self._by_hash: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, item_id: str) -> bool:
        """Whether the item has a vector."""
        row = self._rows.get(item_id)
        return row is not None and self.items[row] is not None

    def row(self, item_id: str) -> int:
        """The row of an id, given one now if it is new."""
        row = self._rows.get(item_id)
        if row is None:
            row = self._rows[item_id] = len(self.ids)
            self.ids.append(item_id)
            self.items.append(None)
            self._by_hash.setdefault(item_hash(item_id), []).append(row)
            if row == len(self.available):
                self._grow()
        return row

    def find(self, item_id: str) -> int | None:
        """The row of an id that has been heard of, else None."""
        return self._rows.get(item_id)

    def vector(self, item_id: str) -> Vector | None:
        """The item's centred unit vector `(d,) float32`, or None while it has none."""
        row = self._rows.get(item_id)
        return self.vectors[row] if row is not None and self.items[row] is not None else None

    def get(self, item_id: str) -> ItemVector | None:
        """The item's message, or None while it has no vector."""
        row = self._rows.get(item_id)
        return self.items[row] if row is not None else None

    def seen_rows(self, hashes: Iterable[int]) -> list[int]:
        """The rows behind the 32-bit item hashes of a seen set; a collision (one pair in 2**32) hides one item more."""
        by_hash = self._by_hash
        return [row for h in by_hash.keys() & hashes for row in by_hash[h]]

    def rows_of(self, hashes: npt.NDArray[np.uint32]) -> Rows:
        """`(n,)`, the row behind each hash of a seen set, -1 where there is none; of a collision the first."""
        rows = self._by_hash.get
        return np.array([rows(each, _NOWHERE)[0] for each in hashes.tolist()], np.intp)

    def put(self, item: ItemVector) -> bool:
        """Take in an item. True if it had no vector before.

        Raises FingerprintMismatch if the vector was made by another model folder.
        """
        if item.fingerprint != self.fingerprint:
            raise FingerprintMismatch(
                f"item {item.item_id!r} was embedded by {item.fingerprint}, this process runs {self.fingerprint}"
            )
        row = self.row(item.item_id)
        new = self.items[row] is None
        self.items[row] = item
        self.changes += 1
        self.vectors[row] = unpack(item.vector)
        self.scale[row] = _one_over_length(self.vectors[row : row + 1] - self.mean)[0]
        self.facet_of[row] = self._facet_row(item)
        self.available[row] = item.available
        self.embedded += new
        return new

    def remove(self, item_id: str) -> None:
        """Forget an item's vector: it is recommended no more, its row stays."""
        row = self._rows.get(item_id)
        if row is None or self.items[row] is None:
            return
        self.items[row] = None
        self.changes += 1
        self.vectors[row] = 0.0
        self.scale[row] = 0.0
        self.facet_of[row] = -1
        self.available[row] = False
        self.embedded -= 1

    def settle(self) -> None:
        """Let the mean follow the items, if a sixteenth of them came or went since; it moves all alike, but little."""
        if abs(self.embedded - self._mean_of) * 16 <= self._mean_of:
            return
        vectors = self.vectors[: len(self)]
        self.mean = vectors.sum(axis=0) / np.float32(max(self.embedded, 1))
        self.scale[: len(self)] = np.where(self.scale[: len(self)] > 0, _one_over_length(vectors - self.mean), 0.0)
        self._mean_of = self.embedded

    def away(self, rows: Rows) -> npt.NDArray[np.float32]:
        """The vectors of some items seen from the mean item, `(r, d) float32`, unit rows; zeros where there is none."""
        return (self.vectors[rows] - self.mean) * self.scale[rows, None]

    def _facet_row(self, item: ItemVector) -> int:
        if not item.facet_vector:
            return -1
        row = self._facet_rows.get(item.facet_text)
        if row is None:
            row = self._facet_rows[item.facet_text] = len(self._facet_rows)
            if row == len(self.facet_vectors):
                self.facet_vectors = _doubled(self.facet_vectors)
            self.facet_vectors[row] = unpack(item.facet_vector)
        return row

    @property
    def facets(self) -> npt.NDArray[np.float32]:
        """The distinct facets' texts, `(m, d) float32`, centred unit rows."""
        return self.facet_vectors[: len(self._facet_rows)]

    def _grow(self) -> None:
        size = len(self.available)
        self.vectors = _doubled(self.vectors)
        self.available = _doubled(self.available)
        self.scale = _doubled(self.scale)
        self.facet_of = _doubled(self.facet_of)
        self.facet_of[size:] = -1


def _one_over_length(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """`(n,) float32`; of what is the mean item itself, something small enough to say nothing."""
    lengths: npt.NDArray[np.float32] = np.maximum(np.linalg.norm(rows, axis=1), _LEAST_LENGTH)
    return np.float32(1.0) / lengths


def _doubled(array: npt.NDArray[_T]) -> npt.NDArray[_T]:
    return np.concatenate([array, np.zeros_like(array)])


def facet_text(facets: Mapping[str, FacetValues], named: tuple[str, ...] = ("genre", "category")) -> str:
    """The facets' own text, which a statement is matched against: "Sci-Fi, Action film".

    Values of the facets in `named`, then the facet `domain` (what kind of thing it is). Empty without any of `named`.
    """
    values = [value for name in named for value in _values(facets.get(name))]
    if not values:
        return ""
    return " ".join([", ".join(values), *_values(facets.get("domain"))])


def item_text(title: str, text: str, facets: Mapping[str, FacetValues]) -> str:
    """What an item's vector is made of: "Sci-Fi, Action film. Alien (1979). In space …".

    The facets' words stand first: small encoders weigh the beginning most, else a text is just about "film" to them.
    """
    return ". ".join(part for part in (facet_text(facets), title, text) if part)


def _values(facet: FacetValues | None) -> list[str]:
    if facet is None:
        return []
    return [facet] if isinstance(facet, str) else facet
