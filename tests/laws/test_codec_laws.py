"""Laws of a state's bytes: nothing is lost but what the format states, and no damage goes unnoticed."""

import binascii
import tracemalloc

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penchant.errors import BrokenState, FingerprintMismatch
from serving.state.codec import VERSION
from serving.state.user_state import Merge, Ref, RingEvent, UserState, Vector, decode, encode
from tests.support.states import by_hand, fields, states, vectors

ROUNDING = 2.0**-23  # of the largest component, a save (serving/state/user_state.py)
OURS = "words-8"


@given(states)
@example(by_hand())
@example(UserState())
def test_what_was_encoded_is_decoded(state: UserState) -> None:
    back = decode(encode(state, OURS), OURS)
    assert fields(back) == fields(state)
    if state.long is None:
        assert back.long is None
        return
    assert back.long is not None
    assert back.long.dtype == np.float32
    assert np.abs(back.long - state.long).max() <= ROUNDING * np.abs(state.long).max()


@given(states)
@example(by_hand())
def test_what_was_decoded_encodes_to_the_same_bytes(state: UserState) -> None:
    record = encode(state, OURS)
    assert encode(decode(record, OURS), OURS) == record


@given(vectors)
@example(np.full(8, 2.0**-149, np.float32))  # the smallest that there is
@example(np.array([3.4e38] + 7 * [1e-38], np.float32))
@example(np.array([1.0 - 2.0**-24] + 7 * [-(1.0 - 2.0**-24)], np.float32))  # rounds up to the next power of two
def test_the_long_vector_keeps_its_signs_size_and_zeros(long: Vector) -> None:
    back = decode(encode(UserState(long=long), OURS), OURS).long
    assert back is not None
    assert np.isfinite(back).all()
    assert (back[long == 0] == 0).all()
    assert (np.sign(back) * np.sign(long) >= 0).all()
    assert np.abs(back).max() == pytest.approx(np.abs(long).max(), rel=ROUNDING)


@settings(max_examples=20)
@given(states)
@example(by_hand())
def test_a_flipped_bit_anywhere_is_found(state: UserState) -> None:
    record = encode(state, OURS)
    for at in range(len(record)):
        for bit in (1 << (at % 8), 1 << ((at + 3) % 8)):
            damaged = bytearray(record)
            damaged[at] ^= bit
            with pytest.raises(BrokenState):
                decode(bytes(damaged), OURS)


@settings(max_examples=20)
@given(states, st.data())
def test_a_record_that_was_cut_or_grew_is_found(state: UserState, data: st.DataObject) -> None:
    record = encode(state, OURS)
    cut = record[: data.draw(st.integers(0, len(record) - 1))]
    for damaged in (cut, record + b"\x00", record[1:]):
        with pytest.raises(BrokenState):
            decode(damaged, OURS)


_WIDTHS = [b"\xdd\xff\xff\xff\xff", b"\xdc\xff\xff", b"\xdb\x7f\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xa1\xff"]
_ODD = st.sampled_from(
    [*_WIDTHS, b"\x91" * 2000, b"\xcb\x7f\xf8" + bytes(6), b"\xcf" + b"\xff" * 8, b"\xd3\x80" + bytes(7), b"\xc0"]
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A record's body that was flipped, cut, spliced with another's, or given lengths that are not there."""
    body = encode(draw(states), OURS)[4:]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(body) - 1, 0)))
        match draw(st.sampled_from(["flip", "cut", "splice", "put", "insert"])):
            case "flip":
                body = (
                    body[:at] + bytes([(body[at : at + 1] or b"\0")[0] ^ 1 << draw(st.integers(0, 7))]) + body[at + 1 :]
                )
            case "cut":
                body = body[:at] + body[at + draw(st.integers(1, 40)) :]
            case "splice":
                other = encode(draw(states), OURS)[4:]
                body = body[:at] + other[draw(st.integers(0, len(other))) :]
            case "put":
                odd = draw(_ODD)
                body = body[:at] + odd + body[at + len(odd) :]
            case _:
                body = body[:at] + draw(_ODD | st.binary(max_size=8)) + body[at:]
    return body


@settings(max_examples=300)  # the fuzzer tries thousands of damaged records (tests/fuzz/targets)
@given(damaged() | st.binary(max_size=200))
@example(b"\xdd")
@example(b"\x91")
@example(b"\x81\x04\x04")
@example(b"\xdc\x00\x15\xa1\x04")
@example(b"\xdc\x00\x15\xcd\x04")
@example(b"\xdd\xff\xff\xff\xff\x04" + b"\x91" * 100_000)
def test_whatever_bytes_come_they_are_a_state_or_broken(body: bytes) -> None:
    """Under a checksum that is right; and what is read can be written, and is read again as the same."""
    record = binascii.crc32(body).to_bytes(4, "little") + body
    try:
        state = decode(record, OURS)
    except (BrokenState, FingerprintMismatch):
        return
    again = encode(state, OURS)
    assert encode(decode(again, OURS), OURS) == again


def test_a_length_that_is_not_there_takes_no_memory() -> None:
    """Four bytes may declare an array of 4 billion entries, or a text of 2 GB."""
    tracemalloc.start()
    for odd in _WIDTHS:
        for field in (7, 8, 11, 12, 13, 17, 19):
            fields_of = [msgspec.msgpack.encode(each) for each in msgspec.msgpack.decode(encode(by_hand(), OURS)[4:])]
            body = b"\xdc\x00\x15" + b"".join([*fields_of[:field], odd, *fields_of[field + 1 :]])
            with pytest.raises(BrokenState):
                decode(binascii.crc32(body).to_bytes(4, "little") + body, OURS)
    assert tracemalloc.get_traced_memory()[1] < 4_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("state", "field"),
    [
        (UserState(ring=[RingEvent(0, "a\ud800", 0, "i", 1, 0.5, 0.0)]), "ring_ids"),
        (UserState(merges=[Merge("k", "\udfff", 0, Ref("t", 0, 0, "k", 0))]), "merges"),
        (UserState(list_version=2**64), "list_version"),
    ],
)
def test_what_a_record_cannot_hold_is_named_by_its_field(state: UserState, field: str) -> None:
    with pytest.raises(ValueError, match=f"this is a bug: `{field}`"):
        encode(state, OURS)


@given(states, st.integers(VERSION + 1, 2**64 - 1))
def test_a_newer_version_is_refused_by_its_number(state: UserState, version: int) -> None:
    """Also if its fields are others than this build knows."""
    body = msgspec.msgpack.decode(encode(state, OURS)[4:])
    for newer in ([version, *body[1:]], [version], [version, {"all": "new"}]):
        packed = msgspec.msgpack.encode(newer)
        with pytest.raises(BrokenState, match=f"version {version}"):
            decode(binascii.crc32(packed).to_bytes(4, "little") + packed, OURS)


@given(states)
def test_vectors_of_another_model_folder_are_refused(state: UserState) -> None:
    with pytest.raises(FingerprintMismatch, match="another-folder"):
        decode(encode(state, OURS), "another-folder")


def test_ten_thousand_saves_drift_by_less_than_their_rounding() -> None:
    """Preferences of ±1, saved after each: the error against float64 stays below 2**-24 of the peak a save.

    Sums that are rounded independently drift as a random walk, so the true figure is nearer to its square root.
    """
    rng = np.random.default_rng(0)
    events = (rng.choice([-1.0, 1.0], (10_000, 1)) * rng.standard_normal((10_000, 8))).astype(np.float32)
    state, exact, peak = UserState(long=np.zeros(8, np.float32)), np.zeros(8), 0.0
    for each in events:
        assert state.long is not None
        state.long += each
        exact += each
        peak = max(peak, float(np.abs(state.long).max()))
        state = decode(encode(state, OURS), OURS)
    assert state.long is not None
    drift = np.abs(state.long - exact).max() / peak
    assert drift <= 10_000 * 2.0**-24
    assert drift <= 100 * 2.0**-22, "a random walk: four times its standard deviation"
