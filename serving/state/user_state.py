"""What is kept of a user, and how it stands in the store.

A `UserState` holds the long interest vector at a reference time of its own, the ring of the last events, the ids by
which duplicates are told, the seen set, recent texts, and pending events. `encode` and `decode` are its only outside
form; `serving/state/codec.py` has the record's bytes.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from penchant.errors import FingerprintMismatch
from penchant.hashes import fingerprint_bytes, id_hash, item_hash
from serving.arrays import Vector
from serving.state import codec as record
from serving.state.codec import (
    COVISIT_UNIT,
    ID32,
    IMPRESSIONS,
    LANGUAGES,
    PURCHASES,
    SEEN,
    VERSION,
    EventKind,
    RecentText,
    RingEvent,
    dated_item,
)
from serving.state.looked_up import NumberRange, Word
from serving.state.pending import Alias, Merge, PendingEvent, Ref, Retraction

__all__ = [
    "COVISIT_UNIT",
    "ID32",
    "IMPRESSIONS",
    "LANGUAGES",
    "RECENT_TEXTS",
    "RING",
    "SEEN",
    "Alias",
    "EventKind",
    "Merge",
    "NumberRange",
    "PendingEvent",
    "RecentText",
    "Ref",
    "Retraction",
    "RingEvent",
    "UserState",
    "Vector",
    "Word",
    "dated_item",
    "decode",
    "encode",
    "id_hash",
    "item_hash",
]

RING = 20
RECENT_TEXTS = 8


def _no_seen() -> npt.NDArray[np.void]:
    """An empty seen set: `(0,)` of `SEEN`."""
    return np.empty(0, SEEN)


def no_impressions() -> npt.NDArray[np.void]:
    """No impressions: `(0,)` of `IMPRESSIONS`."""
    return np.empty(0, IMPRESSIONS)


def no_purchases() -> npt.NDArray[np.void]:
    """Nothing bought: `(0,)` of `PURCHASES`."""
    return np.empty(0, PURCHASES)


@dataclass(slots=True, eq=False)
class UserState:
    """All that is kept of one user.

    long: `(d,) float32`, the decayed sum as it stood at `reference_ms`, or None before the first event with a
    preference.
    ring: at most `RING` events, oldest first by event time. texts: at most `RECENT_TEXTS`, likewise.
    dedup_ids: 48-bit hashes of the ids of the last events folded, oldest first.
    retracted_ids: likewise, of events that were retracted and are no longer in the ring.
    seen: `(n,)` of `SEEN`, one row an item, by 32-bit hash of its id: how many events, at most 255, how many of them
    dismissed it, and the sum of their co-visit weights in units of `COVISIT_UNIT`. What was retracted counts 0.
    impressions: `(n,)` of `IMPRESSIONS`, the last impressions, oldest first, by 32-bit hashes of id and item; the item
    of what was retracted is 0.
    purchases: `(n,)` of `PURCHASES`, the last things bought, or used up by another action, likewise.
    event_count: how many events `long` is the sum of. With none it is zeros, not what rounding leaves of a difference.
    pending, retractions: events that wait for a vector, and retractions that wait for their event.
    list_version: the version of the last list made; 0 before the first.
    alias: set if the user was merged into another. merges: users that were, or are to be, merged into this one.
    erased_ms: when the user was erased last, 0: never. The store keeps it, apart from the record, under a keyed digest.
    """

    long: Vector | None = None
    reference_ms: int = 0
    event_count: int = 0
    ring: list[RingEvent] = field(default_factory=list)
    dedup_ids: list[int] = field(default_factory=list)
    retracted_ids: list[int] = field(default_factory=list)
    seen: npt.NDArray[np.void] = field(default_factory=_no_seen)
    impressions: npt.NDArray[np.void] = field(default_factory=no_impressions)
    purchases: npt.NDArray[np.void] = field(default_factory=no_purchases)
    texts: list[RecentText] = field(default_factory=list)
    pending: list[PendingEvent] = field(default_factory=list)
    retractions: list[Retraction] = field(default_factory=list)
    unnamed: list[Ref] = field(default_factory=list)
    unnamed_more: int = 0
    list_version: int = 0
    alias: Alias | None = None
    merges: list[Merge] = field(default_factory=list)
    erased_ms: int = 0

    @property
    def known(self) -> bool:
        """Whether anything is known of the user's interests."""
        return self.long is not None or bool(self.ring) or bool(self.texts)

    @property
    def missed(self) -> bool:
        """Whether a text of the user still waits for the encoder."""
        return any(entry.missed for entry in self.pending) or any(entry.missed for entry in self.retractions)


def encode(state: UserState, fingerprint: str) -> bytes:
    """The state as bytes; `decode` with the same fingerprint gives it back.

    Raises ValueError, which names the field, if the state holds what its record cannot (`serving.state.codec.seal`).
    """
    exponent, long = record.pack_long(state.long)
    return record.seal(
        record.StateRecord(
            version=VERSION,
            fingerprint=fingerprint_bytes(fingerprint),
            list_version=state.list_version,
            reference_ms=state.reference_ms,
            exponent=exponent,
            long=long,
            ring_numbers=record.pack_ring(state.ring),
            ring_items=[e.item_id for e in state.ring],
            ring_ids=[e.event_id for e in state.ring],
            dedup_ids=record.pack_ids(state.dedup_ids),
            seen=state.seen.tobytes(),
            texts=state.texts,
            pending=state.pending,
            unnamed=state.unnamed,
            unnamed_more=state.unnamed_more,
            event_count=state.event_count,
            retracted_ids=record.pack_ids(state.retracted_ids),
            retractions=state.retractions,
            alias=state.alias,
            merges=state.merges,
            impressions=state.impressions.tobytes(),
            purchases=state.purchases.tobytes(),
        )
    )


def decode(sealed: bytes, fingerprint: str) -> UserState:
    """Read what `encode` wrote.

    Raises BrokenState if the record is cut, altered or of an unknown version, whatever its bytes are, and
    FingerprintMismatch if its vectors are from another model folder.
    """
    raw = record.unseal(sealed)
    if raw.fingerprint != fingerprint_bytes(fingerprint):
        raise FingerprintMismatch(
            f"a user's state was made with another model folder than {fingerprint}; "
            "start the worker with the folder that made it, or rebuild the state by a replay"
        )
    ring = record.unpack_ring(raw)
    return UserState(
        long=record.unpack_long(raw.exponent, raw.long),
        reference_ms=raw.reference_ms,
        ring=ring,
        event_count=raw.event_count,
        dedup_ids=record.unpack_ids(raw.dedup_ids),
        retracted_ids=record.unpack_ids(raw.retracted_ids),
        seen=record.unpack_seen(raw),
        texts=raw.texts,
        pending=raw.pending,
        retractions=raw.retractions,
        unnamed=raw.unnamed,
        unnamed_more=raw.unnamed_more,
        list_version=raw.list_version,
        alias=raw.alias,
        merges=raw.merges,
        impressions=record.unpack_impressions(raw),
        purchases=record.unpack_purchases(raw, ring),
    )
