"""States of users for tests of the codec: one made by hand, any that hypothesis can think of, and how to compare."""

import base64
import dataclasses
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from serving.state.history import OlderItems, packed_row
from serving.state.user_state import (
    COVISIT_UNIT,
    IMPRESSIONS,
    LANGUAGES,
    SEEN,
    Alias,
    Merge,
    NumberRange,
    PendingEvent,
    RecentText,
    Ref,
    Retraction,
    RingEvent,
    UserState,
    Word,
)

_HALF = 65_504.0  # the largest number in half precision
_MS = 2**32 * 1000 - 1


def pack_older_items(of: OlderItems) -> str:
    """As a message has them; `serving.state.history.unpack` reads it."""
    rows = zip(of.items.tolist(), np.rint(of.strengths / COVISIT_UNIT).astype(int).tolist(), strict=True)
    return base64.b64encode(b"".join(packed_row(item, covisit) for item, covisit in rows)).decode()


def by_hand() -> UserState:
    """Every field used, with values that are exact in the formats they are stored in."""
    return UserState(
        long=np.array([0.5, -0.25, 0.0, 1.0, 2**-20, -0.75, 0.125, 0.0], np.float32),
        reference_ms=1_791_936_000_000,
        ring=[
            RingEvent(1_789_999_999_999, "c-1", 0xABCDEF012345, "i1", 2, 0.25, 0.5),
            RingEvent(1_790_000_000_000, "r-2", 2**48 - 1, "", 10, 0.0, -1.0, retracted=True),
            RingEvent(1_790_000_000_001, "事件", 0, "物品", 9, 1.0, 1.0),
        ],
        dedup_ids=[0xABCDEF012345, 2**48 - 1, 0],
        seen=np.array([(0xDEADBEEF, 1_790_000_000, 3, 1, 250), (0, 0, 255, 0, 0)], SEEN),
        texts=[
            RecentText(
                *(1_790_000_000_000, "r-2", "", -1.0, np.arange(8, dtype="<f2").tobytes(), b"\0<" * 8, 0.5),
                words=[Word("帐篷", 1.0, 0), Word("camping", 0.6, 1)],
                spared=[Word("gluten", 1.0, 0)],
                ranges=[NumberRange("money", ["tent"], None, 50.0), NumberRange("year", [], 1990.0, 1999.0)],
            )
        ],
        pending=[
            PendingEvent("clicks", 3, 7, 1_790_000_000_000, "c-9", "i9", b"u1", b"\x00\xff", [("ce_id", b"\xff")]),
            PendingEvent("reviews", 3, 8, 1_790_000_000_001, "r-9", "i9", None, b"{}", [], missed=True),
        ],
        unnamed=[Ref("clicks", 3, 5, "c-5", 1_790_000_000_000, waiting=True, duplicate=True)],
        unnamed_more=12,
        list_version=1_790_000_000_123,
        event_count=7,
        retracted_ids=[2**48 - 1, 5],
        retractions=[
            Retraction("commands", 3, 9, 1_790_000_000_002, "c-7", "k-1", 1_790_000_000_000, b"u1", b"{", [], True)
        ],
        alias=Alias(
            "u9", "k-2", 1_790_000_000_003, Ref("commands", 1, 4, "k-2", 1_790_000_000_000), "0f1e2d", held=True
        ),
        merges=[Merge("k-3", "访客", 1_790_000_000_004, Ref("commands", 3, 11, "k-3", 1_790_000_000_004), done=True)],
        impressions=np.array([(1_790_000_000, 0xEF012345, 0xDEADBEEF), (1_790_000_001, 7, 0)], IMPRESSIONS),
        purchases=np.array([(1_790_000_000, 0xEF012345, 0), (1_790_000_002, 8, 0xDEADBEEF)], IMPRESSIONS),
    )


def fields(state: UserState) -> dict[str, Any]:
    """A state as values that compare by `==`; the long vector apart, which is stored rounded."""
    stored_apart = {"long", "seen", "impressions", "purchases", "erased_ms"}
    names = (each.name for each in dataclasses.fields(UserState) if each.name not in stored_apart)
    arrays = {name: getattr(state, name).tolist() for name in ("seen", "impressions", "purchases")}
    return {name: getattr(state, name) for name in names} | arrays


_times = st.integers(0, _MS)
_ids = st.text(max_size=12)
_hashes = st.integers(0, 2**48 - 1)
_halves = st.floats(-_HALF, _HALF, width=16)
_offsets = st.integers(0, 2**63 - 1)
_ring = st.builds(
    RingEvent,
    _times,
    _ids,
    _hashes,
    _ids,
    st.integers(0, 10),
    _halves.map(abs),
    _halves,
    retracted=st.booleans(),
    seen=st.booleans(),
    written=st.booleans(),
    language=st.sampled_from(LANGUAGES),
)
_words = st.lists(st.builds(Word, _ids, st.floats(0.0, 1.0, width=16), st.integers(0, 9)), max_size=3)
_ends = st.none() | st.floats(-1e9, 1e9)
_ranges = st.lists(st.builds(NumberRange, st.just("money"), st.lists(_ids, max_size=3), _ends, _ends), max_size=2)
_texts = st.builds(
    RecentText,
    _times,
    _ids,
    _ids,
    _halves,
    st.binary(min_size=16, max_size=16),
    st.just(b"") | st.binary(min_size=16, max_size=16),
    words=_words,
    spared=_words,
    ranges=_ranges,
)
_headers = st.lists(st.tuples(_ids, st.binary(max_size=5)), max_size=2)
waiting = st.builds(
    PendingEvent,
    _ids,
    st.integers(0, 999),
    _offsets,
    _times,
    _ids,
    _ids,
    st.none() | st.binary(),
    st.binary(),
    _headers,
    missed=st.booleans(),
)
retractions = st.builds(
    Retraction,
    _ids,
    st.integers(0, 999),
    _offsets,
    _times,
    _ids,
    _ids,
    _times,
    st.none() | st.binary(),
    st.binary(),
    _headers,
    missed=st.booleans(),
)
refs = st.builds(Ref, _ids, st.integers(0, 999), _offsets, _ids, _times, st.booleans(), st.booleans())
_aliases = st.builds(Alias, _ids, _ids, _times, refs, _ids, held=st.booleans())
merges = st.builds(Merge, _ids, _ids, _times, refs, done=st.booleans())
vectors = hnp.arrays(np.float32, 8, elements=st.floats(-(2.0**60), 2.0**60, width=32))
_seen = hnp.arrays(
    SEEN, st.integers(0, 4), elements=st.tuples(*(st.integers(0, 2**bits - 1) for bits in (32, 32, 8, 8, 16)))
)
_impressions = hnp.arrays(
    IMPRESSIONS, st.integers(0, 4), elements=st.tuples(*(st.integers(0, 2**32 - 1) for _ in range(3)))
)

states = st.builds(
    UserState,
    long=st.none() | vectors,
    reference_ms=_times,
    ring=st.lists(_ring, max_size=3),
    dedup_ids=st.lists(_hashes, max_size=5),
    seen=_seen,
    texts=st.lists(_texts, max_size=2),
    pending=st.lists(waiting, max_size=2),
    event_count=st.integers(0, 2**40),
    retracted_ids=st.lists(_hashes, max_size=3),
    retractions=st.lists(retractions, max_size=2),
    unnamed=st.lists(refs, max_size=2),
    unnamed_more=st.integers(0, 10**6),
    list_version=_times,
    alias=st.none() | _aliases,
    merges=st.lists(merges, max_size=2),
    impressions=_impressions,
    purchases=_impressions,
)
