"""What lies in Redis: users' states, snapshots of the item statistics, the blend. All of it behind a checksum.

An input is what stands behind the checksum, which is put before it; and once more as it is.
"""

import binascii
from contextlib import suppress

import msgspec
import numpy as np

from penchant.errors import BrokenState, FingerprintMismatch, Misconfigured
from penchant.messages import CoVisitEvent, CoVisits
from serving.catalogue import Catalogue
from serving.ranking import snapshots
from serving.ranking.learning.blend import Blend
from serving.ranking.statistics import Statistics
from serving.state import user_state as codec
from serving.state.user_state import UserState
from stream.containment.quarantine import LISTS, WAITING, Mark, Quarantine
from stream.interest.fold import Bounds, join
from stream.testing import FINGERPRINT, NOW_MS, TOPICS, MemoryStore
from tests.fuzz.target import Form, Target
from tests.fuzz.targets.decoding import loop
from tests.support.states import by_hand, fields


def sealed(body: bytes) -> bytes:
    """With its checksum."""
    return binascii.crc32(body).to_bytes(4, "little") + body


def state() -> Target:
    """A user's record: what is read can be written again, and is the same; and it can be added to another."""
    corpus = [codec.encode(each, FINGERPRINT)[4:] for each in (by_hand(), UserState())]

    def run(data: bytes) -> None:
        with suppress(BrokenState, FingerprintMismatch):
            codec.decode(data, FINGERPRINT)
        first = codec.decode(sealed(data), FINGERPRINT)
        record = codec.encode(first, FINGERPRINT)
        again = codec.decode(record, FINGERPRINT)
        assert codec.encode(again, FINGERPRINT) == record
        assert str(fields(again)) == str(fields(first))
        join(again, codec.decode(record, FINGERPRINT), Bounds())

    return Target(run=run, corpus=corpus, form=Form.MSGPACK, allowed=(BrokenState, FingerprintMismatch))


def marks() -> Target:
    """What the last owner was reading when it ended: whatever stands there, the next one starts."""
    corpus = [Mark(0, 7), Mark(3, 3, again=True), Mark(again=True), Mark(places=[(TOPICS.clicks, 0, 7)])]

    def run(data: bytes) -> None:
        store = MemoryStore()
        loop().run_until_complete(store.write_marks({"0": dict.fromkeys((TOPICS.clicks, WAITING, LISTS), data)}))
        loop().run_until_complete(Quarantine(store).acquired("0", 0, {TOPICS.clicks: 5}))

    return Target(run=run, corpus=[msgspec.msgpack.encode(each) for each in corpus], form=Form.MSGPACK)


def counted() -> Statistics:
    """Item statistics of some events."""
    catalogue = Catalogue(8, FINGERPRINT, capacity=16)
    statistics = Statistics(catalogue, {TOPICS.clicks: "abc"})
    ring = [("i1", 1.0), ("i2", 0.5)]
    events = [CoVisitEvent(n, f"i{n % 5}", 0.5, ring[: n % 3], [0, 60][: n % 3]) for n in range(12)]
    statistics.apply(CoVisits(topic=TOPICS.clicks, partition=0, first=0, last=11, events=events))
    return statistics


def snapshot() -> Target:
    """A snapshot, as a list of its values: what is read can be gone on from, and written again."""
    snapshot = counted().snapshot(TOPICS.covisits, 7, NOW_MS)
    values = [[msgspec.msgpack.decode(value[4:]) for value in snapshots.encode(snapshot, size)] for size in (2, 100)]
    corpus = [msgspec.msgpack.encode(each) for each in values]

    def run(data: bytes) -> None:
        try:
            bodies = msgspec.msgpack.decode(data)
            made = [sealed(msgspec.msgpack.encode(each)) for each in bodies] if isinstance(bodies, list) else [data]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            made = [data, sealed(data)]
        found = snapshots.decode(made)
        statistics = Statistics(Catalogue(8, FINGERPRINT, capacity=16), {TOPICS.clicks: "abc"})
        statistics.restore(found)
        again = list(snapshots.encode(statistics.snapshot(TOPICS.covisits, 7, NOW_MS)))
        snapshots.decode(again)
        assert np.isfinite(found.popular.totals).all()
        assert np.isfinite(statistics.begin_fit().counts).all()
        statistics.refit()

    return Target(run=run, corpus=corpus, form=Form.MSGPACK, allowed=(BrokenState, Misconfigured))


def blend() -> Target:
    """The blend's weights: numbers, whatever was stored."""
    made = Blend()
    corpus = [made.pack()[4:], b"", b"\0" * len(made.pack()[4:])]

    def run(data: bytes) -> None:
        taken = Blend()
        with suppress(BrokenState):
            taken.unpack(data)
        taken.unpack(sealed(data))
        assert np.isfinite(taken.at(1.0)).all()
        assert np.isfinite(taken.unknown()).all()
        taken.unpack(taken.pack())

    return Target(run=run, corpus=corpus, form=Form.TEXT, allowed=(BrokenState,))
