"""How much of an event everybody's lists may count: the same user's events on one item add little to each other.

The item statistics are sums over events. If each counted, one user with a script would put an item on top for all. So

    within a day (UTC)        the user's events on an item count together as much as the strongest of them
    on a later day, after n   one counts 1 / (n + 1) of its co-visit weight, and those after it of that day nothing

both as the user's state tells: by the item's row in the seen set, or by the ring where no row is kept. So the worker
that holds the state applies the cap, before it tells others of the event, and a redelivery tells the same again.

It tells, too, the how-manieth of its user's events of a day this is. By that goes what passes quickly: popularity of
late (serving/ranking/popularity.py) and what the blend learns (serving/ranking/learning/fair_share.py). Otherwise a
hundred users with a script, on ever other items, would be all that is known of the last hour.
"""

import numpy as np

from serving.state.user_state import COVISIT_UNIT, UserState, item_hash
from stream.events.decoder import Event

__all__ = ["counted", "nth_of_day"]

DAY_S = 86_400
_ALL = float("inf")


def counted(state: UserState, event: Event) -> float:
    """The co-visit weight that an event on an item counts for everybody, from its user's state before it; ≥ 0.

    Another day only counts as one if the event is news: `event_time` is the sender's to choose, so what comes more than
    a day late, or is older than the newest event on its item, counts as of that one's day. What was retracted counted.
    """
    covisit, time_s = event.weight.covisit, event.time_ms // 1000
    last_s, events, sums = _earlier(state, event.item_id or "")
    if any(entry.item_id == event.item_id for entry in state.pending):
        return 0.0  # one that waits for its vector counted when it came
    if not events:
        return covisit
    if _news(event) and time_s // DAY_S > last_s // DAY_S:
        return covisit / (events + 1)
    return max(covisit - sums, 0.0)


def nth_of_day(state: UserState, event: Event) -> int:
    """The how-manieth event within a day it is for its user, from 1, as far as the ring tells, and what waits.

    Everything there counts as of the same day for one that comes more than a day late.
    """
    near = (not _news(event) or abs(event.time_ms - other.time_ms) < 1000 * DAY_S for other in state.ring)
    return 1 + sum(near) + len(state.pending)


def _news(event: Event) -> bool:
    return event.record.timestamp_ms - event.time_ms < 1000 * DAY_S


def _earlier(state: UserState, item_id: str) -> tuple[int, int, float]:
    """Of the user's events on an item: the newest one's time in seconds, how many, and what they counted at most."""
    if len(state.seen):
        at = np.flatnonzero(state.seen["item"] == item_hash(item_id))
        if len(at):
            _, time_s, count, _, units = state.seen[at[0]].item()
            return time_s, max(count, 1), COVISIT_UNIT * units if units else _ALL  # 0 if disliked, or retracted
    own = [event for event in state.ring if event.item_id == item_id]
    if not own:
        return 0, 0, 0.0
    return own[-1].time_ms // 1000, len(own), sum(event.covisit for event in own)
