"""Fakes for tests of whatever stands on the pipeline: a log, a store, an encoder and a ranker, all in memory.

    store, log = MemoryStore(), MemoryLog()
    pipeline = memory_pipeline(store, log, {"i9": embed_by_words("space")})
    await store.acquire(0)
    await pipeline.process([record(TOPICS.clicks, {"user_id": "u1", "item_id": "i9", "type": "click"})])
    assert [item.item_id for item in log.lists()[0].items] == ["i9"]

They keep the promises of the real ones (tests/contract checks it), and their arithmetic can be done in the head.
"""

import json
import math
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from penchant.errors import Unavailable
from penchant.messages import ListItem, RecommendationList
from penchant.topics import Topics
from serving.ranking.ranker import Ranking
from serving.state import user_state as codec
from serving.state.user_state import Ref, UserState, Vector
from stream.containment.faults import Guard
from stream.events.decoder import Decoder, Event
from stream.events.outgoing import Outgoing
from stream.events.records import Headers, Record
from stream.events.weights import load_weights
from stream.pipeline import Pipeline
from stream.processing.batch import Context, Limits
from stream.processing.effects import LiveEffects
from stream.processing.intake import LiveIntake
from stream.processing.lists import Lists
from stream.store.answers import pack, unpack
from stream.store.base import Commit, Lease, Saved, Wait, now_ms, refuse_foreign
from stream.store.pending_index import PendingIndex
from stream.store.published_lists import PublishedLists
from stream.store.tombstones import Tombstones, believed_ms

TOPICS = Topics("penchant")
FINGERPRINT = "words-8"
WORDS = ("space", "love", "war", "music", "food", "travel", "sport", "code")
NOW_MS = 1_790_000_000_000  # 21 September 2026


def embed_by_words(text: str) -> Vector:
    """How often each of `WORDS` occurs, at unit length: `(8,) float32`, exact in half precision; zeros if none does.

    >>> embed_by_words("War and love, love").tolist()
    [0.0, 0.89453125, 0.447265625, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    counts = np.array([text.lower().count(word) for word in WORDS])
    length = max(math.hypot(*counts), 1.0)
    return (counts / length).astype(np.float16).astype(np.float32)


async def embed_texts(texts: Sequence[str]) -> Mapping[str, Vector]:
    """The embedder of both pipelines, by `embed_by_words`."""
    return {text: embed_by_words(text) for text in texts}


def rank_by_ring(state: UserState) -> Ranking:
    """The items of the ring, newest first, each with its co-visit weight: a list that shows what it was made from."""
    items = [ListItem(each.item_id, each.covisit, "content") for each in reversed(state.ring) if each.item_id]
    return Ranking(items, "live" if state.known else "trending")


def record(
    topic: str,
    value: object,
    offset: int = 0,
    *,
    partition: int = 0,
    key: bytes | None = None,
    headers: Headers = (),
    timestamp_ms: int = NOW_MS,
) -> Record:
    """A record as it comes from the log. `value`: bytes and None as they are, all else as JSON."""
    body = value if isinstance(value, bytes | None) else json.dumps(value).encode()
    return Record(topic, partition, offset, timestamp_ms, key, body, headers)


class MemoryLog:
    """Keeps what was sent, in order. `refuses`: which records it does not acknowledge (none)."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.refuses: Callable[[Outgoing], bool] = lambda _: False

    async def send(self, records: Sequence[Outgoing]) -> None:
        """See `stream.events.outgoing.Log.send`."""
        for each in records:
            if self.refuses(each):
                raise Unavailable(f"the log in memory was told to refuse this record of {each.topic}")
            self.sent.append(each)

    def on(self, topic: str) -> list[Outgoing]:
        """What was sent to a topic."""
        return [each for each in self.sent if each.topic == topic]

    def lists(self, user_id: str | None = None) -> list[RecommendationList]:
        """The lists that were sent, of one user or of all."""
        bodies = [each.value for each in self.on(TOPICS.recommendations) if each.value is not None]
        lists = [msgspec.json.decode(body, type=RecommendationList) for body in bodies]
        return [each for each in lists if user_id in {None, each.user_id}]

    def dead(self) -> list[Outgoing]:
        """The dead letters of all topics."""
        return [each for each in self.sent if each.topic.endswith(".dlq")]


@dataclass(slots=True)
class _StoredPartition:
    """What a store keeps of one partition. `records` are bytes, as in Redis: every test runs the codec."""

    owner: str = ""
    offsets: dict[str, int] = field(default_factory=dict)
    waiting: dict[tuple[str, str], int] = field(default_factory=dict)
    records: dict[str, bytes] = field(default_factory=dict)
    unpublished: dict[str, list[Ref]] = field(default_factory=dict)
    erased: dict[bytes, int] = field(default_factory=dict)
    listed: dict[str, bytes] = field(default_factory=dict)
    answers: bytes = b""


class MemoryStore:
    """`Store` on dictionaries. `beside`: a store whose data it shares, as two workers share Redis."""

    def __init__(self, identities: Mapping[str, str] | None = None, beside: "MemoryStore | None" = None) -> None:
        self._identities = identities or {}
        self._stored: dict[int, _StoredPartition] = beside._stored if beside is not None else {}
        self._marks: dict[str, dict[str, bytes]] = beside._marks if beside is not None else {}
        self._leases: dict[int, Lease] = {}
        self._digests = Tombstones(b"a secret of tests", retention_ms=90 * 86_400_000)

    async def acquire(self, partition: int) -> dict[str, int]:
        """See `Store.acquire`."""
        stored = self._partition(partition)
        refuse_foreign(stored.offsets, {topic: self._field(topic) for topic in self._identities})
        stored.owner = secrets.token_hex(8)
        topics = {name: name.partition("@")[0] for name in stored.offsets}
        known = {topic: stored.offsets[name] for name, topic in topics.items() if name == self._field(topic)}
        self._leases[partition] = Lease(stored.owner, known, dict(stored.unpublished), unpack(stored.answers))
        return dict(known)

    async def owns(self, partition: int) -> bool:
        """See `Store.owns`."""
        return partition in self._leases and self._partition(partition).owner == self._leases[partition].token

    async def is_behind(self, partition: int) -> bool:
        """See `Store.is_behind`."""
        stored = self._partition(partition).offsets
        return any(
            stored.get(self._field(topic), 0) < offset for topic, offset in self.lease(partition).offsets.items()
        )

    def put_back(self, partition: int, offsets: Mapping[str, int]) -> None:
        """Have the offsets be older ones, as in a copy of the data; the owner is the same."""
        self._partition(partition).offsets = {self._field(topic): offset for topic, offset in offsets.items()}

    def lease(self, partition: int) -> Lease:
        """See `Store.lease`."""
        return self._leases.get(partition, Lease())

    def owned_partitions(self) -> set[int]:
        """See `Store.owned_partitions`."""
        return set(self._leases)

    def release(self, partition: int) -> None:
        """See `Store.release`."""
        self._leases.pop(partition, None)

    async def load(self, partition: int, users: Sequence[str]) -> dict[str, UserState]:
        """See `Store.load`."""
        stored = self._partition(partition)
        states = {
            user: codec.decode(stored.records[user], FINGERPRINT) if user in stored.records else UserState()
            for user in users
        }
        for user, state in states.items():
            state.erased_ms = believed_ms(stored.erased.get(self._digests.of(user), 0), now_ms())
        return states

    async def save(self, commit: Commit) -> Saved:
        """See `Store.save` and commit.lua, whose order of tests this is."""
        stored = self._partition(commit.partition)
        if not commit.lease.token or stored.owner != commit.lease.token:
            return Saved.NOT_MINE
        new = {self._field(topic): offset for topic, offset in commit.offsets.items()}
        expected = {self._field(topic): commit.lease.offsets.get(topic) for topic in commit.offsets}
        found = {name: stored.offsets.get(name) for name in new}
        if found != expected:
            return Saved.REPEATED if found == new else Saved.MOVED
        stored.offsets.update(new)
        stored.waiting.update({(wait.item_id, wait.user_id): wait.deadline_ms for wait in commit.waits})
        for wait in commit.no_longer:
            stored.waiting.pop((wait.item_id, wait.user_id), None)
        stored.listed.update({user: entry for user, entry in commit.listed.items() if entry is not None})
        for user in (*commit.erased, *(user for user, entry in commit.listed.items() if entry is None)):
            stored.listed.pop(user, None)
        for user in commit.erased:
            stored.records.pop(user, None)
        self._note(stored, commit.erased)
        stored.records.update({user: codec.encode(state, FINGERPRINT) for user, state in commit.states.items()})
        told = bool(commit.unpublished or commit.erased)
        stored.unpublished = commit.unpublished if told else stored.unpublished
        answers = [answer.sealed(self._digests.of) for answer in commit.answers]
        stored.answers = pack(answers)
        held = self._leases.get(commit.partition)
        if held is not None and held.token == commit.lease.token:
            unpublished = commit.unpublished if told else held.unpublished
            self._leases[commit.partition] = replace(
                held,
                offsets={**held.offsets, **commit.offsets},
                unpublished=unpublished,
                answers=answers,
            )
        return Saved.WRITTEN

    def mark_published(self, partition: int, token: str) -> None:
        """See `Store.mark_published`."""
        held = self._leases.get(partition)
        if held is not None and held.token == token:
            self._leases[partition] = replace(held, unpublished={})

    def mark_answered(self, partition: int, token: str) -> None:
        """See `Store.mark_answered`."""
        held = self._leases.get(partition)
        if held is not None and held.token == token:
            self._leases[partition] = replace(held, answers=())

    async def published_lists(self, partition: int) -> AsyncIterator[dict[str, bytes]]:
        """See `Store.published_lists`."""
        yield dict(self._partition(partition).listed)

    async def write_marks(self, marks: Mapping[str, Mapping[str, bytes]]) -> None:
        """See `stream.containment.quarantine.Marks`."""
        for scope, named in marks.items():
            self._marks.setdefault(scope, {}).update(named)

    async def read_marks(self, scope: str) -> dict[str, bytes]:
        """See `stream.containment.quarantine.Marks`."""
        return dict(self._marks.get(scope, {}))

    async def clear_marks(self, scope: str, names: Sequence[str] = ()) -> None:
        """See `stream.containment.quarantine.Marks`."""
        marks = self._marks.get(scope, {})
        for name in names or list(marks):
            marks.pop(name, None)

    async def waiting(self, partition: int) -> list[Wait]:
        """See `Store.waiting`."""
        entries = sorted(self._partition(partition).waiting.items(), key=lambda entry: (entry[1], entry[0]))
        return [Wait(item_id, user_id, deadline_ms) for (item_id, user_id), deadline_ms in entries]

    def _partition(self, partition: int) -> _StoredPartition:
        return self._stored.setdefault(partition, _StoredPartition())

    def _note(self, stored: _StoredPartition, erased: Mapping[str, int]) -> None:
        outdated_ms = self._digests.outdated_ms(erased.values(), now_ms())
        stored.erased = {digest: at_ms for digest, at_ms in stored.erased.items() if at_ms > outdated_ms}
        for user, at_ms in erased.items():
            digest = self._digests.of(user)
            stored.erased[digest] = max(at_ms, stored.erased.get(digest, 0))

    def _field(self, topic: str) -> str:
        return f"{topic}@{self._identities.get(topic, '')}"


def memory_pipeline(
    store: MemoryStore,
    log: MemoryLog,
    items: Mapping[str, Vector],
    *,
    partitions: int = 1,
    clock: Callable[[], int] = lambda: NOW_MS,
    limits: Limits | None = None,
    guard: Guard | None = None,
) -> Pipeline:
    """A pipeline on fakes. `items` is read when an event needs it: put a vector in, then `on_items_available`."""
    decoder, guard = Decoder(TOPICS, load_weights(), partitions, {}, clock=clock), guard or Guard()
    published = PublishedLists()
    return Pipeline(
        intake=LiveIntake(decoder=decoder, transfers=TOPICS.transfers, guard=guard),
        effects=LiveEffects(
            topics=TOPICS,
            log=log,
            ranker=lambda _, states: [rank_by_ring(state) for state in states],
            lists=Lists(TOPICS, FINGERPRINT, expiry_ms=86_400_000),
            store=store,
            clock=clock,
            guard=guard,
            published=published,
        ),
        decoder=decoder,
        embedder=embed_texts,
        items=items.get,
        store=store,
        waiting=PendingIndex(),
        limits=limits or Limits(),
        fingerprint=FINGERPRINT,
        clock=clock,
        guard=guard,
        published=published,
    )


def nothing_known(limits: Limits | None = None) -> Context:
    """What updates are made in where no item has a vector, and no text."""

    def fails(_: Record) -> Event:
        raise TypeError("nothing is read again here")

    return Context(lambda _: None, {}, fails, limits or Limits(), NOW_MS, FINGERPRINT)
