"""How an event changes what is kept of a user. Pure: no I/O, no clock; a state is changed in place and nothing else is.

The long vector is `u = Σ preference · 2^(-(ref - t) / half_life) · v` over the user's events. Its reference time `ref`
is a whole multiple of the half-life, the first at or after the newest event with a preference: moving it on is a shift
of exponents, exact in binary floating point, and every weight lies in (0, 1]. So nothing overflows however long the
gaps are, and events may come in any order (forward decay: Cormode et al., 2009, ICDE, with a moving landmark).
"""

import math
from bisect import insort
from dataclasses import dataclass
from enum import Enum

import msgspec
import numpy as np

from serving.lexical.wording import Wording
from serving.state.user_state import (
    COVISIT_UNIT,
    RECENT_TEXTS,
    RING,
    SEEN,
    EventKind,
    RecentText,
    RingEvent,
    UserState,
    Vector,
    item_hash,
)
from stream.events.decoder import Event
from stream.events.encoder_input import text_direction
from stream.interest import impressions, purchases

__all__ = [
    "Bounds",
    "FoldResult",
    "direction",
    "entry_of",
    "find_duplicate",
    "fold",
    "join",
    "retract_in_advance",
    "subtract",
]

_SAME_TEXT = 0.98  # cosine from which two vectors are of one text, whatever batch each was encoded in
_MAX_COUNT = np.iinfo(np.uint8).max
_MAX_COVISIT = np.iinfo(np.uint16).max


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a user's state may have, and how fast the long vector fades.

    half_life_ms: the time in which an event's weight halves. dedup_ids, seen, impressions, purchases: how many event
    ids, items, impressions and purchases are remembered.
    """

    half_life_ms: int = 30 * 86_400_000
    ring: int = RING
    dedup_ids: int = 64
    seen: int = 2_000
    impressions: int = 256
    purchases: int = 256
    texts: int = RECENT_TEXTS


class FoldResult(Enum):
    """What became of an event."""

    FOLDED = "folded"
    DUPLICATE = "duplicate"
    REUSED = "reused"


def fold(state: UserState, event: Event, vector: Vector | None, text: Vector | None, bounds: Bounds) -> FoldResult:
    """Count an event in, once.

    vector: what the long vector moves towards, `(d,) float32` (see `direction`), or None if the event has no
    preference.
    text: what the encoder made of the event's text (stream/events/encoder_input.py), exact in half precision, or None
        without one.
    """
    known = find_duplicate(state, event, text)
    if known is not None:
        return known
    if event.weight.preference and vector is not None:
        add(state, event.weight.preference, vector, event.time_ms, bounds.half_life_ms)
        state.event_count += 1
    entry = entry_of(event)
    _place(state, entry, _written(entry, text, event.wording), bounds)
    if event.bought:
        purchases.note(state, entry_of(event), bounds.purchases)
    return FoldResult.FOLDED


def retract_in_advance(state: UserState, event: Event, bounds: Bounds) -> None:
    """Take in a new event whose retraction came before it: what `fold` and then `subtract` leave, without a sum."""
    entry = msgspec.structs.replace(entry_of(event), retracted=True)
    _place(state, entry, _written(entry, None, None), bounds)
    if event.bought:
        purchases.note(state, entry, bounds.purchases)


def subtract(state: UserState, past: RingEvent, vector: Vector | None, bounds: Bounds) -> None:
    """Retract what an event added, once; its places stay, marked, so that order does not matter.

    past: the event as it stands in the ring, or would. vector: what `fold` was given. If an item was updated in
    between, its vector is another one, and the difference of the two stays behind.
    """
    if past.preference and vector is not None:
        add(state, -past.preference, vector, past.time_ms, bounds.half_life_ms)
        state.event_count = max(state.event_count - 1, 0)
        if state.long is not None and not state.event_count:
            state.long[:] = 0.0
    if past.seen and past.item_id:
        _lower_seen(state, past)
    impressions.retract(state, [past.dedup_key])
    purchases.retract(state, past.dedup_key)
    state.texts = [_blank(text) if text.event_id == past.event_id else text for text in state.texts]
    stands = [place for place, event in enumerate(state.ring) if event.event_id == past.event_id]
    for place in stands:
        state.ring[place] = _retracted(state.ring[place])
    if not stands:
        _remember_retracted(state, [past.dedup_key], bounds)


def entry_of(event: Event) -> RingEvent:
    """An event as the ring has it."""
    return RingEvent(
        event.time_ms,
        event.event_id,
        event.dedup_key,
        event.item_id or "",
        event.kind,
        event.weight.covisit,
        event.weight.preference,
        seen=event.seen,
        written=event.text is not None,
        language=event.language,
    )


def find_duplicate(state: UserState, event: Event, text: Vector | None) -> FoldResult | None:
    """DUPLICATE if the event was folded already, REUSED if its id was, with another content; None if it is new."""
    for past in state.ring:
        if past.dedup_key == event.dedup_key:
            same = past.item_id == (event.item_id or "") and past.kind == event.kind
            return FoldResult.DUPLICATE if same and _same_text(state, event, text) else FoldResult.REUSED
    shown = impressions.item_of(state, event.dedup_key) if event.kind is EventKind.IMPRESSION else None
    if shown is not None:
        return FoldResult.DUPLICATE if shown in {0, item_hash(event.item_id or "")} else FoldResult.REUSED
    known = event.dedup_key in state.dedup_ids or event.dedup_key in state.retracted_ids
    return FoldResult.DUPLICATE if known else None


def direction(item: Vector | None, text: Vector | None) -> Vector | None:
    """What an event moves towards: the item, the text, or half of each for a review of an item. `(d,) float32`."""
    text = text_direction(text) if text is not None else None
    if item is None or text is None:
        return text if item is None else item
    return np.float32(0.5) * item + np.float32(0.5) * text


def add(state: UserState, preference: float, vector: Vector, time_ms: int, half_life_ms: int) -> None:
    """Add `preference · vector` as of `time_ms` to the long vector; a negative one takes away what was added."""
    if state.long is None:
        state.long = np.zeros(len(vector), np.float32)
        state.reference_ms = _landmark(time_ms, half_life_ms)
    elif time_ms > state.reference_ms:
        ahead = _landmark(time_ms, half_life_ms)
        halvings = (ahead - state.reference_ms) / half_life_ms
        # Whole halvings shift exponents and round nothing; a half-life that was changed since gives a broken one.
        state.long = np.ldexp(state.long, -math.floor(halvings)) * np.float32(2.0 ** -(halvings % 1.0))
        state.reference_ms = ahead
    share = 2.0 ** max(-(state.reference_ms - time_ms) / half_life_ms, -1000.0)
    state.long += np.float32(preference * share) * vector


def join(state: UserState, other: UserState, bounds: Bounds) -> None:
    """Add all that was counted of another user: sums are added, the ring is that of both. `other` is left as it was.

    What waits is not joined here. An id that both have counts as two events, as their texts and items may differ.
    """
    if other.long is not None:
        if state.long is None:
            state.long, state.reference_ms = np.zeros_like(other.long), other.reference_ms
        add(state, 1.0, other.long, other.reference_ms, bounds.half_life_ms)
    state.event_count += other.event_count
    state.dedup_ids = (other.dedup_ids + state.dedup_ids)[-bounds.dedup_ids :]
    _remember_retracted(state, other.retracted_ids, bounds)
    for row in other.seen.tolist():
        _see(state, row, bounds.seen)
    impressions.join(state, other, bounds.impressions)
    purchases.join(state, other, bounds.purchases)
    state.ring = sorted(state.ring + other.ring, key=lambda e: e.order)
    _cut_ring(state, bounds)
    state.texts = sorted(state.texts + other.texts, key=lambda t: t.order)[-bounds.texts :]


def _mark_seen(state: UserState, entry: RingEvent, limit: int) -> None:
    """Count an event's item into the seen set; beyond `limit` items the one with the oldest last event goes.

    One that was retracted counts 0: the item's row is what both orders leave.
    """
    times = 0 if entry.retracted else 1
    dismissed, covisit = times * (entry.kind == EventKind.DISMISS), times * _covisit_units(entry)
    _see(state, (item_hash(entry.item_id), entry.time_ms // 1000, times, dismissed, covisit), limit)


def _covisit_units(entry: RingEvent) -> int:
    """The co-visit weight in the seen set's units: of what the codec leaves, so that it is the same when retracted."""
    if entry.preference < 0:
        return 0  # what was disliked is no way to something else
    return min(round(float(np.float16(entry.covisit)) / COVISIT_UNIT), _MAX_COVISIT)


def _see(state: UserState, row_of: tuple[int, int, int, int, int], limit: int) -> None:
    seen, (hashed, time_s, times, dismissed, covisit) = state.seen, row_of
    at = np.flatnonzero(seen["item"] == hashed)
    if len(at):
        row = seen[at[0]]
        row["time_s"] = max(int(row["time_s"]), time_s)
        row["count"] = min(int(row["count"]) + times, _MAX_COUNT)
        row["dismissed"] = min(int(row["dismissed"]) + dismissed, _MAX_COUNT)
        row["covisit"] = min(int(row["covisit"]) + covisit, _MAX_COVISIT)
        return
    grown = np.empty(len(seen) + 1, SEEN)  # np.append takes ten times as long with a type of several fields
    grown[:-1] = seen
    grown[-1] = row_of
    if len(grown) > limit:
        oldest = int((grown["time_s"].astype(np.uint64) << np.uint64(32) | grown["item"]).argmin())
        grown[oldest:-1] = grown[oldest + 1 :]
        grown = grown[:-1]
    state.seen = grown


def _lower_seen(state: UserState, past: RingEvent) -> None:
    at = np.flatnonzero(state.seen["item"] == item_hash(past.item_id))
    if len(at):  # else it was the oldest of too many, and went
        row = state.seen[at[0]]
        row["count"] = max(int(row["count"]) - 1, 0)
        row["dismissed"] = max(int(row["dismissed"]) - (past.kind == EventKind.DISMISS), 0)
        row["covisit"] = max(int(row["covisit"]) - _covisit_units(past), 0)


def _place(state: UserState, entry: RingEvent, written: RecentText | None, bounds: Bounds) -> None:
    """Give an event its places: seen set, dedup ids, ring, recent texts. An impression has one of its own.

    One that weighs nothing and is only seen does not stand in the ring.
    """
    if entry.kind == EventKind.IMPRESSION:
        impressions.note(state, entry, bounds.impressions)
    if entry.seen and entry.item_id:
        _mark_seen(state, entry, bounds.seen)
    if not (entry.preference or entry.covisit or entry.seen):
        return
    state.dedup_ids.append(entry.dedup_key)
    del state.dedup_ids[: -bounds.dedup_ids]
    if entry.preference or entry.covisit:
        _push(state, entry, written, bounds)
    elif entry.retracted:
        _remember_retracted(state, [entry.dedup_key], bounds)


def _push(state: UserState, entry: RingEvent, written: RecentText | None, bounds: Bounds) -> None:
    insort(state.ring, _retracted(entry) if entry.retracted else entry, key=lambda e: e.order)
    _cut_ring(state, bounds)
    if written is not None:
        insort(state.texts, _blank(written) if entry.retracted else written, key=lambda t: t.order)
        del state.texts[: -bounds.texts]


def _written(entry: RingEvent, text: Vector | None, wording: Wording | None) -> RecentText | None:
    """What is kept of an event's text, None without one."""
    if not entry.written:
        return None
    rows = [] if text is None else [row.astype(np.float16).tobytes() for row in np.atleast_2d(text)]
    wanted, against = [*rows, b"", b""][:2]
    about = (entry.time_ms, entry.event_id, entry.item_id, entry.preference)
    said = (wording.words, wording.spared, wording.ranges) if wording is not None else ()
    return RecentText(*about, wanted, against, entry.covisit, *said)


def _cut_ring(state: UserState, bounds: Bounds) -> None:
    gone = state.ring[: -bounds.ring]
    del state.ring[: -bounds.ring]
    _remember_retracted(state, [event.dedup_key for event in gone if event.retracted], bounds)


def _remember_retracted(state: UserState, dedup_keys: list[int], bounds: Bounds) -> None:
    state.retracted_ids += dedup_keys
    del state.retracted_ids[: -bounds.dedup_ids]


def _retracted(entry: RingEvent) -> RingEvent:
    """Without its preference, which is not known of a text that was retracted before it was read, and its language."""
    return msgspec.structs.replace(entry, retracted=True, preference=0.0, language="")


def _blank(text: RecentText) -> RecentText:
    return msgspec.structs.replace(text, preference=0.0, vector=b"", against=b"", words=[], spared=[], ranges=[])


def _same_text(state: UserState, event: Event, text: Vector | None) -> bool:
    if text is None or event.kind not in {EventKind.REVIEW, EventKind.STATEMENT}:
        return True
    past = next((t for t in state.texts if t.event_id == event.event_id), None)
    if past is None or not past.vector:
        return True
    then, now = past.as_float32(), text_direction(text)
    return bool(then @ now >= _SAME_TEXT * np.linalg.norm(then) * np.linalg.norm(now))


def _landmark(time_ms: int, half_life_ms: int) -> int:
    """The first whole multiple of the half-life at or after a time."""
    return -(-time_ms // half_life_ms) * half_life_ms
