"""An event as a worker has read it, without a record behind it."""

from serving.state.user_state import EventKind, id_hash
from stream.events.decoder import Event
from stream.events.records import Record
from stream.events.weights import Weight

__all__ = ["made_event"]


def made_event(user_id: str, item_id: str, action: str, weight: Weight, *, offset: int, time_ms: int) -> Event:
    """An action of a user on an item; its id goes by its offset."""
    event_id = f"e{offset}"
    return Event(
        record=Record("", 0, offset, time_ms, None, None),
        event_id=event_id,
        dedup_key=id_hash(event_id),
        user_id=user_id,
        item_id=item_id,
        kind=EventKind[action.upper()],
        time_ms=time_ms,
        weight=weight,
        text=None,
        seen=True,
        bought=action == "purchase",
    )
