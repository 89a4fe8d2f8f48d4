"""What a user bought, as lists and item statistics ask for it. Purchases of an item within one visit are one.

`covisits.v1` carries what was bought before a purchase, packed: 32-bit hashes of items, and seconds before it.
"""

import base64
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from serving.arrays import Mask
from serving.state.user_state import UserState, item_hash

__all__ = ["PACKED_PURCHASE_BYTES", "VISIT_S", "Bought", "bought", "gaps_around", "packed_before", "unpack_before"]

VISIT_S = 4 * 3600  # what one user does to an item within so long is one interaction with it
_MOST = 64  # items bought before that are told
_PACKED = np.dtype([("item", "<u4"), ("ago_s", "<u4")])
PACKED_PURCHASE_BYTES = _PACKED.itemsize  # of an item


class BoughtBefore(NamedTuple):
    """Items by hash, `(e,) uint32`, and how many seconds before a purchase each was bought last, `(e,) int64`."""

    items: npt.NDArray[np.uint32]
    ago_s: npt.NDArray[np.int64]


class Bought(NamedTuple):
    """One item that a user bought: when last, and how many seconds lay between each two times."""

    item: int
    last_s: int
    gaps_s: tuple[int, ...]


def bought(state: UserState) -> list[Bought]:
    """Each item that the user bought and did not give back."""
    rows = state.purchases[state.purchases["item"] != 0]
    times: dict[int, list[int]] = {}
    for time_s, item in zip(rows["time_s"].tolist(), rows["item"].tolist(), strict=True):
        times.setdefault(item, []).append(time_s)
    return [
        Bought(item, each[-1], tuple(late - early for early, late in pairwise(each) if late - early > VISIT_S))
        for item, each in times.items()
    ]


def gaps_around(state: UserState, item_id: str, time_ms: int) -> tuple[int, int] | None:
    """Of a purchase at a time: seconds since the user's one of the item before, and until the one after; 0: none.

    None if it is one with another of the same visit.
    """
    times_s = state.purchases["time_s"][state.purchases["item"] == item_hash(item_id)].astype(np.int64)
    gaps_s = times_s - time_ms // 1000
    if (np.abs(gaps_s) <= VISIT_S).any():
        return None
    return (_least(-gaps_s[gaps_s < 0]), _least(gaps_s[gaps_s > 0]))


def packed_before(state: UserState, time_ms: int) -> str:
    """What was bought before the visit that a purchase belongs to, as base64: the last items, each once."""
    rows = state.purchases
    ago_s = time_ms // 1000 - rows["time_s"].astype(np.int64)
    counts: Mask = (rows["item"] != 0) & (ago_s > VISIT_S)
    latest = dict(zip(rows["item"][counts].tolist(), ago_s[counts].tolist(), strict=True))  # rows are oldest first
    told = sorted(latest.items(), key=lambda each: (each[1], each[0]))[:_MOST]
    return base64.b64encode(np.array(told, _PACKED).tobytes()).decode()


def unpack_before(packed: str) -> BoughtBefore:
    """The items of base64, 8 bytes an item.

    >>> before = unpack_before("BwAAAICfAgA=")
    >>> before.items.tolist(), before.ago_s.tolist()
    ([7], [171904])
    """
    rows = np.frombuffer(base64.b64decode(packed), _PACKED)
    return BoughtBefore(rows["item"].copy(), rows["ago_s"].astype(np.int64))


def _least(gaps_s: npt.NDArray[np.int64]) -> int:
    return int(gaps_s.min()) if len(gaps_s) else 0
