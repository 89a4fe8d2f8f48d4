"""What a user touched, as far back as it is known: the ring, and behind it what the seen set remembers.

The seen set has hashes of items and no order within a second, so what is older than the ring is a set: an item and how
strongly it was touched, the sum of its events' pair weights, at most 1. `covisits.v1` carries it packed.
"""

import base64
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from serving.state import PAIR_UNIT, UserState, item_hash

MOST_EARLIER = 180  # items; with a ring of 20 these are 200, and more of them changed no list for the better

_PACKED = np.dtype([("item", "<u4"), ("strength", "u1")])
_FULL = round(1.0 / PAIR_UNIT)


class Earlier(NamedTuple):
    """Items that a user touched before those in the ring. items: `(e,) uint32`, hashes. strengths: `(e,)` in (0, 1]."""

    items: npt.NDArray[np.uint32]
    strengths: npt.NDArray[np.float32]


def earlier(state: UserState) -> Earlier:
    """The last `MOST_EARLIER` items of the seen set that link others and are not in the ring."""
    seen = state.seen
    if not len(seen):
        return Earlier(np.empty(0, np.uint32), np.empty(0, np.float32))
    ring = np.array([item_hash(event.item_id) for event in state.ring if event.item_id], np.uint32)
    items, pairs = seen["item"], seen["pair"]
    at = np.flatnonzero((pairs > 0) & ~(items[:, None] == ring).any(axis=1))
    if len(at) > MOST_EARLIER:  # ties in time by hash, so that the order of the set does not matter
        order = seen["time_s"][at].astype(np.uint64) << np.uint64(32) | items[at]
        at = at[np.argpartition(order, -MOST_EARLIER)[-MOST_EARLIER:]]
    return Earlier(items[at], (PAIR_UNIT * np.minimum(pairs[at], _FULL)).astype(np.float32))


def pack(of: Earlier) -> str:
    """As base64: 5 bytes an item.

    >>> packed = pack(Earlier(np.array([7, 8], np.uint32), np.array([0.2, 1.0], np.float32)))
    >>> packed, unpack(packed).items.tolist(), unpack(packed).strengths.round(3).tolist()
    ('BwAAABQIAAAAZA==', [7, 8], [0.20000000298023224, 1.0])
    """
    rows = np.empty(len(of.items), _PACKED)
    rows["item"], rows["strength"] = of.items, np.rint(of.strengths / PAIR_UNIT)
    return base64.b64encode(rows.tobytes()).decode()


def unpack(packed: str) -> Earlier:
    """What `pack` told."""
    rows = np.frombuffer(base64.b64decode(packed), _PACKED)
    return Earlier(rows["item"].copy(), (PAIR_UNIT * rows["strength"]).astype(np.float32))
