"""The bytes of a user's record, and what is kept of an event in it.

Version 6: `crc32 (4 bytes, little endian) | MessagePack array`, the array's fields in the order of `StateRecord`. The
long vector is block fixed point: int24 mantissas (little endian) times `2**exponent`. Its error per save is at most
`2**-23` of the largest component, and what was decoded encodes to the same bytes again.

Whatever bytes come, reading them raises nothing but BrokenState and NewerState, and takes memory in proportion.
"""

import binascii
import math
from enum import IntEnum
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt

from penchant.errors import BrokenState, NewerState
from penchant.hashes import item_hash
from serving.arrays import Vector
from serving.state.looked_up import NumberRange, Word
from serving.state.pending import Alias, Merge, PendingEvent, Ref, Retraction, TimeMs

__all__ = ()

Number = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]  # the largest whole number that every JSON reader knows

VERSION = 6
# Version 2 has `alias` and `merges` behind what version 1 has, version 3 `impressions`; version 4 the co-visit weights
# of what was seen, and of texts; version 5 `purchases`;
# version 6 the words of texts, and languages in the ring.
LANGUAGES = ("", "en", "zh")  # by number; what comes later is put last
_READABLE = frozenset({1, 2, 3, 4, 5, 6})


class EventKind(IntEnum):
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
    """One event of the ring; `dedup_key` is the 48-bit hash of its id, `item_id` is empty for a statement.

    retracted: its place stays, without a preference, so that order does not matter. seen: it counts
    in the seen set. written: it came with a text, whose vector stands among the recent texts while there is room.
    language: in which its user is to be told reasons, of `LANGUAGES`; "": it does not say.
    """

    time_ms: int
    event_id: str
    dedup_key: int
    item_id: str
    kind: int
    covisit: float
    preference: float
    retracted: bool = False
    seen: bool = False
    written: bool = False
    language: str = ""

    @property
    def order(self) -> tuple[int, str]:
        """What the ring is sorted by: event time, ties by id, so that arrival does not matter."""
        return (self.time_ms, self.event_id)


class RecentText(msgspec.Struct, array_like=True, frozen=True):
    """A text the user wrote. A statement has no `item_id`.

    vector: `(d,) float16`, of what it wants; against: likewise, of what it does not want, empty if nothing. Zeros
    stand where it only says what it does not want. A retracted text has its place, no preference and no
    vector.
    covisit: the co-visit weight of a review.
    words, spared, ranges: of a statement, the words of what it wants and of what it does not want, and the numbers that
    it asks for; bounded by serving/lexical/wording.py. Retracted, none are left.
    """

    time_ms: TimeMs
    event_id: str
    item_id: str
    preference: float
    vector: bytes
    against: bytes = b""
    covisit: float = 0.0
    words: list[Word] = []
    spared: list[Word] = []
    ranges: list[NumberRange] = []

    @property
    def order(self) -> tuple[int, str]:
        """Sorted as the ring is."""
        return (self.time_ms, self.event_id)

    def as_float32(self) -> Vector:
        """What was folded, `(d,) float32`: what it wants less what it does not want."""
        wanted = self.wanted()
        return wanted - self.unwanted() if self.against else wanted

    def wanted(self) -> Vector:
        """`(d,) float32`: a unit row, or zeros."""
        return np.frombuffer(self.vector, np.float16).astype(np.float32)

    def unwanted(self) -> Vector:
        """`(d,) float32`, a unit row; `(0,)` if nothing is unwanted."""
        return np.frombuffer(self.against, np.float16).astype(np.float32)


class StateRecord(msgspec.Struct, array_like=True):
    """The fields, in their order."""

    version: int
    fingerprint: bytes
    list_version: Number
    reference_ms: Number
    exponent: Annotated[int, msgspec.Meta(ge=-172, le=105)]  # of float32's smallest number, and of its largest
    long: bytes
    ring_numbers: bytes
    ring_items: list[str]
    ring_ids: list[str]
    dedup_ids: bytes
    seen: bytes
    texts: list[RecentText]
    pending: list[PendingEvent]
    unnamed: list[Ref]
    unnamed_more: Number
    event_count: Number = 0
    retracted_ids: bytes = b""
    retractions: list[Retraction] = []
    alias: Alias | None = None
    merges: list[Merge] = []
    impressions: bytes = b""
    purchases: bytes = b""


_RING = np.dtype(
    [
        ("s", "<u4"),
        ("ms", "<u2"),
        ("id_low", "<u4"),
        ("id_high", "<u2"),
        ("covisit", "<f2"),
        ("preference", "<f2"),
        ("kind", "u1"),
    ]
)
_MS_BITS = 10  # of `ms`; above them stands the language
_MS = (1 << _MS_BITS) - 1
_RETRACTED, _WRITTEN, _SEEN, _KIND = 0x80, 0x40, 0x20, 0x1F  # of the byte `kind`
SEEN = np.dtype([("item", "<u4"), ("time_s", "<u4"), ("count", "u1"), ("dismissed", "u1"), ("covisit", "<u2")])
COVISIT_UNIT = 0.01  # of `covisit` in the seen set: sums of whole numbers do not depend on the order
_SEEN_BEFORE_4 = np.dtype([("item", "<u4"), ("time_s", "<u4"), ("count", "u1"), ("dismissed", "u1")])
_SEEN_BEFORE_3 = np.dtype([("item", "<u4"), ("time_s", "<u4"), ("count", "<u2")])
IMPRESSIONS = np.dtype([("time_s", "<u4"), ("id", "<u4"), ("item", "<u4")])
PURCHASES = IMPRESSIONS
ID32 = 0xFFFFFFFF  # of an id's 48-bit hash these bits stand there: 256 of them collide with another id once in 2**24
_ID_BYTES = 6
_LAST_KIND = int(max(EventKind))

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(StateRecord)


def seal(record: StateRecord) -> bytes:
    """The record as bytes.

    Raises ValueError if a field holds what MessagePack does not take: text that is not Unicode, which is refused where
    it comes in, or a number of more than 64 bits.
    """
    try:
        body = _encoder.encode(record)
    except (UnicodeEncodeError, OverflowError) as error:
        raise ValueError(f"this is a bug: `{_culprit(record)}` of a user's state cannot be stored: {error}") from error
    return binascii.crc32(body).to_bytes(4, "little") + body


def unseal(record: bytes) -> StateRecord:
    """What `seal` made bytes of.

    Raises BrokenState, and NewerState if this build does not know its version.
    """
    if len(record) < 5:
        raise BrokenState(f"a user's state has {len(record)} bytes: it was cut short")
    body = record[4:]
    if binascii.crc32(body) != int.from_bytes(record[:4], "little"):
        raise BrokenState("a user's state does not match its checksum: rebuild it by a replay")
    # The version is the first field of every version's array, so a newer record is named as such before it is read.
    version = _version(body)
    if version not in _READABLE:
        raise NewerState(
            f"a user's state is of version {version}, this build reads up to {VERSION}: start the newer build that "
            "wrote it, or rebuild the state by a replay"
        )
    try:
        read = _decoder.decode(body)
        _check(read)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BrokenState(f"a user's state is none ({error}): rebuild it by a replay") from error
    return read


def pack_ring(ring: list[RingEvent]) -> bytes:
    """The numbers of the ring's events; their ids and items stand beside them."""
    numbers = [
        (
            e.time_ms // 1000,
            e.time_ms % 1000 | LANGUAGES.index(e.language) << _MS_BITS,
            e.dedup_key & 0xFFFFFFFF,
            e.dedup_key >> 32,
            e.covisit,
            e.preference,
            e.kind | e.retracted * _RETRACTED | e.written * _WRITTEN | e.seen * _SEEN,
        )
        for e in ring
    ]
    return np.array(numbers, _RING).tobytes()


def unpack_ring(record: StateRecord) -> list[RingEvent]:
    """The ring's events.

    Raises BrokenState.
    """
    numbers = np.frombuffer(record.ring_numbers, _RING).tolist()
    if not all(map(_is_event, numbers)):
        raise BrokenState("a user's state has an event that is none: rebuild it by a replay")
    return [
        RingEvent(
            s * 1000 + (ms & _MS),
            event_id,
            low | high << 32,
            item_id,
            kind & _KIND,
            covisit,
            preference,
            retracted=bool(kind & _RETRACTED),
            seen=bool(kind & _SEEN),
            written=bool(kind & _WRITTEN),
            language=LANGUAGES[ms >> _MS_BITS],
        )
        for (s, ms, low, high, covisit, preference, kind), event_id, item_id in zip(
            numbers, record.ring_ids, record.ring_items, strict=True
        )
    ]


def unpack_seen(record: StateRecord) -> npt.NDArray[np.void]:
    """Of what was written before co-visit weights were kept, those are 0: the items stand in no history."""
    if record.version >= 4:
        return np.frombuffer(record.seen, SEEN).copy()
    old = np.frombuffer(record.seen, _seen_before(record.version))
    seen = np.zeros(len(old), SEEN)
    seen["item"], seen["time_s"], seen["count"] = old["item"], old["time_s"], np.minimum(old["count"], 255)
    if record.version == 3:
        seen["dismissed"] = old["dismissed"]
    return seen


def unpack_impressions(record: StateRecord) -> npt.NDArray[np.void]:
    """`(n,)` of `IMPRESSIONS`."""
    return np.frombuffer(record.impressions, IMPRESSIONS).copy()


def unpack_purchases(record: StateRecord, ring: list[RingEvent]) -> npt.NDArray[np.void]:
    """`(n,)` of `PURCHASES`; of what was written before they were kept, those that stand in the ring."""
    if record.version >= 5:
        return np.frombuffer(record.purchases, PURCHASES).copy()
    bought = [event for event in ring if event.kind == EventKind.PURCHASE and event.item_id]
    rows = [dated_item(e.time_ms, e.dedup_key, "" if e.retracted else e.item_id) for e in bought]
    return np.unique(np.array(rows, PURCHASES))


def dated_item(time_ms: int, dedup_key: int, item_id: str) -> tuple[int, int, int]:
    """One row of `IMPRESSIONS` or `PURCHASES`; the item of what was retracted is "", and stands there as 0."""
    return (time_ms // 1000, dedup_key & ID32, item_hash(item_id) if item_id else 0)


def pack_ids(hashes: list[int]) -> bytes:
    """48 bits each."""
    return b"".join(each.to_bytes(_ID_BYTES, "little") for each in hashes)


def unpack_ids(packed: bytes) -> list[int]:
    """What `pack_ids` packed."""
    return [int.from_bytes(packed[i : i + _ID_BYTES], "little") for i in range(0, len(packed), _ID_BYTES)]


def pack_long(long: Vector | None) -> tuple[int, bytes]:
    """Exponent and mantissas."""
    if long is None:
        return 0, b""
    peak = float(np.abs(long).max())
    if peak == 0.0:
        return 0, bytes(3 * len(long))
    exponent = math.frexp(peak)[1] - 23  # mantissas below 2**23
    mantissas = np.rint(np.ldexp(long.astype(np.float64), -exponent)).astype("<i4")
    np.clip(mantissas, -(2**23) + 1, 2**23 - 1, out=mantissas)
    return exponent, mantissas.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def unpack_long(exponent: int, packed: bytes) -> Vector | None:
    """`(d,) float32`."""
    if not packed:
        return None
    wide = np.zeros((len(packed) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(packed, np.uint8).reshape(-1, 3)
    mantissas = wide.view("<i4").ravel() >> 8  # the shift carries the sign
    return np.ldexp(mantissas.astype(np.float32), exponent)


def _version(body: bytes) -> int:
    """The first field of an array, without reading the rest: what came may be anything."""
    unpacker_at = {0xDC: 3, 0xDD: 5}.get(body[0], 1 if 0x91 <= body[0] <= 0x9F else 0)
    number = body[unpacker_at : unpacker_at + 9]
    if not unpacker_at or not number:
        raise BrokenState("a user's state is no array: rebuild it by a replay")
    if number[0] <= 0x7F:
        return number[0]
    width = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}.get(number[0])
    if width is None or len(number) <= width:
        raise BrokenState("a user's state begins without a version: rebuild it by a replay")
    return int.from_bytes(number[1 : 1 + width], "big")


def _check(record: StateRecord) -> None:
    """That the fields hold whole rows, as many as each other, of numbers that can be reckoned with.

    Raises msgspec.ValidationError.
    """
    rows = (
        (record.long, 3, "long"),
        (record.ring_numbers, _RING.itemsize, "ring"),
        (record.dedup_ids, _ID_BYTES, "dedup_ids"),
        (record.retracted_ids, _ID_BYTES, "retracted_ids"),
        (record.seen, _seen_before(record.version).itemsize, "seen"),
        (record.impressions, IMPRESSIONS.itemsize, "impressions"),
        (record.purchases, PURCHASES.itemsize, "purchases"),
    )
    for packed, size, name in rows:
        if len(packed) % size:
            raise msgspec.ValidationError(f"`{name}` has {len(packed)} bytes, in rows of {size}")
    events = len(record.ring_numbers) // _RING.itemsize
    if not events == len(record.ring_ids) == len(record.ring_items):
        raise msgspec.ValidationError(f"`ring` has {events} rows and {len(record.ring_ids)} ids")
    of_vectors = len(record.long) // 3 * 2
    for text in record.texts:
        if not (math.isfinite(text.preference) and math.isfinite(text.covisit)):
            raise msgspec.ValidationError("`texts` has a weight that is no number")
        ends = [end for each in text.ranges for end in (each.low, each.high) if end is not None]
        if not all(map(math.isfinite, [*ends, *(word.weight for word in [*text.words, *text.spared])])):
            raise msgspec.ValidationError("`texts` has words or ranges with what is no number")
        for vector in (text.vector, text.against):
            of_vectors = of_vectors or len(vector)
            if (vector and len(vector) != of_vectors) or of_vectors % 2:
                raise msgspec.ValidationError("`long` and `texts` have vectors of several dimensions")


def _is_event(numbers: tuple[int, int, int, int, float, float, int]) -> bool:
    """Whether a row of the ring is of a kind, has numbers for weights, and milliseconds below a thousand."""
    _, ms, _, _, covisit, preference, kind = numbers
    of_time = ms & _MS < 1000 and ms >> _MS_BITS < len(LANGUAGES)
    return (
        covisit - covisit == 0.0 == preference - preference and of_time and kind & _KIND <= _LAST_KIND
    )  # inf - inf is no number


def _seen_before(version: int) -> np.dtype[np.void]:
    """How the seen set was laid out in a version."""
    return SEEN if version >= 4 else _SEEN_BEFORE_4 if version == 3 else _SEEN_BEFORE_3


def _culprit(record: StateRecord) -> str:
    """The first field that MessagePack does not take."""
    for name in record.__struct_fields__:
        try:
            _encoder.encode(getattr(record, name))
        except (UnicodeEncodeError, OverflowError):
            return name
    return "record"
