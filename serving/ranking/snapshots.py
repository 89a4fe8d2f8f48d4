"""Item statistics as they lie in Redis: a header and chunks, each with a checksum. Read here, written by a worker.

    {prefix:0}:statistics        string, the key of the snapshot that counts
    {prefix:0}:statistics:NAME   hash, "0": the header, "1" …: chunks of `CHUNK` items each, the EASE model, last: what
                                 is bought again

Each value is `crc32 (4 bytes, little endian) | MessagePack array`, in the order of `_Header`, `_Items`, `_Gram` and
`_Repeats`. An item takes 100 bytes and its id, and 13 bytes for each of its neighbours, at most 800, which are told by
their place among all items of the snapshot. What the EASE model has counted is at most 2.5 MiB. An item that was bought
takes 13 bytes more, and 5 for each length of the gaps between its purchases, at most 56.
"""

import binascii
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from penchant.errors import BrokenState, Misconfigured
from serving.arrays import Doubles
from serving.ranking.covisits import MOST_NEIGHBOURS, CoVisitRows, Links
from serving.ranking.ease import TOP_ITEMS, Gram
from serving.ranking.learning.fair_share import MOST_OF_A_DAY, are_days
from serving.ranking.popularity import FADES, MOMENTS, Sums, earlier_sums
from serving.ranking.seen.repeats import BUCKETS, OCTAVES, RepeatCounts, Repeats
from serving.ranking.statistics import SourcePartition, StatisticsSnapshot

__all__ = ["FORGET", "encode", "pointer", "read"]

VERSION = 3
# Version 1 has no counts of the EASE model; 2 has one fading sum an item, no times, nothing of what is bought again.
_READABLE = frozenset({1, 2, 3})
CHUNK = 10_000
FORGET = "`penchant statistics forget` gives it up and begins with what covisits.v1 still holds"


class _Header(msgspec.Struct, array_like=True):
    version: int
    chunks: int
    made_ms: int
    reached: int
    identity: str
    applied: list[tuple[str, str, int, int]]
    weight: float  # of a late event, up to version 2
    events: int
    since: list[float] = []
    now: list[float] = []
    began_ms: float = 0.0
    newest_ms: float = 0.0
    usual: float = MOST_OF_A_DAY  # for builds that read no `days`
    days: list[float] = []


class _Items(msgspec.Struct, array_like=True):
    ids: list[str]
    totals: bytes
    scaled: bytes  # the one fading sum, up to version 2
    sizes: bytes = b""
    neighbours: bytes = b""
    co_occurrence: bytes = b""
    transition: bytes = b""
    last: bytes = b""  # numbers of last events, in version 2
    fading: bytes = b""
    moments: bytes = b""
    shares: bytes = b""  # as `totals`, where there are none
    users: bytes = b""  # of one user each, where there are none


class _Gram(msgspec.Struct, array_like=True):
    rows: bytes
    counts: bytes  # the upper triangle, row by row
    events: int
    users: bytes = b""  # as `counts`; of one user each, where there are none


class _Repeats(msgspec.Struct, array_like=True):
    rows: bytes
    purchases: bytes
    kind_of: bytes  # places among `kinds`
    sizes: bytes  # how many buckets of each row follow
    buckets: bytes
    counts: bytes
    kinds: list[str]
    lifts: bytes  # of each kind, num and den


_Number = TypeVar("_Number", bound=np.generic)
_encoder = msgspec.msgpack.Encoder()
_header = msgspec.msgpack.Decoder(_Header)
_items = msgspec.msgpack.Decoder(_Items)
_gram = msgspec.msgpack.Decoder(_Gram)
_repeats = msgspec.msgpack.Decoder(_Repeats)
_any = msgspec.msgpack.Decoder(list[Any])
_NO_GRAM = Gram(np.empty(0, np.intp), np.empty((0, 0), np.float32), 0, np.empty((0, 0), np.uint8))
_MOST_WEIGHT = 1e201  # of a late event, up to version 2
_MOST_HALVINGS = 1_000.0  # between what sums are weighted by and the newest event (serving/ranking/popularity.py)
_MOST_TIME_MS = 2.0**53
_MOST_COUNT = 1e30  # sums of co-visit weights stay far below; much larger ones make infinities of sums and squares
# What bytes of another shape come to, behind a checksum that fits.
_UNREADABLE = (msgspec.MsgspecError, ValueError, LookupError, OverflowError, RecursionError)


def pointer(prefix: str) -> str:
    """The key that names the snapshot. It shares a slot with the owner's token of user partition 0."""
    return f"{{{prefix}:0}}:statistics"


def encode(snapshot: StatisticsSnapshot, chunk: int = CHUNK) -> Iterator[bytes]:
    """The values of a snapshot: header, `chunk` items each, EASE model, repeats; what has no interaction is left out.

    Each step holds the interpreter for a chunk's time only, so that another thread may go on in between.
    """
    sums = snapshot.popular
    n = len(snapshot.ids)
    filled = np.zeros(n, np.bool_)
    filled[: len(snapshot.covisits)] = snapshot.covisits.filled()
    filled |= sums.totals > 0
    filled[snapshot.gram.rows] = True
    filled[snapshot.repeats.rows] = True
    known = np.flatnonzero(filled)
    places = np.zeros(n, np.int32)
    places[known] = np.arange(len(known))
    starts = range(0, len(known), chunk)
    header = _Header(
        version=VERSION,
        chunks=len(starts),
        made_ms=snapshot.made_ms,
        reached=snapshot.reached,
        identity=snapshot.identity,
        applied=[(*source, offset) for source, offset in snapshot.applied.items()],
        weight=1.0,
        events=sums.events,
        since=sums.since.tolist(),
        now=sums.now.tolist(),
        began_ms=sums.began_ms,
        newest_ms=sums.newest_ms,
        days=list(sums.days),
    )
    yield _seal(header)
    for start in starts:
        rows = known[start : start + chunk]
        links = snapshot.covisits.links(rows.tolist())
        yield _seal(
            _Items(
                ids=[snapshot.ids[row] for row in rows],
                totals=_pack(sums.totals[rows]),
                scaled=b"",
                sizes=np.diff(links.starts).astype("<i4").tobytes(),
                neighbours=places[links.items].astype("<i4", copy=False).tobytes(),
                co_occurrence=links.co_occurrence.astype("<f4", copy=False).tobytes(),
                transition=links.transition.astype("<f4", copy=False).tobytes(),
                fading=_pack(sums.fading[rows]),
                moments=_pack(sums.moments[rows]),
                shares=_pack(sums.shares[rows]),
                users=links.users.tobytes(),
            )
        )
    upper = np.triu_indices(len(snapshot.gram.rows))
    yield _seal(
        _Gram(
            rows=places[snapshot.gram.rows].astype("<i4", copy=False).tobytes(),
            counts=snapshot.gram.counts[upper].astype("<f4", copy=False).tobytes(),
            events=snapshot.gram.events,
            users=snapshot.gram.users[upper].tobytes(),
        )
    )
    yield _seal(_packed_repeats(snapshot.repeats, places))


def _packed_repeats(repeats: RepeatCounts, places: npt.NDArray[np.int32]) -> _Repeats:
    kinds = sorted({*repeats.kinds, *repeats.lifts})
    place_of = {kind: place for place, kind in enumerate(kinds)}
    nothing = np.zeros((2, OCTAVES), np.int32)
    at = np.nonzero(repeats.gaps)
    return _Repeats(
        rows=places[repeats.rows].astype("<i4", copy=False).tobytes(),
        purchases=repeats.purchases.astype("<i4").tobytes(),
        kind_of=np.array([place_of[kind] for kind in repeats.kinds], "<i4").tobytes(),
        sizes=np.bincount(at[0], minlength=len(repeats.rows)).astype("u1").tobytes(),
        buckets=at[1].astype("u1").tobytes(),
        counts=repeats.gaps[at].astype("<i4").tobytes(),
        kinds=kinds,
        lifts=np.array([repeats.lifts.get(kind, nothing) for kind in kinds], "<i4").tobytes(),
    )


def decode(values: Sequence[bytes]) -> StatisticsSnapshot:
    """Read what `encode` wrote.

    Raises BrokenState if something is missing, altered or cannot be, Misconfigured if a newer Penchant wrote it.
    """
    try:
        return _decode(values)
    except _UNREADABLE as error:
        raise BrokenState(f"the snapshot of the item statistics cannot be read: {error}") from error


def _decode(values: Sequence[bytes]) -> StatisticsSnapshot:
    body = _open(values[0]) if values else b""
    if not body:
        raise BrokenState("the snapshot of the item statistics has no header")
    version = _version(body)
    header = _header.decode(body)
    wanted = header.chunks + version
    if len(values) != wanted:
        raise BrokenState(f"the snapshot of the item statistics has {len(values)} of {wanted} values")
    chunks = [_items.decode(_open(value)) for value in values[1 : header.chunks + 1]]
    ids = list(chain.from_iterable(chunk.ids for chunk in chunks))
    covisits = CoVisitRows()
    covisits.restore(np.arange(len(ids)), _links(chunks, len(ids)))
    return StatisticsSnapshot(
        made_ms=header.made_ms,
        reached=header.reached,
        identity=header.identity,
        applied={SourcePartition(topic, identity, n): offset for topic, identity, n, offset in header.applied},
        ids=ids,
        popular=_sums(header, chunks, len(ids)),
        covisits=covisits,
        gram=_unpack_gram(values[header.chunks + 1], len(ids)) if version > 1 else _NO_GRAM,
        repeats=_unpack_repeats(values[-1], len(ids)) if version > 2 else Repeats().counts(),
    )


def _version(body: bytes) -> int:
    version = _any.decode(body)[0]
    if not isinstance(version, int) or version < 1:
        raise ValueError("it has no version")
    if version not in _READABLE:
        raise Misconfigured(
            f"the snapshot of the item statistics is of version {version}, this build reads up to {VERSION}: "
            f"run the build that wrote it, or {FORGET}"
        )
    return version


def _links(chunks: Sequence[_Items], n: int) -> Links:
    sizes = np.frombuffer(b"".join(chunk.sizes or bytes(4 * len(chunk.ids)) for chunk in chunks), "<i4")
    items = np.frombuffer(b"".join(chunk.neighbours for chunk in chunks), "<i4")
    co_occurrence, transition = (
        np.frombuffer(b"".join(packed), "<f4")
        for packed in ([chunk.co_occurrence for chunk in chunks], [chunk.transition for chunk in chunks])
    )
    users = np.frombuffer(b"".join(chunk.users or b"\1" * (len(chunk.neighbours) // 4) for chunk in chunks), "u1")
    _expect("as many rows as items", len(sizes) == n)
    _expect("rows of 0 to 800 neighbours", not n or (sizes.min() >= 0 and sizes.max() <= MOST_NEIGHBOURS))
    _expect("a weight for each neighbour", len(items) == len(co_occurrence) == len(transition) == sizes.sum())
    _expect("a number of users for each neighbour", len(users) == len(items))
    _expect("neighbours among its items", not len(items) or (items.min() >= 0 and items.max() < n))
    _expect("weights that are numbers, 0 or more", _are_counts(co_occurrence) and _are_counts(transition))
    return Links(np.cumsum([0, *sizes.tolist()]), items, co_occurrence, transition, users)


def _sums(header: _Header, chunks: Sequence[_Items], n: int) -> Sums:
    sums = _told_sums(header, chunks) if header.version > 2 else _earlier_sums(header, chunks)
    _expect("sums for each item", len(sums.totals) == len(sums.fading) == len(sums.moments) == len(sums.shares) == n)
    _expect("weights of events", len(sums.since) == len(sums.now) == FADES)
    halvings = sums.now - sums.since
    _expect("weights that grow", bool((halvings >= 0).all() and (halvings <= _MOST_HALVINGS).all()))
    counts = (sums.totals, sums.shares, sums.fading * np.exp2(-halvings), sums.moments[:, :2])
    _expect("sums that are numbers, 0 or more", all(map(_are_counts, counts)))
    times = np.concatenate([[sums.began_ms, sums.newest_ms], sums.moments[:, 2:].ravel()])
    _expect("what is usual", not sums.days or are_days(sums.days))
    _expect("times", bool((np.abs(times) <= _MOST_TIME_MS).all()))
    _expect("offsets and counts of 0 or more", min(header.reached, header.events, header.made_ms) >= 0)
    return sums


def _told_sums(header: _Header, chunks: Sequence[_Items]) -> Sums:
    return Sums(
        totals=_unpack(chunk.totals for chunk in chunks),
        fading=_unpack(chunk.fading for chunk in chunks).reshape(-1, FADES),
        moments=_unpack(chunk.moments for chunk in chunks).reshape(-1, MOMENTS),
        shares=_unpack(chunk.shares or chunk.totals for chunk in chunks),
        since=np.array(header.since),
        now=np.array(header.now),
        events=header.events,
        began_ms=header.began_ms,
        newest_ms=header.newest_ms,
        days=tuple(header.days),
    )


def _earlier_sums(header: _Header, chunks: Sequence[_Items]) -> Sums:
    """What versions 1 and 2 told: the other sums begin at 0, and nothing is known of times."""
    _expect("a weight of events from 1 on", 1.0 <= header.weight <= _MOST_WEIGHT)
    totals, scaled, last = (
        _unpack(packed)
        for packed in (
            [chunk.totals for chunk in chunks],
            [chunk.scaled for chunk in chunks],
            [chunk.last or _long_ago(len(chunk.ids)) for chunk in chunks],
        )
    )
    _expect("sums for each item", len(totals) == len(scaled) == len(last))
    return earlier_sums(totals, scaled / header.weight, last, header.events)


async def read(redis: Any, prefix: str) -> StatisticsSnapshot | None:
    """The snapshot that counts, None if there is none. `redis`: an asynchronous client that answers bytes.

    Raises redis' own errors, and those of `decode`.
    """
    key = await redis.get(pointer(prefix))
    if key is None:
        return None
    found: list[bytes] = [value for number in range(await redis.hlen(key)) if (value := await redis.hget(key, number))]
    return decode(found)


def _unpack_gram(value: bytes, n: int) -> Gram:
    told = _gram.decode(_open(value))
    rows = np.frombuffer(told.rows, "<i4").astype(np.intp)
    upper = np.frombuffer(told.counts, "<f4")
    m = len(rows)
    _expect("the EASE model's rows, each once", m <= TOP_ITEMS and len(np.unique(rows)) == m)
    _expect("the EASE model's rows among its items", not m or (rows.min() >= 0 and rows.max() < n))
    _expect("a count for each two of the EASE model's rows", len(upper) == m * (m + 1) // 2 and told.events >= 0)
    _expect("the EASE model's counts as numbers, 0 or more", _are_counts(upper))
    users = np.frombuffer(told.users, "u1") if told.users else (upper > 0).astype(np.uint8)
    _expect("users for each count of the EASE model", len(users) == len(upper))
    return Gram(rows, _whole(upper, m), told.events, _whole(users, m))


def _whole(upper: npt.NDArray[_Number], m: int) -> npt.NDArray[_Number]:
    """`(m, m)`, from its upper triangle."""
    whole = np.zeros((m, m), upper.dtype)
    whole[np.triu_indices(m)] = upper
    told: npt.NDArray[_Number] = np.triu(whole, 1).T + whole
    return told


def _unpack_repeats(value: bytes, n: int) -> RepeatCounts:
    told = _repeats.decode(_open(value))
    rows, purchases, kind_of = (np.frombuffer(each, "<i4") for each in (told.rows, told.purchases, told.kind_of))
    sizes, buckets = np.frombuffer(told.sizes, "u1").astype(np.intp), np.frombuffer(told.buckets, "u1")
    counts, lifts = np.frombuffer(told.counts, "<i4"), np.frombuffer(told.lifts, "<i4").reshape(-1, 2, OCTAVES)
    _expect("purchases of its items, each once", len(np.unique(rows)) == len(rows) == len(purchases) == len(sizes))
    _expect("purchased items among its items", not len(rows) or (rows.min() >= 0 and rows.max() < n))
    _expect("a kind for each item", len(kind_of) == len(rows) and len(lifts) == len(told.kinds))
    _expect("kinds among those it names", not len(rows) or (kind_of.min() >= 0 and kind_of.max() < len(told.kinds)))
    _expect("gaps of known lengths", len(buckets) == len(counts) == sizes.sum() and buckets.max(initial=0) < BUCKETS)
    _expect("numbers of purchases of 0 or more", purchases.min(initial=0) >= 0 <= lifts.min(initial=0))
    gaps = np.zeros((len(rows), BUCKETS), np.int32)
    gaps[np.repeat(np.arange(len(rows)), sizes), buckets] = counts
    known = {kind: each.astype(np.int32) for kind, each in zip(told.kinds, lifts, strict=True) if each.any()}
    kinds = [told.kinds[place] for place in kind_of.tolist()]
    return RepeatCounts(rows.astype(np.intp), purchases.astype(np.int64), gaps, kinds, known)


def _expect(what: str, there: bool) -> None:
    if not there:
        raise BrokenState(f"the snapshot of the item statistics does not have {what}")


def _are_counts(numbers: npt.NDArray[np.floating[Any]]) -> bool:
    """Whether they can be sums of co-visit weights: what is beyond all of them would make others infinite."""
    return bool(((numbers >= 0) & (numbers <= _MOST_COUNT)).all())


def _seal(content: msgspec.Struct) -> bytes:
    body = _encoder.encode(content)
    return binascii.crc32(body).to_bytes(4, "little") + body


def _open(value: bytes) -> bytes:
    body = value[4:]
    if not body or binascii.crc32(body) != int.from_bytes(value[:4], "little"):
        raise BrokenState("the snapshot of the item statistics does not match its checksum")
    return body


def _long_ago(n: int) -> bytes:
    """Of the very first event, each."""
    return _pack(np.ones(n))


def _pack(numbers: Doubles) -> bytes:
    return numbers.astype("<f8", copy=False).tobytes()


def _unpack(packed: Iterable[bytes]) -> Doubles:
    return np.frombuffer(b"".join(packed), "<f8").astype(np.float64, copy=False)
