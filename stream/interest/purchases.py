"""What a user bought, or used up: the last purchases by event time, each once. Pure; a state is changed in place.

One visit's view, cart and purchase of an item are one interaction with it.
"""

from typing import NamedTuple

from serving.state.purchases import VISIT_S, gaps_around, packed_before
from serving.state.user_state import EventKind, RingEvent, UserState, dated_item
from stream.events.decoder import Event
from stream.interest.dated_items import added, forget_items, joined

__all__ = ["purchase_context"]

_ON_THE_WAY = frozenset({EventKind.VIEW, EventKind.CLICK, EventKind.CART, EventKind.PURCHASE})


class PurchaseContext(NamedTuple):
    """The last fields of a `penchant.messages.CoVisitEvent`."""

    same_visit: bool
    purchase: tuple[int, int] | None = None
    bought_before: str = ""


def purchase_context(state: UserState, event: Event) -> PurchaseContext:
    """What the item statistics are told of an event on the way to a purchase, from the state before it."""
    if event.item_id is None or not (event.bought or event.kind in _ON_THE_WAY):
        return PurchaseContext(same_visit=False)
    same_visit = any(
        past.item_id == event.item_id
        and past.kind in _ON_THE_WAY
        and not past.retracted
        and abs(past.time_ms - event.time_ms) <= 1000 * VISIT_S
        for past in state.ring
    )
    if not event.bought or (gaps_s := gaps_around(state, event.item_id, event.time_ms)) is None:
        return PurchaseContext(same_visit)
    return PurchaseContext(same_visit, gaps_s, packed_before(state, event.time_ms))


def note(state: UserState, entry: RingEvent, limit: int) -> None:
    """Remember a purchase; beyond `limit` of them the oldest goes."""
    row = dated_item(entry.time_ms, entry.dedup_key, "" if entry.retracted else entry.item_id)
    state.purchases = added(state.purchases, row, limit)


def join(state: UserState, other: UserState, limit: int) -> None:
    """Remember what another user bought, too."""
    state.purchases = joined(state.purchases, other.purchases, limit)


def retract(state: UserState, dedup_key: int) -> None:
    """Forget of which item a purchase was."""
    forget_items(state.purchases, [dedup_key])
