"""Two states of one user: in what do they differ? Pure.

Compared is all that is a function of the events: not the list's version, not what the next list has still to name, not
the order of the dedup ids. A window of ids that is full has the last ones by arrival, which is not kept
anywhere: of it only the size is compared.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import numpy as np

from serving.state.user_state import PendingEvent, RecentText, Retraction, RingEvent, UserState, Vector
from stream.processing.batch import Limits
from stream.processing.pending_events import overdue
from stream.rebuild.caveats import Added, decay

__all__ = ()

_EXACTNESS = 1e-5  # of Σ |preference|: how far the order of additions may move a component of the long vector
# How far its batch may move a component of a text's vector: 1e-3 before centring, which the gate of an export allows,
# made longer by centring (unrelated texts have cosine .8, so what is left is .45 long), and half precision.
_TEXT_EXACTNESS = 2.5e-3
_PREFERENCE_EXACTNESS = 1e-2  # how far that moves the preference of a review, which follows the sentiment of its text

_E = TypeVar("_E", RingEvent, RecentText)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs, and by how much, in words."""

    field: str
    by: str


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What two states are measured by. now_ms: what has waited too long by then is on its way out, and not compared."""

    limits: Limits
    added: Added
    now_ms: int


def differences(live: UserState, rebuilt: UserState, by: Yardstick) -> list[Difference]:
    """In what a live state differs from the one that the log makes; empty if in nothing."""
    return [
        *_long(live, rebuilt, by),
        *_numbers(live, rebuilt),
        *_entries("ring", live.ring, _settled(rebuilt.ring, live.ring), _event_id),
        *_texts(live, rebuilt),
        *_ids("dedup_ids", live.dedup_ids, rebuilt.dedup_ids, by.limits.bounds.dedup_ids),
        *_ids("retracted_ids", live.retracted_ids, rebuilt.retracted_ids, by.limits.bounds.dedup_ids),
        *_seen(live, rebuilt, by.limits.bounds.seen),
        *_shown(live, rebuilt),
        *_bought(live, rebuilt),
        *_waiting(live, rebuilt, by),
        *_merged(live, rebuilt),
    ]


def knows_more(live: UserState, rebuilt: UserState) -> bool:
    """Whether a live state counts events that the log does not tell any more."""
    known = {event.event_id for event in rebuilt.ring}
    return (
        live.event_count > rebuilt.event_count
        or any(event.event_id not in known for event in live.ring)
        or len(live.dedup_ids) > len(rebuilt.dedup_ids)
        or len(live.seen) > len(rebuilt.seen)
        or len(live.impressions) > len(rebuilt.impressions)
        or len(live.purchases) > len(rebuilt.purchases)
    )


def _long(live: UserState, rebuilt: UserState, by: Yardstick) -> Iterator[Difference]:
    if live.long is None or rebuilt.long is None:
        if (live.long is None) != (rebuilt.long is None):
            yield Difference("long", "there is none" if live.long is None else "the log makes none")
        return
    half_life_ms = by.limits.bounds.half_life_ms
    reference_ms = max(live.reference_ms, rebuilt.reference_ms)
    mine, theirs = (_moved(live, reference_ms, half_life_ms), _moved(rebuilt, reference_ms, half_life_ms))
    share = decay(max(reference_ms - by.added.time_ms, 0), half_life_ms)
    allowed = share * (_EXACTNESS * by.added.total + _TEXT_EXACTNESS * by.added.texts)
    distance = float(np.abs(mine - theirs).max(initial=0.0)) if mine.shape == theirs.shape else np.inf
    if not distance <= allowed:
        yield Difference("long", f"{distance:.2e} in a component; {allowed:.2e} is allowed")


def _moved(state: UserState, reference_ms: int, half_life_ms: int) -> Vector:
    if state.long is None:
        raise TypeError("this is a bug: there is no vector to move")
    return state.long * np.float32(decay(reference_ms - state.reference_ms, half_life_ms))


def _numbers(live: UserState, rebuilt: UserState) -> Iterator[Difference]:
    if live.event_count != rebuilt.event_count:
        yield Difference("event_count", f"{live.event_count} events, {rebuilt.event_count} by the log")


def _entries(name: str, live: list[Any], rebuilt: list[Any], key: Callable[[Any], Any]) -> Iterator[Difference]:
    """Two lists whose order does not matter, named by a key."""
    mine, theirs = {key(each): each for each in live}, {key(each): each for each in rebuilt}
    if mine == theirs and len(live) == len(rebuilt):
        return
    counts = {
        "more": len(mine.keys() - theirs.keys()),
        "fewer": len(theirs.keys() - mine.keys()),
        "altered": sum(mine[each] != theirs[each] for each in mine.keys() & theirs.keys()),
        "twice": len(live) - len(mine) + len(rebuilt) - len(theirs),
    }
    yield Difference(name, ", ".join(f"{count} {word}" for word, count in counts.items() if count))


def _settled(rebuilt: list[_E], live: list[_E]) -> list[_E]:
    """What was rebuilt, with the live preference of a review where the two lie within the tolerance."""
    preferences = {each.event_id: each.preference for each in live if _is_review(each)}
    distances = {each.event_id: abs(preferences.get(each.event_id, np.inf) - each.preference) for each in rebuilt}
    return [
        msgspec.structs.replace(each, preference=preferences[each.event_id])
        if distances[each.event_id] <= _PREFERENCE_EXACTNESS
        else each
        for each in rebuilt
    ]


def _is_review(each: RingEvent | RecentText) -> bool:
    return bool(each.item_id) and (isinstance(each, RecentText) or each.written)


def _event_id(event: RingEvent) -> str:
    return event.event_id


def _texts(live: UserState, rebuilt: UserState) -> Iterator[Difference]:
    def about(text: RecentText) -> tuple[int, str, str, float, int, int]:
        return (text.time_ms, text.event_id, text.item_id, text.preference, len(text.vector), len(text.against))

    settled = _settled(rebuilt.texts, live.texts)
    told = list(_entries("texts", list(map(about, live.texts)), list(map(about, settled)), lambda each: each[1]))
    yield from told
    if told or not live.texts:
        return
    theirs = {text.event_id: _rows(text) for text in rebuilt.texts}
    distance = max(float(np.abs(_rows(text) - theirs[text.event_id]).max(initial=0.0)) for text in live.texts)
    if not distance <= _TEXT_EXACTNESS:
        yield Difference("texts", f"{distance:.2e} in a component; {_TEXT_EXACTNESS:.2e} is allowed")


def _rows(text: RecentText) -> Vector:
    return np.concatenate([text.wanted(), text.unwanted()])


def _ids(name: str, live: list[int], rebuilt: list[int], limit: int) -> Iterator[Difference]:
    if len(live) >= limit and len(rebuilt) >= limit:
        return
    more, fewer = set(live) - set(rebuilt), set(rebuilt) - set(live)
    if more or fewer:
        yield Difference(name, f"{len(more)} more, {len(fewer)} fewer ids")


def _seen(live: UserState, rebuilt: UserState, limit: int) -> Iterator[Difference]:
    """By item. In a full set an item may have gone and come again, by which its count depends on the order."""
    full = len(live.seen) >= limit and len(rebuilt.seen) >= limit
    fields = ["item", "time_s"] if full else ["item", "time_s", "count", "dismissed", "covisit"]
    mine, theirs = (set(state.seen[fields].tolist()) for state in (live, rebuilt))
    if mine != theirs:
        yield Difference("seen", f"{len(mine - theirs)} items more or altered, {len(theirs - mine)} fewer or altered")


def _shown(live: UserState, rebuilt: UserState) -> Iterator[Difference]:
    mine, theirs = (set(state.impressions.tolist()) for state in (live, rebuilt))
    if mine != theirs:
        yield Difference("impressions", f"{len(mine - theirs)} impressions more, {len(theirs - mine)} fewer")


def _bought(live: UserState, rebuilt: UserState) -> Iterator[Difference]:
    """What is older than all that a live state has is not compared: it came before purchases were kept."""
    mine, theirs = (set(state.purchases.tolist()) for state in (live, rebuilt))
    known = min(mine, default=(min((event.time_ms for event in live.ring), default=0) // 1000, 0, 0))
    fewer = {row for row in theirs - mine if row >= known}
    if mine - theirs or fewer:
        yield Difference("purchases", f"{len(mine - theirs)} purchases more, {len(fewer)} fewer")


def _merged(live: UserState, rebuilt: UserState) -> Iterator[Difference]:
    """Into whom, and who into this one. The token of a handoff is random."""
    mine, theirs = (
        (state.alias.target, state.alias.command_id, state.alias.held) if state.alias is not None else None
        for state in (live, rebuilt)
    )
    if mine != theirs:
        yield Difference("alias", f"{_words(mine)}, by the log {_words(theirs)}")

    def merges(state: UserState) -> list[tuple[str, str, bool]]:
        """But for who has yet to hear of an erasure: in a replay that is done at once."""
        return [(each.command_id, each.anonymous_id, each.done) for each in state.merges if not each.erasure]

    yield from _entries("merges", merges(live), merges(rebuilt), lambda each: each)


def _words(alias: tuple[str, str, bool] | None) -> str:
    if alias is None:
        return "not merged"
    target, command_id, held = alias
    return f"merged into {target!r} by {command_id!r}{', still held' if held else ''}"


def _waiting(live: UserState, rebuilt: UserState, by: Yardstick) -> Iterator[Difference]:
    def due(entries: list[Any]) -> list[Any]:
        return [each for each in entries if not overdue(each, by.limits, by.now_ms)]

    # Where it lies is not compared: what was forwarded waits as the copy or as the original.
    def event(each: PendingEvent) -> tuple[Any, ...]:
        return (each.event_id, each.item_id, each.timestamp_ms, each.value)

    def retraction(each: Retraction) -> tuple[Any, ...]:
        return (each.command_id, each.event_id, each.timestamp_ms, each.value)

    waiting = (
        ("pending", live.pending, rebuilt.pending, event),
        ("retractions", live.retractions, rebuilt.retractions, retraction),
    )
    for name, mine, theirs, key in waiting:
        yield from _entries(name, list(map(key, due(mine))), list(map(key, due(theirs))), lambda each: each)
