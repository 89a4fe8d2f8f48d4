"""Events as the decoder makes them, without their bytes."""

from serving.state.user_state import EventKind, UserState, Vector, id_hash
from stream.events.decoder import Event
from stream.events.weights import Weight
from stream.interest.fold import Bounds, FoldResult, direction, fold
from stream.testing import NOW_MS, TOPICS, embed_by_words, record


def event(
    event_id: str,
    item_id: str | None = "i1",
    *,
    time_ms: int = NOW_MS,
    preference: float = 1.0,
    covisit: float = 0.5,
    text: str | None = None,
    seen: bool = True,
) -> Event:
    """A like of an item, or its dismissal by preference; with a text a review, without an item a statement."""
    action = EventKind.LIKE if preference >= 0 else EventKind.DISMISS
    kind = action if text is None else EventKind.STATEMENT if item_id is None else EventKind.REVIEW
    return Event(
        record=record(TOPICS.clicks, {}),
        event_id=event_id,
        dedup_key=id_hash(event_id),
        user_id="u1",
        item_id=item_id,
        kind=kind,
        time_ms=time_ms,
        weight=Weight(covisit, preference),
        text=text,
        seen=seen and item_id is not None,
    )


def take(state: UserState, each: Event, item: Vector | None = None, bounds: Bounds | None = None) -> FoldResult:
    """Fold an event as an update does; its text is embedded by words, its item is `item`."""
    text = embed_by_words(each.text) if each.text is not None else None
    return fold(state, each, direction(item, text), text, bounds or Bounds())
