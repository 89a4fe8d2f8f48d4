"""A user's interactions, as far back as they are known: the ring, and behind it what the seen set remembers.

The seen set has hashes of items and no order within a second, so what is older than the ring is a set: items and their
strengths, each the sum of its events' co-visit weights, at most 1. `covisits.v1` carries it packed.
"""

import base64
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from serving.arrays import Indices
from serving.compiled import compiled
from serving.state.user_state import COVISIT_UNIT, UserState, item_hash

__all__ = ["MOST_OLDER_ITEMS", "PACKED_BYTES", "older_items", "packed", "packed_row", "unpack"]

MOST_OLDER_ITEMS = 180  # items; with a ring of 20 these are 200, and more of them changed no list for the better

_PACKED = np.dtype([("item", "<u4"), ("strength", "u1")])
PACKED_BYTES = _PACKED.itemsize  # of an item
_FULL = round(1.0 / COVISIT_UNIT)


class OlderItems(NamedTuple):
    """Items of interactions before those in the ring. items: `(e,) uint32`, hashes. strengths: `(e,)` in (0, 1]."""

    items: npt.NDArray[np.uint32]
    strengths: npt.NDArray[np.float32]


def older_items(state: UserState, ring: set[int] | None = None) -> OlderItems:
    """The last `MOST_OLDER_ITEMS` items of the seen set that link others and are not in the ring.

    ring: hashes of the ring's items, if somebody knows them: to hash them takes longer than all else.
    """
    rows = state.seen[_rows(state, _hashed(state) if ring is None else ring)]
    return OlderItems(rows["item"].copy(), (COVISIT_UNIT * np.minimum(rows["covisit"], _FULL)).astype(np.float32))


def packed(state: UserState) -> str:
    """`older_items(state)` as base64. Each event of a burst asks: without a float in between it takes half the time."""
    rows = state.seen[_rows(state, _hashed(state))]
    told = np.empty(len(rows), _PACKED)
    told["item"], told["strength"] = rows["item"], np.minimum(rows["covisit"], _FULL)
    return base64.b64encode(told.tobytes()).decode()


def packed_row(item: int, covisit: int) -> bytes:
    r"""One item as `packed` has it; covisit: its co-visit weights as the seen set sums them.

    >>> packed_row(7, 20)
    b'\x07\x00\x00\x00\x14'
    """
    return item.to_bytes(4, "little") + min(covisit, _FULL).to_bytes(1, "little")


def _hashed(state: UserState) -> set[int]:
    """Hashes of the ring's items, if they are asked for."""
    return {item_hash(event.item_id) for event in state.ring if event.item_id} if len(state.seen) else set()


def _rows(state: UserState, ring: set[int]) -> Indices:
    """Which rows of the seen set tell what came before the ring. ring: hashes of its items."""
    seen = state.seen
    if not len(seen):
        return np.empty(0, np.intp)
    known = np.fromiter(ring, np.uint32, len(ring))
    return _newest(seen, _linking(np.array(seen["item"]), np.array(seen["covisit"]), known), MOST_OLDER_ITEMS)


@compiled
def _linking(items: npt.NDArray[np.uint32], covisits: npt.NDArray[np.uint16], ring: npt.NDArray[np.uint32]) -> Indices:
    """Which of the items link others, and are not in a ring."""
    at, found = np.empty(len(items), np.int64), 0
    for each in range(len(items)):
        known = covisits[each] == 0
        for other in ring:
            known = known or items[each] == other
        at[found] = each
        found += not known
    return at[:found].copy()


def _newest(seen: npt.NDArray[np.void], at: Indices, most: int) -> Indices:
    """The rows of the latest interactions, at most so many of those in `at`, in their order; ties in time by hash."""
    if len(at) <= most:
        return at
    order = seen["time_s"][at].astype(np.uint64) << np.uint64(32) | seen["item"][at]
    kept = np.zeros(len(at), np.bool_)
    kept[np.argpartition(order, -most)[-most:]] = True
    return at[kept]


def unpack(packed: str) -> OlderItems:
    """The items of base64, 5 bytes an item.

    >>> items, strengths = unpack("BwAAABQIAAAAZA==")
    >>> items.tolist(), strengths.tolist()
    ([7, 8], [0.20000000298023224, 1.0])
    """
    rows = np.frombuffer(base64.b64decode(packed), _PACKED)
    return OlderItems(rows["item"].copy(), (COVISIT_UNIT * rows["strength"]).astype(np.float32))
