"""Bytes of each version as they lie in stores: every later build must read them to the same state.

If a test here fails, the format has changed: raise `serving.state.user_state.VERSION`, read both, and keep these bytes.
"""

import base64

import msgspec
import pytest

from penchant.errors import BrokenState
from serving.state.codec import VERSION
from serving.state.user_state import UserState, decode, encode, no_impressions, no_purchases
from tests.support.newer import newer
from tests.support.states import by_hand, fields

FINGERPRINT = "e5s-1a2b3c4d"
VERSION_1 = base64.b64decode("""
omlW6dwAEgHECI2bEMR6QYZWzwAAAaDEUGx7zwAAAaE3tXAA6sQYAAAgAADwAAAAAABABAAAAADQAAAIAAAAxDN/O7Fq5wNFIwHvzasA
NAA4AoA7sWoAAP///////wAAALyKgDuxagEAAAAAAAAAADwAPAmTomkxoKbnianlk4GTo2MtMaNyLTKm5LqL5Lu2xBJFIwHvzav/////
//8AAAAAAADEFO++rd6AO7FqAwAAAAAAAAAAAP//kZXPAAABoMRQbACjci0yoMu/8AAAAAAAAMQQAAAAPABAAEIARABFAEYAR5KZpmNs
aWNrcwMHzwAAAaDEUGwAo2MtOaJpOcQCdTHEAgD/kZKlY2VfaWTEAf+Zp3Jldmlld3MDCM8AAAGgxFBsAaNyLTmiaTnAxAJ7fZCRl6Zj
bGlja3MDBaNjLTXPAAABoMRQbADDwwwHxAz///////8FAAAAAACRmqhjb21tYW5kcwMJzwAAAaDEUGwCo2MtN6NrLTHPAAABoMRQbADE
AnUxxAF7kA==
""")

VERSION_2 = base64.b64decode("""
rSsPDdwAFALECI2bEMR6QYZWzwAAAaDEUGx7zwAAAaE3tXAA6sQYAAAgAADwAAAAAABABAAAAADQAAAIAAAAxDN/O7Fq5wNFIwHvzasA
NAA4AoA7sWoAAP///////wAAALyKgDuxagEAAAAAAAAAADwAPAmTomkxoKbnianlk4GTo2MtMaNyLTKm5LqL5Lu2xBJFIwHvzav/////
//8AAAAAAADEFO++rd6AO7FqAwAAAAAAAAAAAP//kZbPAAABoMRQbACjci0yoMu/8AAAAAAAAMQQAAAAPABAAEIARABFAEYAR8QQADwA
PAA8ADwAPAA8ADwAPJKapmNsaWNrcwMHzwAAAaDEUGwAo2MtOaJpOcQCdTHEAgD/kZKlY2VfaWTEAf/CmqdyZXZpZXdzAwjPAAABoMRQ
bAGjci05omk5wMQCe32Qw5GXpmNsaWNrcwMFo2MtNc8AAAGgxFBsAMPDDAfEDP///////wUAAAAAAJGbqGNvbW1hbmRzAwnPAAABoMRQ
bAKjYy03o2stMc8AAAGgxFBsAMQCdTHEAXuQw5aidTmjay0yzwAAAaDEUGwDl6hjb21tYW5kcwEEo2stMs8AAAGgxFBsAMLCpjBmMWUy
ZMORlaNrLTOm6K6/5a6izwAAAaDEUGwEl6hjb21tYW5kcwMLo2stM88AAAGgxFBsBMLCww==
""")

VERSION_3 = base64.b64decode("""
pQGe5dwAFQPECI2bEMR6QYZWzwAAAaDEUGx7zwAAAaE3tXAA6sQYAAAgAADwAAAAAABABAAAAADQAAAIAAAAxDN/O7Fq5wNFIwHvzasANAA4
AoA7sWoAAP///////wAAALyKgDuxagEAAAAAAAAAADwAPAmTomkxoKbnianlk4GTo2MtMaNyLTKm5LqL5Lu2xBJFIwHvzav///////8AAAAA
AADEFO++rd6AO7FqAwEAAAAAAAAAAP8AkZbPAAABoMRQbACjci0yoMu/8AAAAAAAAMQQAAAAPABAAEIARABFAEYAR8QQADwAPAA8ADwAPAA8
ADwAPJKapmNsaWNrcwMHzwAAAaDEUGwAo2MtOaJpOcQCdTHEAgD/kZKlY2VfaWTEAf/CmqdyZXZpZXdzAwjPAAABoMRQbAGjci05omk5wMQC
e32Qw5GXpmNsaWNrcwMFo2MtNc8AAAGgxFBsAMPDDAfEDP///////wUAAAAAAJGbqGNvbW1hbmRzAwnPAAABoMRQbAKjYy03o2stMc8AAAGg
xFBsAMQCdTHEAXuQw5aidTmjay0yzwAAAaDEUGwDl6hjb21tYW5kcwEEo2stMs8AAAGgxFBsAMLCpjBmMWUyZMORlaNrLTOm6K6/5a6izwAA
AaDEUGwEl6hjb21tYW5kcwMLo2stM88AAAGgxFBsBMLCw8QYgDuxakUjAe/vvq3egTuxagcAAAAAAAAA
""")

VERSION_4 = base64.b64decode("""
mTwPktwAFQTECI2bEMR6QYZWzwAAAaDEUGx7zwAAAaE3tXAA6sQYAAAgAADwAAAAAABABAAAAADQAAAIAAAAxDN/O7Fq5wNFIwHvzasANAA4AoA7
sWoAAP///////wAAALyKgDuxagEAAAAAAAAAADwAPAmTomkxoKbnianlk4GTo2MtMaNyLTKm5LqL5Lu2xBJFIwHvzav///////8AAAAAAADEGO++
rd6AO7FqAwH6AAAAAAAAAAAA/wAAAJGXzwAAAaDEUGwAo3ItMqDLv/AAAAAAAADEEAAAADwAQABCAEQARQBGAEfEEAA8ADwAPAA8ADwAPAA8ADzL
P+AAAAAAAACSmqZjbGlja3MDB88AAAGgxFBsAKNjLTmiaTnEAnUxxAIA/5GSpWNlX2lkxAH/wpqncmV2aWV3cwMIzwAAAaDEUGwBo3ItOaJpOcDE
Ant9kMORl6ZjbGlja3MDBaNjLTXPAAABoMRQbADDwwwHxAz///////8FAAAAAACRm6hjb21tYW5kcwMJzwAAAaDEUGwCo2MtN6NrLTHPAAABoMRQ
bADEAnUxxAF7kMOWonU5o2stMs8AAAGgxFBsA5eoY29tbWFuZHMBBKNrLTLPAAABoMRQbADCwqYwZjFlMmTDkZWjay0zpuiuv+Wuos8AAAGgxFBs
BJeoY29tbWFuZHMDC6NrLTPPAAABoMRQbATCwsPEGIA7sWpFIwHv776t3oE7sWoHAAAAAAAAAA==
""")

VERSION_5 = base64.b64decode("""
qF1IJNwAFgXECI2bEMR6QYZWzwAAAaDEUGx7zwAAAaE3tXAA6sQYAAAgAADwAAAAAABABAAAAADQAAAIAAAAxDN/O7Fq5wNFIwHvzasANAA4AoA7sWoA
AP///////wAAALyKgDuxagEAAAAAAAAAADwAPAmTomkxoKbnianlk4GTo2MtMaNyLTKm5LqL5Lu2xBJFIwHvzav///////8AAAAAAADEGO++rd6AO7Fq
AwH6AAAAAAAAAAAA/wAAAJGXzwAAAaDEUGwAo3ItMqDLv/AAAAAAAADEEAAAADwAQABCAEQARQBGAEfEEAA8ADwAPAA8ADwAPAA8ADzLP+AAAAAAAACS
mqZjbGlja3MDB88AAAGgxFBsAKNjLTmiaTnEAnUxxAIA/5GSpWNlX2lkxAH/wpqncmV2aWV3cwMIzwAAAaDEUGwBo3ItOaJpOcDEAnt9kMORl6ZjbGlj
a3MDBaNjLTXPAAABoMRQbADDwwwHxAz///////8FAAAAAACRm6hjb21tYW5kcwMJzwAAAaDEUGwCo2MtN6NrLTHPAAABoMRQbADEAnUxxAF7kMOWonU5
o2stMs8AAAGgxFBsA5eoY29tbWFuZHMBBKNrLTLPAAABoMRQbADCwqYwZjFlMmTDkZWjay0zpuiuv+Wuos8AAAGgxFBsBJeoY29tbWFuZHMDC6NrLTPP
AAABoMRQbATCwsPEGIA7sWpFIwHv776t3oE7sWoHAAAAAAAAAMQYgDuxakUjAe8AAAAAgjuxaggAAADvvq3e
""")


VERSION_6 = base64.b64decode("""
ILvZXNwAFgbECI2bEMR6QYZWzwAAAaDEUGx7zwAAAaE3tXAA6sQYAAAgAADwAAAAAABABAAAAADQAAAIAAAAxDN/O7Fq5wNFIwHvzasANAA4AoA7sWoAAP
///////wAAALyKgDuxagEAAAAAAAAAADwAPAmTomkxoKbnianlk4GTo2MtMaNyLTKm5LqL5Lu2xBJFIwHvzav///////8AAAAAAADEGO++rd6AO7FqAwH6
AAAAAAAAAAAA/wAAAJGazwAAAaDEUGwAo3ItMqDLv/AAAAAAAADEEAAAADwAQABCAEQARQBGAEfEEAA8ADwAPAA8ADwAPAA8ADzLP+AAAAAAAACSk6bluJ
Dnr7fLP/AAAAAAAAAAk6djYW1waW5nyz/jMzMzMzMzAZGTpmdsdXRlbss/8AAAAAAAAACSlKVtb25leZGkdGVudMDLQEkAAAAAAACUpHllYXKQy0CfGAAA
AAAAy0CfPAAAAAAAkpqmY2xpY2tzAwfPAAABoMRQbACjYy05omk5xAJ1McQCAP+RkqVjZV9pZMQB/8Kap3Jldmlld3MDCM8AAAGgxFBsAaNyLTmiaTnAxA
J7fZDDkZemY2xpY2tzAwWjYy01zwAAAaDEUGwAw8MMB8QM////////BQAAAAAAkZuoY29tbWFuZHMDCc8AAAGgxFBsAqNjLTejay0xzwAAAaDEUGwAxAJ1
McQBe5DDlqJ1OaNrLTLPAAABoMRQbAOXqGNvbW1hbmRzAQSjay0yzwAAAaDEUGwAwsKmMGYxZTJkw5GVo2stM6borr/lrqLPAAABoMRQbASXqGNvbW1hbm
RzAwujay0zzwAAAaDEUGwEwsLDxBiAO7FqRSMB7+++rd6BO7FqBwAAAAAAAADEGIA7sWpFIwHvAAAAAII7sWoIAAAA776t3g==
""")


def test_the_bytes_are_read_as_the_state_that_was_written() -> None:
    state, expected = decode(VERSION_6, FINGERPRINT), by_hand()
    assert fields(state) == fields(expected)
    assert state.long is not None
    assert expected.long is not None
    assert state.long.tolist() == expected.long.tolist()


def forget_words(state: UserState) -> None:
    """As before version 6."""
    state.texts = [msgspec.structs.replace(each, words=[], spared=[], ranges=[]) for each in state.texts]


def test_version_5_is_read_and_written_as_the_newer_one() -> None:
    """It knew nothing of the words of texts."""
    old, expected = decode(VERSION_5, FINGERPRINT), by_hand()
    forget_words(expected)
    assert fields(old) == fields(expected)
    assert encode(old, FINGERPRINT) == encode(expected, FINGERPRINT)


def forget_pairs(state: UserState) -> None:
    """As before version 4."""
    state.seen["covisit"] = 0
    state.texts = [msgspec.structs.replace(each, covisit=0.0) for each in state.texts]


def test_version_4_is_read_and_written_as_the_newer_one() -> None:
    """It knew nothing of purchases but what stands in the ring; there is none."""
    old, expected = decode(VERSION_4, FINGERPRINT), by_hand()
    forget_words(expected)
    expected.purchases = no_purchases()
    assert fields(old) == fields(expected)
    assert encode(old, FINGERPRINT) == encode(expected, FINGERPRINT)


def test_version_3_is_read_and_written_as_the_newer_one() -> None:
    """It knew nothing of the co-visit weights of what was seen."""
    old, expected = decode(VERSION_3, FINGERPRINT), by_hand()
    forget_pairs(expected)
    forget_words(expected)
    expected.purchases = no_purchases()
    assert fields(old) == fields(expected)
    assert encode(old, FINGERPRINT) == encode(expected, FINGERPRINT)


def test_version_2_is_read_and_written_as_the_newer_one() -> None:
    """Nor of impressions, nor of which items were dismissed."""
    old, expected = decode(VERSION_2, FINGERPRINT), by_hand()
    forget_pairs(expected)
    forget_words(expected)
    expected.purchases = no_purchases()
    expected.impressions, expected.seen["dismissed"] = no_impressions(), 0
    assert fields(old) == fields(expected)
    assert encode(old, FINGERPRINT) == encode(expected, FINGERPRINT)


def test_version_1_is_read_and_written_as_the_newer_one() -> None:
    """Nor of merges, of texts that the encoder missed, of what a text does not want."""
    old, expected = decode(VERSION_1, FINGERPRINT), by_hand()
    forget_pairs(expected)
    forget_words(expected)
    expected.purchases = no_purchases()
    expected.impressions, expected.seen["dismissed"] = no_impressions(), 0
    expected.alias, expected.merges = None, []
    expected.texts = [msgspec.structs.replace(each, against=b"") for each in expected.texts]
    expected.pending = [msgspec.structs.replace(each, missed=False) for each in expected.pending]
    expected.retractions = [msgspec.structs.replace(each, missed=False) for each in expected.retractions]
    assert fields(old) == fields(expected)
    assert encode(old, FINGERPRINT) == encode(expected, FINGERPRINT)


def test_a_newer_version_is_refused_by_name() -> None:
    with pytest.raises(BrokenState, match=f"version {VERSION + 1}, this build reads up to {VERSION}"):
        decode(newer(VERSION_6), FINGERPRINT)


def test_the_state_is_written_as_these_bytes() -> None:
    assert VERSION == 6
    assert encode(by_hand(), FINGERPRINT) == VERSION_6
    assert encode(decode(VERSION_6, FINGERPRINT), FINGERPRINT) == VERSION_6


@pytest.mark.parametrize("bytes_of", [VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6])
@pytest.mark.parametrize("lost", [1, 4, 100])
def test_the_bytes_cut_short_are_no_state(bytes_of: bytes, lost: int) -> None:
    with pytest.raises(BrokenState):
        decode(bytes_of[:-lost], FINGERPRINT)


def test_every_flipped_bit_is_found() -> None:
    for at in range(len(VERSION_6)):
        for bit in range(8):
            flipped = bytearray(VERSION_6)
            flipped[at] ^= 1 << bit
            with pytest.raises(BrokenState, match="checksum"):
                decode(bytes(flipped), FINGERPRINT)


def test_a_user_of_whom_nothing_is_known() -> None:
    empty = base64.b64decode("dt4iFNwAFgbECI2bEMR6QYZWAAAAxADEAJCQxADEAJCQkAAAxACQwJDEAMQA")
    assert encode(UserState(), FINGERPRINT) == empty
    assert not decode(empty, FINGERPRINT).known
