"""What a user was shown: the last impressions by event time, each once. Pure; a state is changed in place.

They are a set of which only the newest are kept. Adding one, adding it again and joining two sets commute, also when
some were dropped in between, so order, batches and duplicates change nothing. A retracted one keeps its place,
without its item.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from serving.state.user_state import IMPRESSIONS, RingEvent, UserState, item_hash

__all__ = ["item_of", "retract"]

_Rows = npt.NDArray[np.void]
_ID = 0xFFFFFFFF  # of an id's 48-bit hash these bits are kept: 256 of them collide with another id once in 2**24


def note(state: UserState, entry: RingEvent, limit: int) -> None:
    """Remember an impression of an item; beyond `limit` of them the oldest goes."""
    row = (entry.time_ms // 1000, entry.dedup_key & _ID, 0 if entry.retracted else item_hash(entry.item_id))
    impressions = state.impressions
    if len(impressions) and row <= impressions[-1].item():
        _add(state, np.array([row], IMPRESSIONS), limit)
        return
    grown = np.empty(
        len(impressions) + 1, IMPRESSIONS
    )  # most come in order, and sorting them again takes ten times as long
    grown[:-1], grown[-1] = impressions, row
    state.impressions = grown[max(len(grown) - limit, 0) :]


def join(state: UserState, other: UserState, limit: int) -> None:
    """Remember what another user was shown, too."""
    _add(state, other.impressions, limit)


def item_of(state: UserState, dedup_key: int) -> int | None:
    """The hash of the item that an impression was of, 0 if it was retracted; None if it is not remembered."""
    at = np.flatnonzero(state.impressions["id"] == dedup_key & _ID)
    return int(state.impressions["item"][at[0]]) if len(at) else None


def retract(state: UserState, dedup_keys: Iterable[int]) -> None:
    """Forget of which item the impressions under these ids were."""
    state.impressions["item"][np.isin(state.impressions["id"], [each & _ID for each in dedup_keys])] = 0


def _add(state: UserState, rows: _Rows, limit: int) -> None:
    both = np.unique(np.concatenate([state.impressions, rows]))  # sorted by the fields in their order
    state.impressions = both[max(len(both) - limit, 0) :]
