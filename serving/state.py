"""What is kept of a user, and how it stands in the store.

A `UserState` holds the long interest vector at a reference time of its own, the ring of the last events, the ids that
were counted, the seen set, recent texts, and what still waits. `encode` and `decode` are its only outside form.

Record, version 4: `crc32 (4 bytes, little endian) | MessagePack array`, the array's fields in the order of `_Record`.
The long vector is block fixed point: int24 mantissas (little endian) times `2**exponent`. Its error per save is at most
`2**-23` of the largest component, and what was decoded encodes to the same bytes again.
"""

import binascii
import math
from dataclasses import dataclass, field
from enum import IntEnum

import msgspec
import numpy as np
import numpy.typing as npt

from serving.errors import BrokenState, FingerprintMismatch, NewerState
from serving.hashes import fingerprint_bytes, id_hash, item_hash
from serving.pending import Alias, Merge, Ref, Retraction, Waiting

__all__ = [
    "PAIR_UNIT",
    "RECENT_TEXTS",
    "RING",
    "SEEN",
    "SHOWN",
    "VERSION",
    "Alias",
    "Kind",
    "Merge",
    "RecentText",
    "Ref",
    "Retraction",
    "RingEvent",
    "UserState",
    "Vector",
    "Waiting",
    "decode",
    "encode",
    "fingerprint_bytes",
    "id_hash",
    "item_hash",
    "no_seen",
    "no_shown",
]

Vector = npt.NDArray[np.float32]

VERSION = 4
# Version 2 has `alias` and `merges` behind what version 1 has, version 3 `shown`; version 4 knows the `pair` weights of
# what was seen, and of texts.
_READABLE = frozenset({1, 2, 3, 4})
RING = 20
RECENT_TEXTS = 8


class Kind(IntEnum):
    """What an event was, for the words of a reason; action types of a user's own weights file are OTHER."""

    OTHER = 0
    VIEW = 1
    CLICK = 2
    CART = 3
    PURCHASE = 4
    LIKE = 5
    DISMISS = 6
    IMPRESSION = 7
    RATE = 8
    REVIEW = 9
    STATEMENT = 10


class RingEvent(msgspec.Struct, array_like=True, frozen=True):
    """One event of the ring; `counted_as` is its id's 48-bit hash, `item_id` is empty for a statement.

    retracted: it was taken back; the place stays, without a taste, so that order does not matter. seen: it counts in
    the seen set. written: it came with a text, whose vector stands among the recent texts while there is room.
    """

    time_ms: int
    event_id: str
    counted_as: int
    item_id: str
    kind: int
    pair: float
    taste: float
    retracted: bool = False
    seen: bool = False
    written: bool = False

    @property
    def order(self) -> tuple[int, str]:
        """What the ring is sorted by: event time, ties by id, so that arrival does not matter."""
        return (self.time_ms, self.event_id)


class RecentText(msgspec.Struct, array_like=True, frozen=True):
    """A text the user wrote. A statement has no `item_id`.

    vector: `(d,) float16`, of what it wants; against: likewise, of what it asks to be spared, empty if nothing. Zeros
    stand where it only asks to be spared something. A text that was taken back has its place, no taste and no vector.
    pair: the pair weight of a review.
    """

    time_ms: int
    event_id: str
    item_id: str
    taste: float
    vector: bytes
    against: bytes = b""
    pair: float = 0.0

    @property
    def order(self) -> tuple[int, str]:
        """Sorted as the ring is."""
        return (self.time_ms, self.event_id)

    def as_float32(self) -> Vector:
        """What was folded, `(d,) float32`: what it wants less what it asks to be spared."""
        wanted = self.wanted()
        return wanted - self.unwanted() if self.against else wanted

    def wanted(self) -> Vector:
        """`(d,) float32`: a unit row, or zeros."""
        return np.frombuffer(self.vector, np.float16).astype(np.float32)

    def unwanted(self) -> Vector:
        """`(d,) float32`, a unit row; `(0,)` if nothing is unwanted."""
        return np.frombuffer(self.against, np.float16).astype(np.float32)


class _Record(msgspec.Struct, array_like=True):
    version: int
    fingerprint: bytes
    list_version: int
    reference_ms: int
    exponent: int
    long: bytes
    ring_numbers: bytes
    ring_items: list[str]
    ring_ids: list[str]
    counted: bytes
    seen: bytes
    texts: list[RecentText]
    waiting: list[Waiting]
    unnamed: list[Ref]
    unnamed_more: int
    standing: int = 0
    undone: bytes = b""
    retractions: list[Retraction] = []
    alias: Alias | None = None
    merges: list[Merge] = []
    shown: bytes = b""


_RING = np.dtype(
    [
        ("s", "<u4"),
        ("ms", "<u2"),
        ("id_low", "<u4"),
        ("id_high", "<u2"),
        ("pair", "<f2"),
        ("taste", "<f2"),
        ("kind", "u1"),
    ]
)
_RETRACTED, _WRITTEN, _SEEN, _KIND = 0x80, 0x40, 0x20, 0x1F  # of the byte `kind`
SEEN = np.dtype([("item", "<u4"), ("time_s", "<u4"), ("count", "u1"), ("dismissed", "u1"), ("pair", "<u2")])
PAIR_UNIT = 0.01  # of `pair` in the seen set: sums of whole numbers do not depend on the order
_SEEN_BEFORE_4 = np.dtype([("item", "<u4"), ("time_s", "<u4"), ("count", "u1"), ("dismissed", "u1")])
_SEEN_BEFORE_3 = np.dtype([("item", "<u4"), ("time_s", "<u4"), ("count", "<u2")])
SHOWN = np.dtype([("time_s", "<u4"), ("id", "<u4"), ("item", "<u4")])
_COUNTED_BYTES = 6

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Record)


def no_seen() -> npt.NDArray[np.void]:
    """An empty seen set: `(0,)` of `SEEN`."""
    return np.empty(0, SEEN)


def no_shown() -> npt.NDArray[np.void]:
    """No impressions: `(0,)` of `SHOWN`."""
    return np.empty(0, SHOWN)


@dataclass(slots=True, eq=False)
class UserState:
    """All that is kept of one user.

    long: `(d,) float32`, the decayed sum as it stood at `reference_ms`, or None before the first event with a taste.
    ring: at most `RING` events, oldest first by event time. texts: at most `RECENT_TEXTS`, likewise.
    counted: 48-bit hashes of the event ids that were counted last, oldest first.
    undone: likewise, of events that were retracted and stand in the ring no more.
    seen: `(n,)` of `SEEN`, one row an item, by 32-bit hash of its id: how many events, at most 255, how many of them
    dismissed it, and the sum of their pair weights in units of `PAIR_UNIT`. What was retracted counts 0.
    shown: `(n,)` of `SHOWN`, the last impressions, oldest first, by 32-bit hashes of id and item; the item of what was
    retracted is 0.
    standing: how many events `long` is the sum of. With none it is zeros, not what rounding leaves of a difference.
    waiting, retractions: what waits for an item's vector, and for an event.
    list_version: the version of the last list made; 0 before the first.
    alias: set if the user was merged into another. merges: users that were, or are to be, merged into this one.
    erased_ms: when the user was erased last, 0: never. The store keeps it, apart from the record, under a keyed digest.
    """

    long: Vector | None = None
    reference_ms: int = 0
    standing: int = 0
    ring: list[RingEvent] = field(default_factory=list)
    counted: list[int] = field(default_factory=list)
    undone: list[int] = field(default_factory=list)
    seen: npt.NDArray[np.void] = field(default_factory=no_seen)
    shown: npt.NDArray[np.void] = field(default_factory=no_shown)
    texts: list[RecentText] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
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
        return any(entry.missed for entry in self.waiting) or any(entry.missed for entry in self.retractions)


def encode(state: UserState, fingerprint: str) -> bytes:
    """The state as bytes; `decode` with the same fingerprint gives it back."""
    exponent, long = _pack_long(state.long)
    numbers = np.array(
        [
            (
                e.time_ms // 1000,
                e.time_ms % 1000,
                e.counted_as & 0xFFFFFFFF,
                e.counted_as >> 32,
                e.pair,
                e.taste,
                e.kind | e.retracted * _RETRACTED | e.written * _WRITTEN | e.seen * _SEEN,
            )
            for e in state.ring
        ],
        _RING,
    )
    body = _encoder.encode(
        _Record(
            version=VERSION,
            fingerprint=fingerprint_bytes(fingerprint),
            list_version=state.list_version,
            reference_ms=state.reference_ms,
            exponent=exponent,
            long=long,
            ring_numbers=numbers.tobytes(),
            ring_items=[e.item_id for e in state.ring],
            ring_ids=[e.event_id for e in state.ring],
            counted=_pack_ids(state.counted),
            seen=state.seen.tobytes(),
            texts=state.texts,
            waiting=state.waiting,
            unnamed=state.unnamed,
            unnamed_more=state.unnamed_more,
            standing=state.standing,
            undone=_pack_ids(state.undone),
            retractions=state.retractions,
            alias=state.alias,
            merges=state.merges,
            shown=state.shown.tobytes(),
        )
    )
    return binascii.crc32(body).to_bytes(4, "little") + body


def decode(record: bytes, fingerprint: str) -> UserState:
    """Read what `encode` wrote.

    Raises BrokenState if the record is cut, altered or of an unknown version, and FingerprintMismatch if its vectors
    are from another model folder.
    """
    raw = _open(record)
    if raw.fingerprint != fingerprint_bytes(fingerprint):
        raise FingerprintMismatch(
            f"a user's state was made with another model folder than {fingerprint}; "
            "start the worker with the folder that made it, or rebuild the state by a replay"
        )
    numbers = np.frombuffer(raw.ring_numbers, _RING).tolist()
    ring = [
        RingEvent(
            s * 1000 + ms,
            event_id,
            low | high << 32,
            item_id,
            kind & _KIND,
            pair,
            taste,
            retracted=bool(kind & _RETRACTED),
            seen=bool(kind & _SEEN),
            written=bool(kind & _WRITTEN),
        )
        for (s, ms, low, high, pair, taste, kind), event_id, item_id in zip(
            numbers, raw.ring_ids, raw.ring_items, strict=True
        )
    ]
    return UserState(
        long=_unpack_long(raw.exponent, raw.long),
        reference_ms=raw.reference_ms,
        ring=ring,
        standing=raw.standing,
        counted=_unpack_ids(raw.counted),
        undone=_unpack_ids(raw.undone),
        seen=_unpack_seen(raw),
        texts=raw.texts,
        waiting=raw.waiting,
        retractions=raw.retractions,
        unnamed=raw.unnamed,
        unnamed_more=raw.unnamed_more,
        list_version=raw.list_version,
        alias=raw.alias,
        merges=raw.merges,
        shown=np.frombuffer(raw.shown, SHOWN).copy(),
    )


def _open(record: bytes) -> _Record:
    if len(record) < 5:
        raise BrokenState(f"a user's state has {len(record)} bytes: it was cut short")
    body = record[4:]
    if binascii.crc32(body) != int.from_bytes(record[:4], "little"):
        raise BrokenState("a user's state does not match its checksum: rebuild it by a replay")
    # The version is the first field of every version's array, so a newer record is named as such before it is read.
    version = msgspec.msgpack.decode(body)[0]
    if version not in _READABLE:
        raise NewerState(
            f"a user's state is of version {version}, this build reads up to {VERSION}: start the newer build that "
            "wrote it, or rebuild the state by a replay"
        )
    return _decoder.decode(body)


def _unpack_seen(raw: _Record) -> npt.NDArray[np.void]:
    """Of what was written before pair weights were kept, those are 0: the items stand in no history."""
    if raw.version >= 4:
        return np.frombuffer(raw.seen, SEEN).copy()
    old = np.frombuffer(raw.seen, _SEEN_BEFORE_4 if raw.version == 3 else _SEEN_BEFORE_3)
    seen = np.zeros(len(old), SEEN)
    seen["item"], seen["time_s"], seen["count"] = old["item"], old["time_s"], np.minimum(old["count"], 255)
    if raw.version == 3:
        seen["dismissed"] = old["dismissed"]
    return seen


def _pack_ids(hashes: list[int]) -> bytes:
    return b"".join(each.to_bytes(_COUNTED_BYTES, "little") for each in hashes)


def _unpack_ids(packed: bytes) -> list[int]:
    return [int.from_bytes(packed[i : i + _COUNTED_BYTES], "little") for i in range(0, len(packed), _COUNTED_BYTES)]


def _pack_long(long: Vector | None) -> tuple[int, bytes]:
    if long is None:
        return 0, b""
    peak = float(np.abs(long).max())
    if peak == 0.0:
        return 0, bytes(3 * len(long))
    exponent = math.frexp(peak)[1] - 23  # mantissas below 2**23
    mantissas = np.rint(np.ldexp(long.astype(np.float64), -exponent)).astype("<i4")
    np.clip(mantissas, -(2**23) + 1, 2**23 - 1, out=mantissas)
    return exponent, mantissas.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def _unpack_long(exponent: int, packed: bytes) -> Vector | None:
    if not packed:
        return None
    wide = np.zeros((len(packed) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(packed, np.uint8).reshape(-1, 3)
    mantissas = wide.view("<i4").ravel() >> 8  # the shift carries the sign
    return np.ldexp(mantissas.astype(np.float32), exponent)
