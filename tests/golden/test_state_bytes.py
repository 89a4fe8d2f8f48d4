"""Bytes of version 1 as they lie in stores: every later build must read them to the same state, and write them again.

If a test here fails, the format has changed: raise `serving.state.VERSION`, read both, and keep these bytes.
"""

import base64

import pytest

from serving.errors import BrokenState
from serving.state import VERSION, UserState, decode, encode
from tests.support.states import by_hand, fields

FINGERPRINT = "e5s-1a2b3c4d"
BY_HAND = base64.b64decode("""
ML0xetwAEgHECI2bEMR6QYZWzwAAAaDEUGx7zwAAAaE3tXAA6sQYAAAgAADwAAAAAABABAAAAADQAAAIAAAAxDN/O7Fq5wNFIwHvzasANAA4
AoA7sWoAAP///////wAAALyKgDuxagEAAAAAAAAAADwAPAmTomkxoKbnianlk4GTo2MtMaNyLTKm5LqL5Lu2xBJFIwHvzav///////8AAAAA
AADEFO++rd6AO7FqAwAAAAAAAAAAAP//kZXPAAABoMRQbACjci0yoMu/8AAAAAAAAMQQAAAAPABAAEIARABFAEYAR5KapmNsaWNrcwMHzwAA
AaDEUGwAo2MtOaJpOcQCdTHEAgD/kZKlY2VfaWTEAf/CmqdyZXZpZXdzAwjPAAABoMRQbAGjci05omk5wMQCe32Qw5GXpmNsaWNrcwMFo2Mt
Nc8AAAGgxFBsAMPDDAfEDP///////wUAAAAAAJGbqGNvbW1hbmRzAwnPAAABoMRQbAKjYy03o2stMc8AAAGgxFBsAMQCdTHEAXuQww==
""")


def test_the_bytes_are_read_as_the_state_that_was_written() -> None:
    state, expected = decode(BY_HAND, FINGERPRINT), by_hand()
    assert fields(state) == fields(expected)
    assert state.long is not None
    assert expected.long is not None
    assert state.long.tolist() == expected.long.tolist()


def test_the_state_is_written_as_these_bytes() -> None:
    assert VERSION == 1
    assert encode(by_hand(), FINGERPRINT) == BY_HAND
    assert encode(decode(BY_HAND, FINGERPRINT), FINGERPRINT) == BY_HAND


@pytest.mark.parametrize("lost", [1, 4, 100])
def test_the_bytes_cut_short_are_no_state(lost: int) -> None:
    with pytest.raises(BrokenState):
        decode(BY_HAND[:-lost], FINGERPRINT)


def test_a_user_of_whom_nothing_is_known() -> None:
    empty = base64.b64decode("+fV+kNwAEgHECI2bEMR6QYZWAAAAxADEAJCQxADEAJCQkAAAxACQ")
    assert encode(UserState(), FINGERPRINT) == empty
    assert not decode(empty, FINGERPRINT).known
