"""A user's last events one by one, with what each counts now and where on the map it draws. No I/O."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from penchant.times import rfc3339
from serving.api.shown.item_map import ItemMap
from serving.arrays import Vector
from serving.state.user_state import EventKind, RecentText, RingEvent, UserState

__all__ = ()

_DAY_MS = 86_400_000
_WORDS = 8

Place = tuple[float, float]


class PastEvent(msgspec.Struct, omit_defaults=True):
    """An event as it counts now.

    kind: what it was, in lower case. points: its preference now, below 0 for what is not wanted. words: of a
    statement, those that were looked up. place: on the map, of what was written. retracted: it counts nothing.
    """

    event_id: str
    event_time: str
    kind: str
    points: float
    item_id: str | None = None
    title: str | None = None
    words: list[str] = []
    place: Place | None = None
    retracted: bool = False


class History(msgspec.Struct):
    """What happened last, newest first.

    count: events that there ever were. waiting: how many wait for an item or for the encoder. place: of all that is
    known, on the map; null if nothing is.
    """

    user_id: str
    as_of: str
    half_life_days: float
    events: list[PastEvent]
    count: int
    waiting: int
    place: Place | None


@dataclass(frozen=True, slots=True)
class Shown:
    """What histories are told with. title_of: of an item. half_life_days: of what an event counts."""

    title_of: Callable[[str], str]
    item_map: ItemMap
    half_life_days: float


def history_of(user_id: str, state: UserState, shown: Shown, now_ms: int) -> History:
    """The ring's events and the texts, each once."""
    texts = {text.event_id: text for text in state.texts}
    made = {event.event_id: _of_ring(event, texts.get(event.event_id)) for event in state.ring}
    made |= {text.event_id: _of_text(text) for text in state.texts if text.event_id not in made}
    times = {event.event_id: event.time_ms for event in state.ring}
    times |= {text.event_id: text.time_ms for text in state.texts}
    written = [text for text in state.texts if text.vector]
    long = state.long if state.long is not None else _nothing(written)
    places = shown.item_map.place([long, *(text.wanted() for text in written)]) if long is not None else [None]
    place_of = dict(zip((text.event_id for text in written), places[1:], strict=True))
    for event_id, event in made.items():
        age = max((now_ms - times[event_id]) / (shown.half_life_days * _DAY_MS), 0.0)
        event.points = round(event.points * math.exp2(-age), 6)
        event.place = place_of.get(event_id)
        if event.item_id:
            event.title = shown.title_of(event.item_id) or None
    events = sorted(made.values(), key=lambda event: (times[event.event_id], event.event_id), reverse=True)
    return History(
        user_id, rfc3339(now_ms), shown.half_life_days, events, state.event_count, len(state.pending), places[0]
    )


def _of_ring(event: RingEvent, text: RecentText | None) -> PastEvent:
    return PastEvent(
        event_id=event.event_id,
        event_time=rfc3339(event.time_ms),
        kind=EventKind(event.kind).name.lower(),
        points=event.preference,
        item_id=event.item_id or None,
        words=_words(text),
        retracted=event.retracted,
    )


def _of_text(text: RecentText) -> PastEvent:
    kind = EventKind.REVIEW if text.item_id else EventKind.STATEMENT
    return PastEvent(
        event_id=text.event_id,
        event_time=rfc3339(text.time_ms),
        kind=kind.name.lower(),
        points=text.preference,
        item_id=text.item_id or None,
        words=_words(text),
        retracted=not text.vector,
    )


def _words(text: RecentText | None) -> list[str]:
    return [] if text is None else [word.word for word in text.words[:_WORDS]]


def _nothing(written: list[RecentText]) -> Vector | None:
    return written[-1].wanted() if written else None
