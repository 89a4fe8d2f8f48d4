"""A catalogue that is made up: items around a hundred directions, with genre, brand and title."""

from collections.abc import Iterator

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.performance.load.workload import item_id
from penchant.messages import ItemVector
from serving.catalogue import pack

_GENRES, _BRANDS = 100, 1000
_SPREAD = 1.2  # length of what is an item's own, beside its genre's direction of length 1
_AT_ONCE = 10_000


def vectors(items: int, dim: int) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Number of the first and `(m, dim) float32` unit rows, some at once."""
    random = np.random.default_rng(7)
    genres = _unit(random.standard_normal((_GENRES, dim), np.float32))
    for start in range(0, items, _AT_ONCE):
        numbers = np.arange(start, min(start + _AT_ONCE, items))
        own = random.standard_normal((len(numbers), dim), np.float32) * np.float32(_SPREAD / np.sqrt(dim))
        yield start, _unit(genres[numbers % _GENRES] + own)


def item_vectors(items: int, dim: int, fingerprint: str) -> Iterator[ItemVector]:
    """The messages of item-vectors.v1, as the worker would write them."""
    genres = _unit(np.random.default_rng(7).standard_normal((_GENRES, dim), np.float32))
    packed = [pack(genre) for genre in genres]
    for start, rows in vectors(items, dim):
        for number, row in enumerate(rows, start):
            genre = number % _GENRES
            yield ItemVector(
                item_id=item_id(number),
                title=f"Item {number} of genre {genre}",
                facets={"genre": [f"genre {genre}"], "brand": f"brand {number * 7919 % _BRANDS}"},
                available=True,
                revision=f"{number:016x}",
                fingerprint=fingerprint,
                vector=pack(row),
                facet_text=f"genre {genre}",
                facet_vector=packed[genre],
            )


def encoded(items: int, dim: int, fingerprint: str) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of item-vectors.v1."""
    for item in item_vectors(items, dim, fingerprint):
        yield item.item_id.encode(), msgspec.json.encode(item)


def _unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    unit: npt.NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
