"""The ranker of a process that owns no partition: catalogue, item statistics and blend, followed beside the workers.

Followers write in threads of their own, rankers read in others: one lock stands between them.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import msgspec

from penchant.errors import BrokenState, Misconfigured, Unavailable
from penchant.kafka.following import Follower, Sink, consumer_options
from penchant.messages import ItemVector
from penchant.topics import Topic
from serving.catalogue import Catalogue, unpack
from serving.experiment import read
from serving.kafka.admin import topic_identity
from serving.ranking.covisit_messages import read_covisits
from serving.ranking.ease import fit
from serving.ranking.ranker import Ranker
from serving.ranking.rules import Rules
from serving.ranking.statistics import Statistics
from serving.ranking.warm_up import warm_up
from serving.redis.answers import asked
from serving.state.keyspace import Keyspace
from stream.processing.variants import Variants, follow_rules, rankers_over
from stream.settings import WorkerSettings
from stream.store.redis_calls import connect
from stream.store.shared_blend import blend_key
from stream.store.statistics_snapshots import open_snapshots

__all__ = ()

# What the API may see (docs/running.md): offsets of other topics are taken for those of topics that are gone.
_SEEN = (Topic.CLICKS, Topic.REVIEWS, Topic.COMMANDS, Topic.ITEMS, Topic.COVISITS)
_EVERY_S = 5.0  # the blend is read again, and EASE fitted to what has come
_BOOTSTRAP_MS = 5_000
_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_Apply = Callable[[bytes | None, bytes | None], None]


class FollowedRanker:
    """For who awaits `open` first and `close` last. identities, of topics, and catalogue: there from then on."""

    identities: dict[str, str]
    catalogue: Catalogue

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._redis = connect(settings.redis)
        self._followers: list[Follower] = []
        self._sinks: list[_Applied] = []
        self._refreshing: asyncio.Task[None] | None = None

    def unheard(self, silent_s: float) -> bool:
        """Whether the broker has not been heard for so long: what is known here may have changed meanwhile."""
        return any(time.monotonic() - each.heard_s > silent_s for each in self._followers)

    @property
    def outdated(self) -> bool:
        """Whether a topic was made anew: what was read of the old one counts no more."""
        return any(sink.begun > 1 for sink in self._sinks)

    async def open(self) -> None:
        """Read all that there is, and go on following.

        Raises Misconfigured if topics are missing, and Unavailable: also if no item has a vector yet.
        """
        settings = self._settings
        fingerprint = await asked(lambda: self._redis.get(Keyspace(settings.keys).common("fingerprint")))
        if fingerprint is None:
            raise Unavailable("no worker has written to this store yet")
        await asyncio.to_thread(warm_up)  # the first list of an installation would compile it
        self.identities = await asyncio.to_thread(topic_identity, settings.brokers, settings.topics, of=_SEEN)
        items = _Items(fingerprint.decode(), self._lock)
        await self._follow(settings.topics.item_vectors, items.apply)
        if items.catalogue is None:
            raise Unavailable("no item has a vector yet")
        self.catalogue = items.catalogue
        self._statistics = Statistics(self.catalogue, self.identities, pair_users=settings.pair_users)
        self._rules = Rules(self.catalogue, settings.list_rules)
        experiment = read(settings.experiment) if settings.experiment is not None else None
        rankers = rankers_over(self.catalogue, self._statistics, self._rules)
        self._variants = Variants(rankers, settings.ranking(), experiment)
        await self._follow_statistics()
        await self._refresh()
        self._refreshing = asyncio.create_task(self._keep_fresh())

    async def ask(self, user_id: str, job: Callable[[str, Ranker], _T]) -> _T:
        """What `job` makes of the user's variant ("" without an experiment) and its ranker, in a thread."""

        def run() -> _T:
            with self._lock:
                follow_rules(self._rules, self._settings.list_rules)
                return job(*self._variants.of(user_id))

        return await asyncio.to_thread(run)

    async def close(self) -> None:
        """Follow nothing any more."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
        await asyncio.gather(*(asyncio.to_thread(each.stop) for each in self._followers))
        await self._redis.aclose()

    async def _follow_statistics(self) -> None:
        """From the last snapshot on, as a worker that starts."""
        topic, statistics = self._settings.topics.covisits, self._statistics
        try:
            async with open_snapshots(self._settings.redis, self._settings.keys) as stored:
                snapshot = await stored.read()
        except BrokenState as error:
            _log.error("%s; %s is read from its start instead", error, topic)
            snapshot = None
        since = {}
        if snapshot is not None:
            statistics.restore(snapshot)
            if statistics.follows(snapshot, topic):
                since = {(topic, 0): snapshot.reached}

        def apply(_: bytes | None, value: bytes | None) -> None:
            if value is not None:
                message = read_covisits(value)
                with self._lock:
                    statistics.apply(message)

        await self._follow(topic, apply, since)

    async def _follow(self, topic: str, apply: _Apply, since: Mapping[tuple[str, int], int] | None = None) -> None:
        """Returns once all was read that stood there."""
        sink = _Applied(apply)
        brokers = self._settings.brokers
        options = consumer_options(brokers.servers, {"bootstrap_timeout_ms": _BOOTSTRAP_MS, **brokers.options})
        follower = Follower(options, [topic], lambda _, numbers: numbers, sink, since)
        self._sinks.append(sink)
        self._followers.append(follower)
        follower.start()
        await sink.all_read.wait()

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                await self._refresh()
            except (Unavailable, Misconfigured, BrokenState) as error:
                _log.warning("the blend's weights stay as they were: %s", error)

    async def _refresh(self) -> None:
        packed = await asked(lambda: self._redis.get(blend_key(self._settings.keys)))
        await asyncio.to_thread(self._take_over, packed)

    def _take_over(self, packed: bytes | None) -> None:
        ease = self._statistics.ease
        with self._lock:
            if packed is not None:
                self._variants.usual.blend.unpack(packed)
            gram = self._statistics.begin_fit() if ease.due or ease.fitted is None else None
        if gram is not None:
            fitted = fit(gram)
            with self._lock:
                ease.fitted = fitted


class _Applied(Sink):
    """Hands records on. begun: how often a topic was begun; all_read: all that stood there, of the first."""

    def __init__(self, apply: _Apply) -> None:
        self.begun = 0
        self.all_read = asyncio.Event()
        self._apply = apply
        self._loop = asyncio.get_running_loop()

    def begin(self, partitions: Mapping[str, Collection[int]]) -> None:
        """See `Sink.begin`."""
        self.begun += 1

    def take(self, record: Any) -> None:
        """See `Sink.take`."""
        if self.begun == 1:
            self._apply(record.key, record.value)

    def caught_up(self) -> None:
        """See `Sink.caught_up`."""
        with suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self.all_read.set)


class _Items:
    """item-vectors.v1, of one model folder. catalogue: None until an item of it has come, which tells the dimension."""

    def __init__(self, fingerprint: str, lock: threading.Lock) -> None:
        self.catalogue: Catalogue | None = None
        self._fingerprint = fingerprint
        self._lock = lock

    def apply(self, key: bytes | None, value: bytes | None) -> None:
        """Take over one record."""
        if value is None:
            if self.catalogue is not None and key is not None:
                with self._lock:
                    self.catalogue.remove(key.decode(errors="replace"))
            return
        item = msgspec.json.decode(value, type=ItemVector)
        if item.fingerprint != self._fingerprint or not item.vector:
            return
        if self.catalogue is None:
            self.catalogue = Catalogue(len(unpack(item.vector)), self._fingerprint)
        with self._lock:
            self.catalogue.put(item)
