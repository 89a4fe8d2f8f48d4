"""What was shown and not taken loses points for a while. A function of the state alone: nothing is stored for it.

An impression weighs 1 when it is shown and less in a straight line, a half after half of the set time, nothing after
all of it; its age is counted up to the newest event of the user. What was shown before the user's newest event on the
item itself weighs nothing: it was taken.
"""

import numpy as np
import numpy.typing as npt

from serving.catalogue import Catalogue
from serving.state.user_state import EventKind, UserState, item_hash

__all__ = ()

_HOUR_S = 3600


def impression_weights(state: UserState, catalogue: Catalogue, hours: float) -> dict[int, float]:
    """Row -> how often the item was shown and not taken, each time by its weight. hours: the set time, 0: never."""
    if not hours or not len(state.impressions):
        return {}
    ages = newest_s(state) - state.impressions["time_s"].astype(np.int64)
    weights = np.maximum(1.0 - ages / (hours * _HOUR_S), 0.0)
    counts = (weights > 0) & (state.impressions["item"] != 0)
    impressions, weights = state.impressions[counts], weights[counts]
    items, which = np.unique(impressions["item"], return_inverse=True)
    weights[impressions["time_s"] <= _taken_s(state, items)[which]] = 0.0
    sums = np.bincount(which, weights, len(items))
    return {
        row: weight
        for item, weight in zip(items, sums.tolist(), strict=True)
        if weight
        for row in catalogue.rows_behind(item)
    }


def newest_s(state: UserState) -> int:
    """The time of the newest event that the state knows of, in whole seconds since 1970; 0 without any."""
    times = [each[-1].time_ms // 1000 for each in (state.ring, state.texts) if each]
    times += [int(each["time_s"].max()) for each in (state.seen, state.impressions) if len(each)]
    return max(times, default=0)


def _taken_s(state: UserState, items: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """When the user last did something with each of some items, by hash, -1: never that is known."""
    taken = {
        item_hash(event.item_id): event.time_ms // 1000
        for event in state.ring
        if event.item_id and not event.retracted and event.kind != EventKind.IMPRESSION
    }
    seen = state.seen[(state.seen["count"] > 0) & np.isin(state.seen["item"], items)]
    for item, time_s in zip(seen["item"].tolist(), seen["time_s"].tolist(), strict=True):
        taken[item] = max(time_s, taken.get(item, 0))
    return np.array([taken.get(item, -1) for item in items.tolist()], np.int64)
