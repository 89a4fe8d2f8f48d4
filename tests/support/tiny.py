"""Sets for the evaluation that fit in the head: items on axes of their own, users who interact with pairs."""

import numpy as np

from evaluation.prequential.data_sets import DatasetEvent
from penchant.messages import ItemVector
from serving.catalogue import Catalogue, pack
from stream.events.weights import Weight

ONE = Weight(1.0, 1.0)
DAY_MS = 86_400_000


def event(user: str, row: int, time_ms: int = 0, *, positive: bool = True) -> DatasetEvent:
    return DatasetEvent(user, row, time_ms, ONE, positive)


def catalogue(n: int) -> Catalogue:
    """`n` items at right angles to each other; every two neighbours share a title."""
    made = Catalogue(n, "f", n)
    for row in range(n):
        vector = np.zeros(n, np.float32)
        vector[row] = 1.0
        made.put(
            ItemVector(
                item_id=f"i{row}",
                title=f"title {row // 2}",
                facets={},
                available=True,
                revision="",
                fingerprint="f",
                vector=pack(vector),
            )
        )
    return made


def pairs(n: int, events: int, seed: int = 0) -> list[DatasetEvent]:
    """Users who interact with an even item and then its odd neighbour, and never come back."""
    random = np.random.default_rng(seed)
    firsts = 2 * random.integers(0, n // 2, events // 2)
    return [event(f"u{user}", int(first) + place, user) for user, first in enumerate(firsts) for place in (0, 1)]
