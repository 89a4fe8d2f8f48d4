"""States with a lot that waits, made by hand, and how many bytes that is."""

import msgspec
import numpy as np

from serving.state.user_state import (
    IMPRESSIONS,
    SEEN,
    Alias,
    Merge,
    PendingEvent,
    RecentText,
    Ref,
    Retraction,
    RingEvent,
    UserState,
)
from stream.processing.batch import MOST_UNNAMED, Limits
from stream.processing.pending_events import waiters
from stream.testing import NOW_MS, TOPICS
from tests.support.owners import KNOWN

LIMITS = Limits()
LONG = 127_000


def pending_bytes(state: UserState) -> int:
    return sum(entry.size for entry in waiters(state))


def pending(n: int, size: int = LONG) -> PendingEvent:
    body = msgspec.json.encode({"event_id": f"w{n}", "user_id": "u1", "item_id": f"new-{n}", "type": "click"})
    return PendingEvent(TOPICS.clicks, 0, n, NOW_MS, f"w{n}", f"new-{n}", b"u1", body + b" " * size, [])


def retraction(n: int, size: int = LONG) -> Retraction:
    command = {"command_id": f"r{n}", "type": "retract", "user_id": KNOWN, "event_id": f"e{n}"}
    body = msgspec.json.encode(command) + b" " * size
    return Retraction(TOPICS.commands, 0, n, NOW_MS, f"e{n}", f"r{n}", NOW_MS, None, body, [])


def done(name: str) -> Merge:
    padded = name.ljust(256, "x")
    return Merge(padded, padded, NOW_MS, Ref(TOPICS.commands, 0, 0, padded, NOW_MS), done=True)


def fullest(dim: int) -> UserState:
    """Every list at its bounds, with ids of 256 bytes and the longest topic that Kafka takes."""
    topic, ids = "t" * 249, [f"{n:03}".ljust(256, "x") for n in range(600)]
    big = [msgspec.structs.replace(pending(n), value=bytes(130_700)) for n in range(4)]
    texts = [RecentText(NOW_MS, each, each, 1.0, bytes(2 * dim), bytes(2 * dim)) for each in ids[:8]]
    merges = [done(each) for each in ids[: LIMITS.most_merges_bytes // done("").size]]
    made = UserState(
        long=np.ones(dim, np.float32),
        reference_ms=NOW_MS,
        ring=[RingEvent(NOW_MS, each, 2**48 - 1, each, 2, 1.0, 1.0) for each in ids[:20]],
        dedup_ids=[2**48 - 1] * 64,
        retracted_ids=[2**48 - 1] * 64,
        seen=np.zeros(2000, SEEN),
        impressions=np.zeros(256, IMPRESSIONS),
        texts=texts,
        pending=big,
        unnamed=[Ref(topic, 2**31, 2**62, each, NOW_MS) for each in ids[:MOST_UNNAMED]],
        unnamed_more=2**53 - 1,
        merges=merges,
        alias=Alias(ids[0], ids[1], NOW_MS, Ref(topic, 0, 0, ids[1], NOW_MS), "token", held=True),
    )
    assert 0 <= LIMITS.most_pending_bytes - pending_bytes(made) < 2000
    return made
