"""What a user was shown: the last impressions by event time, each once. Pure; a state is changed in place."""

from collections.abc import Iterable

import numpy as np

from serving.state.user_state import ID32, RingEvent, UserState, dated_item
from stream.interest.dated_items import added, forget_items, joined

__all__ = ["item_of", "retract"]


def note(state: UserState, entry: RingEvent, limit: int) -> None:
    """Remember an impression of an item; beyond `limit` of them the oldest goes."""
    row = dated_item(entry.time_ms, entry.dedup_key, "" if entry.retracted else entry.item_id)
    state.impressions = added(state.impressions, row, limit)


def join(state: UserState, other: UserState, limit: int) -> None:
    """Remember what another user was shown, too."""
    state.impressions = joined(state.impressions, other.impressions, limit)


def item_of(state: UserState, dedup_key: int) -> int | None:
    """The hash of the item that an impression was of, 0 if it was retracted; None if it is not remembered."""
    at = np.flatnonzero(state.impressions["id"] == dedup_key & ID32)
    return int(state.impressions["item"][at[0]]) if len(at) else None


def retract(state: UserState, dedup_keys: Iterable[int]) -> None:
    """Forget of which item the impressions under these ids were."""
    forget_items(state.impressions, dedup_keys)
