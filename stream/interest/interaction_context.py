"""A user's interactions as they stood when an event came, for its co-visit (penchant/messages.py).

Made from the state it takes some 25 µs, most of it for what the seen set has beyond the ring. In a burst of one user
each event changes that by an item or two, so in a long one it is followed instead (`Burst`), which takes as long as
eight of them to begin.
"""

import base64
from bisect import bisect_left, insort
from collections import Counter
from typing import NamedTuple

import numpy as np

from serving.state.history import MOST_OLDER_ITEMS, PACKED_BYTES, packed, packed_row
from serving.state.user_state import UserState, item_hash

__all__ = ["Burst", "context_of"]

_HASH = 0xFFFFFFFF  # of an order
_SHORT = 8  # events, after which following pays


class InteractionContext(NamedTuple):
    """Those fields of a `penchant.messages.CoVisitEvent` that tell what was before."""

    ring: list[tuple[str, float]]
    gaps_s: list[int]
    older_items: str


def context_of(state: UserState, older_items: str | None = None) -> InteractionContext:
    """A user's interactions as they stand, for the item statistics, without statements and what was retracted.

    older_items: what of it lies beyond the ring, if that is known.
    """
    ring = [event for event in reversed(state.ring) if event.item_id and not event.retracted]
    return InteractionContext(
        [(event.item_id, event.covisit) for event in ring],
        [(ring[0].time_ms - event.time_ms) // 1000 for event in ring],
        packed(state) if older_items is None else older_items,
    )


class Burst:
    """One user's context while events are folded one by one. Equal to `context_of`, but for the order of items.

    `follow` after each event that was folded, `lose` after all else that changes the ring or the seen set.
    """

    def __init__(self, short: int = _SHORT) -> None:
        """short: events that are not followed."""
        self._short = short
        self._asked = 0
        self._past: _Past | None = None

    def context_of(self, state: UserState) -> InteractionContext:
        """See `context_of`."""
        self._asked += 1
        if self._past is None and self._asked > self._short:
            self._past = _Past(state)
        return context_of(state, self._past.packed() if self._past is not None else None)

    def follow(self, state: UserState) -> None:
        """Take in the newest event of the ring; what came out of order, or has no place there, is not followed."""
        if self._past is not None and not self._past.follow(state):
            self.lose()

    def lose(self) -> None:
        """Begin again."""
        self._asked, self._past = 0, None


class _Past:
    """All rows of the seen set by time, and packed those that link others and are not in the ring.

    An order is a row's time and hash in one number: what the set goes by where it lets the oldest go.
    """

    def __init__(self, state: UserState) -> None:
        seen = state.seen
        orders = (seen["time_s"].astype(np.uint64) << np.uint64(32) | seen["item"]).tolist()
        self._covisits = dict(zip(seen["item"].tolist(), seen["covisit"].tolist(), strict=True))
        self._order_of = dict(zip(seen["item"].tolist(), orders, strict=True))
        self._ring = Counter(item_hash(event.item_id) for event in state.ring if event.item_id)
        self._told: list[int] = []  # orders of what is packed
        self._packed = bytearray()
        self._orders = sorted(orders)
        for order in self._orders:
            self._show(order & _HASH)
        self._note(state)

    def packed(self) -> str:
        """See `serving.state.history.packed`."""
        return base64.b64encode(self._packed[-MOST_OLDER_ITEMS * PACKED_BYTES :]).decode()

    def follow(self, state: UserState) -> bool:
        """See `Burst.follow`. Returns whether it could."""
        if len(state.ring) < max(self._length, 1) or state.ring[-1] is self._newest:
            return False
        newest, oldest = state.ring[-1], self._oldest
        if len(state.ring) == self._length and (oldest is None or state.ring[0] is oldest):
            return False
        if newest.item_id:
            hashed = item_hash(newest.item_id)
            self._hide(hashed)
            self._ring[hashed] += 1
            self._see(hashed, state)
        if len(state.ring) == self._length and oldest is not None and oldest.item_id:
            hashed = item_hash(oldest.item_id)
            self._ring[hashed] -= 1
            self._show(hashed)
        self._note(state)
        return True

    def _see(self, hashed: int, state: UserState) -> None:
        """Take over an item's row, and drop whatever made room for it."""
        at = np.flatnonzero(state.seen["item"] == hashed)
        if hashed in self._order_of:
            self._forget(hashed)
        if len(at):
            _, time_s, _, _, self._covisits[hashed] = state.seen[at[0]].item()
            self._order_of[hashed] = time_s << 32 | hashed
            insort(self._orders, self._order_of[hashed])
        while len(self._orders) > len(state.seen):
            gone = self._orders[0] & _HASH
            self._hide(gone)
            self._forget(gone)

    def _forget(self, hashed: int) -> None:
        del self._orders[bisect_left(self._orders, self._order_of.pop(hashed))]
        del self._covisits[hashed]

    def _show(self, hashed: int) -> None:
        """Pack an item, if it is one of the past now."""
        if self._ring[hashed] > 0 or not self._covisits.get(hashed):
            return
        order = self._order_of[hashed]
        at = bisect_left(self._told, order)
        self._told.insert(at, order)
        self._packed[at * PACKED_BYTES : at * PACKED_BYTES] = packed_row(hashed, self._covisits[hashed])

    def _hide(self, hashed: int) -> None:
        """Take an item out of what is packed, if it is there."""
        order = self._order_of.get(hashed)
        at = bisect_left(self._told, order) if order is not None else len(self._told)
        if at < len(self._told) and self._told[at] == order:
            del self._told[at]
            del self._packed[at * PACKED_BYTES : (at + 1) * PACKED_BYTES]

    def _note(self, state: UserState) -> None:
        self._length = len(state.ring)
        self._newest = state.ring[-1] if state.ring else None
        self._oldest = state.ring[0] if state.ring else None
