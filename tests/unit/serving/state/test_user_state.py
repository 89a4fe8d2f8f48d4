"""The state's record: sizes, hashes and messages; its laws are in tests/laws."""

import numpy as np
import pytest

from penchant.errors import BrokenState, FingerprintMismatch
from penchant.hashes import fingerprint_bytes
from serving.state.user_state import (
    SEEN,
    RecentText,
    RingEvent,
    UserState,
    decode,
    encode,
    id_hash,
    item_hash,
)
from tests.support.states import by_hand, fields

OURS = "e5s-1a2b3c4d"


def test_every_field_comes_back() -> None:
    state = by_hand()
    back = decode(encode(state, OURS), OURS)
    assert fields(back) == fields(state)
    assert back.long is not None
    assert state.long is not None
    assert back.long.tolist() == state.long.tolist()


def test_a_fresh_state_is_unknown_and_small() -> None:
    back = decode(encode(UserState(), OURS), OURS)
    assert not back.known
    assert back.long is None
    assert len(encode(UserState(), OURS)) < 50


def test_a_decoded_state_can_be_changed() -> None:
    back = decode(encode(by_hand(), OURS), OURS)
    back.seen["count"][0] += 1
    assert back.long is not None
    back.long += 1
    back.ring.append(back.ring[0])


@pytest.mark.parametrize(
    "state",
    [
        UserState(long=np.zeros(8, np.float32)),
        UserState(ring=[RingEvent(0, "a", 0, "i", 1, 0.5, 0.0)]),
        UserState(texts=[RecentText(0, "a", "", 1.0, bytes(16))]),
    ],
)
def test_anything_that_tells_of_a_preference_makes_a_user_known(state: UserState) -> None:
    assert state.known


def test_a_user_with_a_full_ring_takes_less_than_two_and_a_half_kilobytes() -> None:
    """Beside recent texts and the seen set, which are stated apart; 384 dimensions, ids of 8 characters."""
    rng = np.random.default_rng(0)
    state = UserState(
        long=rng.standard_normal(384).astype(np.float32),
        reference_ms=1_790_000_000_000,
        ring=[RingEvent(1_790_000_000_000 + n, f"event-{n:02}", n, f"item-{n:03}", 2, 0.5, 0.5) for n in range(20)],
        dedup_ids=list(range(64)),
        list_version=1_790_000_000_000,
    )
    assert len(encode(state, OURS)) < 2500
    state.seen = np.zeros(2000, SEEN)
    assert len(encode(state, OURS)) < 2500 + 24_100


def test_hashes_are_what_is_stored_already() -> None:
    """Another hash would make old ids and items unknown: these numbers stand in every store."""
    assert item_hash("i9") == 0xE274E139
    assert id_hash("c-17") == 0xDD6D54F5B37D
    assert id_hash("c-17", "run-1") == 0x3154B2C530BA
    assert fingerprint_bytes("e5s-1a2b3c4d").hex() == "8d9b10c47a418656"


def test_hashes_keep_within_their_bits() -> None:
    names = [f"name-{n}" for n in range(1000)]
    assert max(map(item_hash, names)) < 2**32
    assert max(map(id_hash, names)) < 2**48
    assert len({id_hash(name) for name in names}) == 1000


@pytest.mark.parametrize(("record", "says"), [(b"", "0 bytes"), (b"1234", "4 bytes"), (b"12345", "checksum")])
def test_a_broken_record_says_how(record: bytes, says: str) -> None:
    with pytest.raises(BrokenState, match=says):
        decode(record, OURS)


def test_another_folders_record_says_what_to_do() -> None:
    with pytest.raises(FingerprintMismatch, match="replay"):
        decode(encode(UserState(), "other"), OURS)
