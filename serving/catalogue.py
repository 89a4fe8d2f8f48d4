"""The items that can be recommended: ids ⇄ rows, vectors, titles, facets.

Rows are numbered as ids are first heard of, also by events on items whose text has not been embedded yet, so that
popularity and vectors share one numbering. A row without a vector is never recommended. Vectors stand once, as float32,
in slots of their own: one that was removed leaves its slot to the next, and who was only heard of has none.
"""

import base64
from array import array
from collections.abc import Mapping
from sys import intern

import msgspec
import numpy as np
import numpy.typing as npt

from penchant.errors import FingerprintMismatch
from penchant.messages import Facets, ItemVector
from serving.arrays import Floats, Mask, Rows
from serving.compiled import keep_compiled
from serving.facet_values import FacetValues
from serving.int8_products import PAYS as INT8_PAYS
from serving.lexical.numeric_facets import NumericFacets
from serving.lexical.spoken_points import Searched
from serving.lexical.term_index import TermIndex
from serving.rough_vectors import RoughVectors
from serving.rows_by_hash import Hashes, RowsByHash
from serving.state.user_state import Vector, item_hash
from serving.vector_slots import Slots, Stored, centred, cosines, doubled, one_over_length

__all__ = ["INT8_PAYS", "Catalogue", "CatalogueItem", "facet_text", "item_text", "pack", "unpack", "unpacked"]

_FacetValues = str | list[str]
PRODUCT_PAYS = 8  # users from which a matrix product is cheaper than a product for each (its packing costs first)
_ROWS_AT_ONCE = 65_536  # of a temporary copy of the vectors


def pack(vector: Vector) -> str:
    """A vector as it stands in a message: base64 of float16."""
    return base64.b64encode(vector.astype(np.float16).tobytes()).decode()


def unpack(text: str) -> Vector:
    """What `pack` packed, `(d,) float32`. Raises ValueError if that cannot be."""
    return np.frombuffer(base64.b64decode(text, validate=True), np.float16).astype(np.float32)


def unpacked(text: str, dim: int) -> Vector:
    """Likewise, of so many numbers. Raises ValueError."""
    vector = unpack(text)
    if len(vector) != dim or not np.isfinite(vector).all():
        raise ValueError(f"a vector of {len(vector)} components, not {dim} numbers")
    return vector


class CatalogueItem(msgspec.Struct, frozen=True, gc=False):
    """What is known of an item that has a vector. revision: a digest of the texts that were embedded."""

    title: str
    facets: Facets
    available: bool
    revision: str


class Catalogue:
    """All items, in arrays by row. One writer (the follower of the item-vectors topic), readers in the same thread.

    items: by row, None where there is no vector.
    facet_of: `(capacity,) int32`, the row of `facets` that holds the item's facets' text, -1 for none.
    facet_values: which values its facets have. available: `(capacity,) bool`, has a vector and is on offer.
    mean: `(d,) float32`, the mean item, as it was when last `recentre` found it moved. scale: `(capacity,) float32`,
    one over the distance of an item's vector from it: `(vectors - mean) * scale` are unit rows that spread over all
    directions, where those of a catalogue of one kind of thing all lie in one corner. 0 where there is no vector.
    """

    def __init__(self, dim: int, fingerprint: str, capacity: int = 1024) -> None:
        keep_compiled()
        self.dim = dim
        self.fingerprint = fingerprint
        self.ids: list[str] = []
        self.items: list[CatalogueItem | None] = []
        self.facet_of: npt.NDArray[np.int32] = np.full(capacity, -1, np.int32)
        self.facet_values = FacetValues(capacity)
        self.available: Mask = np.zeros(capacity, np.bool_)
        self.mean: Vector = np.zeros(dim, np.float32)
        self.scale: npt.NDArray[np.float32] = np.zeros(capacity, np.float32)
        self.embedded = 0
        self.terms = TermIndex()
        self.numbers = NumericFacets()
        self.changes = 0  # how often an item came, changed or went
        self._mean_of = 0
        self._rows: dict[str, int] = {}
        self._hashes = array("I")
        self._by_hash = RowsByHash()
        self._shared_hashes: set[int] = set()
        self._vectors = Slots(dim, capacity)
        self._rough = RoughVectors(dim, capacity if INT8_PAYS else 0)
        self._slot_of: npt.NDArray[np.int32] = np.full(capacity, -1, np.int32)
        self._in_order = 0  # rows whose slot has their number
        self._facets = Slots(dim, 16)
        self._facet_texts: list[str] = []
        self._facet_rows: dict[str, int] = {}
        self._facet_uses: list[int] = []

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
            self._hashes.append(item_hash(item_id))
            if self._by_hash.put(self._hashes[row], row):
                self._shared_hashes.add(self._hashes[row])
            if row == len(self.available):
                self._grow()
        return row

    def hash_of(self, item_id: str) -> int:
        """The hash under which an item stands in seen sets."""
        row = self._rows.get(item_id)
        return item_hash(item_id) if row is None else self._hashes[row]

    def of_same_hash(self, item_id: str) -> list[str]:
        """Other items with a vector that seen sets do not tell from this one: who has seen one is shown neither."""
        if (hashed := self.hash_of(item_id)) not in self._shared_hashes:
            return []
        others = (row for row in self.rows_behind(hashed) if self.items[row] is not None)
        return [self.ids[row] for row in others if self.ids[row] != item_id]

    def find(self, item_id: str) -> int | None:
        """The row of an id that has been heard of, else None."""
        return self._rows.get(item_id)

    def vector(self, item_id: str) -> Vector | None:
        """The item's centred unit vector `(d,) float32`, or None while it has none."""
        row = self._rows.get(item_id)
        return self.vector_at(row) if row is not None and self.items[row] is not None else None

    def vector_at(self, row: int) -> Vector:
        """The vector in a row `(d,) float32`, zeros where there is none."""
        slot = self._slot_of[row]
        return self._vectors.rows[slot] if slot >= 0 else np.zeros(self.dim, np.float32)

    @property
    def vectors(self) -> npt.NDArray[np.float32]:
        """All vectors by row, `(n, d) float32`, zeros where there is none: a copy, unless rows are as they came."""
        n = len(self)
        if self._in_order == n == self._vectors.used:
            return self._vectors.rows[:n]
        there = self._slot_of[:n] >= 0
        vectors = np.zeros((n, self.dim), np.float32)
        vectors[there] = self._vectors.rows[self._slot_of[:n][there]]
        return vectors

    def about(self, item_id: str) -> CatalogueItem | None:
        """What is known of the item, or None while it has no vector."""
        row = self._rows.get(item_id)
        return self.items[row] if row is not None else None

    def kind(self, row: int) -> str:
        """The text of an item's facets, "" if it has none."""
        facet = int(self.facet_of[row])
        return self._facet_texts[facet] if facet >= 0 else ""

    def get(self, item_id: str) -> ItemVector | None:
        """The item's message, made again from what is kept of it, or None while it has no vector."""
        row = self._rows.get(item_id)
        item = self.items[row] if row is not None else None
        if row is None or item is None:
            return None
        facet = self.facet_of[row]
        return ItemVector(
            item_id=item_id,
            title=item.title,
            facets=item.facets,
            available=item.available,
            revision=item.revision,
            fingerprint=self.fingerprint,
            vector=pack(self.vector_at(row)),
            facet_text=self._facet_texts[facet] if facet >= 0 else "",
            facet_vector=pack(self._facets.rows[facet]) if facet >= 0 else "",
        )

    def seen_rows(self, hashes: Hashes) -> Rows:
        """The rows behind the item hashes of a seen set; a collision (one pair in 2**32) hides one item more."""
        return self._by_hash.all(hashes)

    def rows_behind(self, hashed: int) -> list[int]:
        """The same of one hash."""
        return self._by_hash.behind(hashed)

    def rows_of(self, hashes: Hashes) -> Rows:
        """`(n,)`, the row behind each hash of a seen set, -1 where there is none; of a collision the first."""
        return self._by_hash.first(hashes)

    def put(self, item: ItemVector) -> bool:
        """Take in an item. True if it had no vector before.

        Raises FingerprintMismatch if the vector was made by another model folder, ValueError if it is no vector of this
        one: nothing was changed then.
        """
        if item.fingerprint != self.fingerprint:
            raise FingerprintMismatch(
                f"item {item.item_id!r} was embedded by {item.fingerprint}, this process runs {self.fingerprint}"
            )
        vector = unpacked(item.vector, self.dim)
        if item.facet_vector:
            self._take_facet(item.facet_text, unpacked(item.facet_vector, self.dim))
        row = self.row(item.item_id)
        new = self.items[row] is None
        if new:
            slot = self._slot_of[row] = self._vectors.take()
            self._in_order += int(slot) == row
        self._vectors.rows[self._slot_of[row]] = vector
        if INT8_PAYS:
            self._rough.put(int(self._slot_of[row]), vector)
        self._name(row, CatalogueItem(item.title, _shared(item.facets), item.available, item.revision))
        self.facet_values.put(row, item.facets)
        self.changes += 1
        self.scale[row] = one_over_length((vector - self.mean)[None])[0]
        self._leave_facet(row)
        self.facet_of[row] = self._facet_rows[item.facet_text] if item.facet_vector else -1
        self.available[row] = item.available
        self.embedded += new
        return new

    def remove(self, item_id: str) -> None:
        """Forget an item's vector: it is recommended no more. Its row stays, as what was counted of it does."""
        row = self._rows.get(item_id)
        if row is None or self.items[row] is None:
            return
        slot = int(self._slot_of[row])
        self._vectors.give_back(slot)
        self._in_order -= slot == row
        self._slot_of[row] = -1
        self._name(row, None)
        self.facet_values.remove(row)
        self.changes += 1
        self.scale[row] = 0.0
        self._leave_facet(row)
        self.available[row] = False
        self.embedded -= 1

    def recentre(self) -> None:
        """Let the mean follow the items, if a sixteenth of them came or went since; it moves all alike, but little."""
        if abs(self.embedded - self._mean_of) * 16 <= self._mean_of:
            return
        vectors = self._vectors.rows[: self._vectors.used]  # those that were given back are zeros
        self.mean = vectors.sum(axis=0) / np.float32(max(self.embedded, 1))
        some = range(0, len(vectors), _ROWS_AT_ONCE)
        over = [one_over_length(vectors[start : start + _ROWS_AT_ONCE] - self.mean) for start in some]
        rows = np.flatnonzero(self._slot_of[: len(self)] >= 0)
        if len(rows):
            self.scale[rows] = np.concatenate(over)[self._slot_of[rows]]
        self._mean_of = self.embedded

    @property
    def stored(self) -> Stored:
        """The vectors, for compiled code to read."""
        return Stored(self._vectors.rows, self._slot_of, self.mean, self.scale)

    def centred(self, rows: Rows) -> npt.NDArray[np.float32]:
        """The vectors of some items seen from the mean item, `(r, d) float32`, unit rows; zeros where there is none."""
        return centred(self._vectors.rows, self._slot_of, rows, self.mean, self.scale)

    def cosines(self, rows: Rows, query: Vector) -> Floats:
        """⟨q, e'_j⟩ for some items, `(r,) float32`."""
        return cosines(self._vectors.rows, self._slot_of, rows, query, self.mean, self.scale)

    def roughly(self, queries: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
        """As `similar`, and how far off it may be for a query of length 1, `(n,)`. Only where it pays (`INT8_PAYS`)."""
        n, used, less = len(self), self._vectors.used, queries @ self.mean
        if self._in_order == n == used:
            similar, off = self._rough.look(queries, used, less, self.scale)
            return similar, off * self.scale[:n]
        similar, off = self._rough.look(queries, used, np.zeros_like(less), np.ones(used, np.float32))
        by_row = off[self._slot_of[:n]] if used else np.zeros(n, np.float32)
        return self._by_row(similar, queries), by_row * self.scale[:n]

    def similar(self, queries: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """⟨q, e'_j⟩ for each query `(q, d)` and all items, as seen from the mean item: `(q, n) float32`."""
        vectors = self._vectors.rows[: self._vectors.used]
        if len(queries) < PRODUCT_PAYS:
            return self._by_row(np.stack([vectors @ query for query in queries]), queries)
        return self._by_row(queries @ vectors.T, queries)

    def _by_row(self, products: Floats, queries: npt.NDArray[np.float32]) -> Floats:
        """Products with vectors, by slot, as those with the vectors of rows seen from the mean."""
        n, used = len(self), self._vectors.used
        if not used:
            return np.zeros((len(queries), n), np.float32)
        if not self._in_order == n == used:
            # Where there is no vector it reads the last one's, and scale is 0. An index takes four times as long.
            products = np.take(products, self._slot_of[:n], axis=1)
        products -= (queries @ self.mean)[:, None]
        products *= self.scale[:n]
        return products

    @property
    def facets(self) -> npt.NDArray[np.float32]:
        """The distinct facets' texts of the items that there are, `(m, d) float32`, centred unit rows."""
        return self._facets.rows[: len(self._facet_texts)]

    def _name(self, row: int, item: CatalogueItem | None) -> None:
        """Have a row stand for an item as it is now; what is found by its words and numbers follows."""
        before, self.items[row] = self.items[row], item
        if before is not None and item is not None and (before.title, before.facets) == (item.title, item.facets):
            return
        if before is not None:
            self.terms.remove(row, before.title, before.facets)
            self.numbers.remove(row)
        if item is not None:
            self.terms.put(row, item.title, item.facets)
            self.numbers.put(row, item.facets)

    @property
    def searched(self) -> Searched:
        """What statements' words and numbers are looked up in."""
        return Searched(self.terms, self.numbers, self.available[: len(self)], self.similar)

    def _take_facet(self, text: str, vector: Vector) -> None:
        """One item more has the text."""
        row = self._facet_rows.get(text)
        if row is None:
            row = self._facet_rows[text] = self._facets.take()
            self._facet_texts.append(text)
            self._facet_uses.append(0)
            self._facets.rows[row] = vector
        self._facet_uses[row] += 1

    def _leave_facet(self, row: int) -> None:
        """One item less has the text; the last text takes the place of one that no item has: there are no gaps."""
        facet = int(self.facet_of[row])
        self.facet_of[row] = -1
        if facet < 0:
            return
        self._facet_uses[facet] -= 1
        if self._facet_uses[facet]:
            return
        del self._facet_rows[self._facet_texts[facet]]
        last = len(self._facet_texts) - 1
        text, uses = self._facet_texts.pop(), self._facet_uses.pop()
        if facet != last:
            self._facet_texts[facet], self._facet_uses[facet] = text, uses
            self._facet_rows[text] = facet
            self._facets.rows[facet] = self._facets.rows[last]
            self.facet_of[self.facet_of == last] = facet
        self._facets.give_back(last)

    def _grow(self) -> None:
        size = len(self.available)
        self.available = doubled(self.available)
        self.scale = doubled(self.scale)
        self.facet_of, self._slot_of = doubled(self.facet_of), doubled(self._slot_of)
        self.facet_of[size:] = self._slot_of[size:] = -1


def _shared(facets: Facets) -> Facets:
    """The same facets, in texts that all items share."""
    return {
        intern(name): intern(value) if isinstance(value, str) else [intern(each) for each in value]
        for name, value in facets.items()
    }


def facet_text(facets: Mapping[str, _FacetValues], named: tuple[str, ...] = ("genre", "category")) -> str:
    """The facets' own text, which a statement is matched against: "Sci-Fi, Action film".

    Values of the facets in `named`, then the facet `domain` (what kind of thing it is). Empty without any of `named`.
    """
    values = [value for name in named for value in _values(facets.get(name))]
    if not values:
        return ""
    return " ".join([", ".join(values), *_values(facets.get("domain"))])


def item_text(title: str, text: str, facets: Mapping[str, _FacetValues]) -> str:
    """What an item's vector is made of: "Sci-Fi, Action film. Alien (1979). In space …".

    The facets' words stand first: small encoders weigh the beginning most, else a text is just about "film" to them.
    """
    return ". ".join(part for part in (facet_text(facets), title, text) if part)


def _values(facet: _FacetValues | None) -> list[str]:
    if facet is None:
        return []
    return [facet] if isinstance(facet, str) else facet
