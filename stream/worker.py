"""The composition root: one worker, put together and started. Knows every class; is known by the app alone."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, aclosing, suppress

import msgspec
from aiokafka.errors import KafkaError
from faust.types import TP

from penchant.errors import Misconfigured, PenchantError
from penchant.messages import ItemVector
from serving.api.health import Check, health_app, serve
from serving.catalogue import Catalogue
from serving.experiment import read
from serving.kafka.admin import TopicLayout
from serving.kafka.follower import Follower
from serving.model.encoder import Encoder
from serving.ranking.blend import Blend
from serving.ranking.profile import RankSettings
from serving.ranking.ranker import Ranker, Ranking
from serving.ranking.rules import Rules
from serving.ranking.statistics import Statistics
from serving.state.user_state import UserState
from stream.containment.faults import Faults, Guard
from stream.containment.quarantine import Quarantine
from stream.encoder.deadline import DeadlineEncoder
from stream.events.decoder import Decoder
from stream.events.records import Record
from stream.events.weights import load_weights
from stream.kafka.assignment import Consumer, Partitions
from stream.kafka.producer import KafkaLog
from stream.monitoring.clock import Clock
from stream.monitoring.metrics import Metrics
from stream.monitoring.online_evaluation import OnlineEvaluation
from stream.monitoring.pipeline_metrics import PipelineMetrics
from stream.monitoring.watchdog import Watchdog
from stream.pipeline import Pipeline
from stream.processing.batch import PartitionBatch, Trigger
from stream.processing.effects import LiveEffects
from stream.processing.intake import LiveIntake
from stream.processing.items import ItemPipeline
from stream.processing.lists import Lists
from stream.processing.pending_events import TEXTS
from stream.processing.variants import Variants
from stream.rebuild.item_vectors import KnownItems
from stream.rebuild.rebuild import Model, ReplaySource
from stream.rebuild.repair import StateRepair
from stream.retry import retrying, waited_for
from stream.settings import WorkerSettings
from stream.startup_checks import now_ms
from stream.store.pending_index import PendingIndex
from stream.store.redis import Store
from stream.store.redis_calls import connect
from stream.store.statistics_snapshots import WRITER
from stream.tasks.blend_learning import BlendLearner, blend_key
from stream.tasks.encoder_backlog import EncoderBacklog
from stream.tasks.event_backlog import EventBacklog
from stream.tasks.list_renewal import ListRenewal
from stream.tasks.statistics_service import StatisticsService

_log = logging.getLogger(__name__)
_LOOK_EVERY_S = 1.0
_WATCH_EVERY_S = 2.0
_ASK_EVERY_S = 30.0  # a merge that another owner has not answered
_CLOCK_EVERY_S = 60.0

Crash = Callable[[BaseException], Awaitable[None]]


def _items_scope(number: int) -> str:
    """How marks of an items partition are kept apart from those of the user partition with that number."""
    return f"items-{number}"


class Worker:
    """Everything in a worker process. Made before the loop runs; `start` and `stop` run inside it.

    identities: topic -> the identity that its offsets count under. partitions: of every user topic.
    """

    def __init__(
        self, settings: WorkerSettings, encoder: Encoder, layout: TopicLayout, consumer: Consumer, crash: Crash
    ) -> None:
        self.settings = settings
        self.topics = settings.topics
        self.metrics = Metrics()
        self._consumer = consumer
        self._crash = crash
        self._encoder = encoder
        self._identities = layout.identities
        self._partitions = layout.partitions
        self._catalogue = Catalogue(encoder.dim, encoder.fingerprint)
        self._statistics = Statistics(self._catalogue, layout.identities)
        self._rules = Rules(self._catalogue, settings.list_rules)
        experiment = read(settings.experiment) if settings.experiment is not None else None

        def ranker(preferences: RankSettings, blend: Blend | None) -> Ranker:
            counted = self._statistics
            return Ranker(
                self._catalogue,
                counted.popularity,
                preferences,
                covisits=counted.covisits,
                ease=counted.ease,
                blend=blend,
                rules=self._rules,
            )

        self._variants = Variants(ranker, settings.ranking(), experiment)
        self._ranker = self._variants.usual
        name = experiment.name if experiment is not None else ""
        judged = self.metrics.lists_judged
        self._judge = OnlineEvaluation(self._catalogue, judged, self._rules.block, name, settings.seen, settings.k)
        self._items_came = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._started = AsyncExitStack()  # what has to hang up, also if something that comes later does not start
        self._item_partitions: set[int] = set()
        self._open = False
        self._assigned = False
        self._trending_version = 0
        self._clock = Clock(now_ms)
        self.metrics.clock_skew.set_function(lambda: self._clock.skew_ms / 1000)
        self._backlog = EventBacklog(settings.batch)

    async def start(self) -> None:
        """Connect, follow what lists are ranked against, and begin the chores."""
        settings, started = self.settings, self._started
        if self._encoder.sentiment is None:
            _log.warning("the model folder has no head for sentiment: reviews without a rating all count the same")
        self._store = Store(
            settings.redis,
            settings.keys,
            self._encoder.fingerprint,
            self._identities,
            settings.retention(),
        )
        started.push_async_callback(self._store.close)
        self._log = KafkaLog(settings.bootstrap, self.metrics.leave_out)
        started.push_async_callback(self._log.stop)
        await self._log.start()
        self._waiting = PendingIndex()
        self.quarantine = Quarantine(self._store)
        self._safety = Guard(Faults(lambda stage: self.metrics.contained.labels(stage).inc()), self.quarantine)
        self.partitions = Partitions(
            self.topics, self._store, self._waiting, self._consumer, settings.session_timeout_s, self.quarantine
        )
        self._encoding = DeadlineEncoder(self._encoder, on_failure=self.metrics.encoder_failed)
        started.callback(self._encoding.close)
        self.metrics.encoder_out.set_function(lambda: not self._encoding.healthy)
        self._lists = Lists(self.topics, self._encoder.fingerprint, settings.list_expiry_s * 1000)
        self.pipeline = self._pipeline()
        self._store.mend = self._mender()
        self.items = ItemPipeline(
            self.topics, self._catalogue, self._encoding.passages, self._log, now_ms, self._safety
        )
        blending = BlendLearner(self._ranker, self._catalogue, lambda: WRITER in self._store.owned_partitions())
        shared = connect(settings.redis)
        started.push_async_callback(shared.aclose)
        self._statistics_service = StatisticsService(
            settings, self._statistics, self._store, self.metrics, blending.learn, self._backlog.stands
        )
        bootstrap, wait_ms = settings.bootstrap, settings.fetch_wait_ms
        vectors = Follower(bootstrap, self.topics.item_vectors, self._on_item_vector, wait_ms, self.metrics.leave_out)
        self._followers = [vectors, self._statistics_service.follower]
        for follows in (vectors, self._statistics_service):
            started.push_async_callback(follows.stop)
            await follows.start()
        retry, count = self.pipeline.retry_missed_texts, self.metrics.texts_made_up.inc
        encoder_backlog = EncoderBacklog(retry, self._waiting, self._encoding, count)
        self._spawn(self._open_gate(), self._resume_pending(), encoder_backlog.run(), self._compare_clocks())
        self._spawn(self._statistics_service.keep(), self._statistics_service.fit())
        self._spawn(self._publish_trending(), self._watch())
        self._spawn(blending.share(shared, blend_key(settings.keys), settings.statistics_every_s))
        if settings.health_port:
            app = health_app(lambda: Check(True, "the event loop answers"), self._ready, self.metrics.exposition)
            health = await serve(app, settings.health_host, settings.health_port)
            started.push_async_callback(health.cleanup)

    async def stop(self) -> None:
        """End the chores and hang up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._assigned:
            with suppress(PenchantError):  # a store that is away may be why it stops
                await self.give_back()
        await self._started.aclose()

    # --- What the consumer asks (stream/kafka/consumer.py) ---

    @property
    def open(self) -> bool:
        """Whether the item vectors that stood on their topic at the start are all known."""
        return self._open

    async def give_back(self) -> None:
        """Say that nobody died over what this worker owns: the group is about to assign it again."""
        await self.partitions.give_back()
        for number in self._item_partitions:
            await self.quarantine.given_back(_items_scope(number))
        self._item_partitions.clear()

    async def begin(self, assigned: set[TP]) -> dict[TP, int | None]:
        """Take over what the group assigned. Returns the next offset that each user partition's states need."""
        positions = await self.partitions.begin(assigned)
        items = {tp.partition for tp in assigned if tp.topic == self.topics.items}
        for number in items - self._item_partitions:
            await self.quarantine.acquired(_items_scope(number), number, {})
        self._item_partitions = items
        self._assigned = True
        self._judge.lists.keep(self._store.owned_partitions())
        self.metrics.partitions.set(len(self._store.owned_partitions()))
        return positions

    # --- What the agents ask (stream/kafka/agents.py) ---

    async def take_in(self, records: Sequence[Record]) -> set[int]:
        """Records of a user topic. Returns the partitions whose records were refused and stay unacknowledged."""
        self._backlog.look(records)
        current = self.partitions.current(records)
        refused: list[PartitionBatch] = []
        if current:
            leases = self.pipeline.leases(current)  # before the store is waited for: the lease may change meanwhile
            async with aclosing(self.quarantine.marked(current, str)) as groups:
                async for some in groups:
                    refused += (await self.pipeline.process(some, leases))[1]
        for batch in refused:
            await self.partitions.refused(batch.partition, batch.lease.token)
        await self.partitions.fill()
        stale = {record.partition for record in records} - {record.partition for record in current}
        return stale | {batch.partition for batch in refused}

    async def take_in_items(self, records: Sequence[Record]) -> None:
        """Records of the items topic."""
        async with aclosing(self.quarantine.marked(records, _items_scope)) as groups:
            async for some in groups:
                await self.items.process(some)
        for number in {record.partition for record in records}:
            await self.quarantine.given_back(_items_scope(number))  # no offset of ours says that they were processed

    # --- Followers ---

    def _on_item_vector(self, key: bytes | None, value: bytes | None) -> None:
        if value is None:
            if key is not None:
                self._catalogue.remove(key.decode())
            return
        item = msgspec.json.decode(value, type=ItemVector)
        if item.fingerprint != self._encoder.fingerprint:
            return  # of another model folder: never compared with ours
        self._catalogue.put(item)
        self.metrics.items.set(self._catalogue.embedded)
        if self._waiting.came(item.item_id):
            self._items_came.set()

    # --- Chores ---

    async def _open_gate(self) -> None:
        """Let user topics flow once lists can be made."""
        await asyncio.gather(*(follower.caught_up.wait() for follower in self._followers))
        await self._encoding.warm_up()
        self._open = True
        self._consumer.let_flow()

    async def _resume_pending(self) -> None:
        """Fold what waited for an item as soon as the item is known; look after partitions once a second."""
        asked_at = time.monotonic()
        renewing = ListRenewal(self.pipeline, self._judge.lists, self._judge.offered)
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._items_came.wait(), _LOOK_EVERY_S)
            self._items_came.clear()
            await self.partitions.look()
            acquired = bool(self.partitions.acquired)
            while self._open and self.partitions.acquired:
                await self.pipeline.resume(self.partitions.acquired.pop())
            if self._open and (acquired or time.monotonic() >= asked_at + _ASK_EVERY_S):
                asked_at = time.monotonic()
                await self.pipeline.resend_transfers()
            await self.pipeline.resume_pending(self._waiting.woken(self._catalogue), Trigger.WOKEN)
            if self._clock.healthy:  # else what is pending would expire too soon, or never
                await self.pipeline.expire()
            if self._open:
                await renewing.look()
            if self._waiting.busy:
                self._items_came.set()

    async def _compare_clocks(self) -> None:
        while True:
            await self._clock.compare(self._store.now_ms)
            if not self._clock.healthy:
                _log.error("%s; until then nothing pending expires", self._clock.words(), extra={"action": "clock"})
            await asyncio.sleep(_CLOCK_EVERY_S)

    async def _publish_trending(self) -> None:
        await asyncio.gather(*(follower.caught_up.wait() for follower in self._followers))
        while True:
            if 0 in self._store.owned_partitions():
                now = now_ms()
                self._trending_version = max(self._trending_version + 1, now)
                ranking = self._ranker.trending(self.settings.k)
                await self._log.send([self._lists.trending(ranking, self._trending_version, now)])
            await asyncio.sleep(self.settings.trending_every_s)

    async def _watch(self) -> None:
        """Stop the worker if a follower ended, as its lists would be stale without a sign, or if nothing moves."""
        watchdog = Watchdog()
        while True:
            for follower in self._followers:
                if (error := follower.failed()) is not None:
                    raise error
            held = self._store.owned_partitions()
            reached = self.partitions.reached(held).items()
            positions = {(tp.topic, tp.partition): offset for tp, offset in reached}
            topics = (self.topics.clicks, self.topics.reviews, self.topics.commands, self.topics.transfers)
            with suppress(KafkaError):  # a broker that is away is somebody else's business: see retry.py
                ends = await self._followers[1].ends(dict.fromkeys(topics, held))
                watchdog.look(time.monotonic(), positions, ends, busy=not self._open or retrying())
                await self._consumer.commit_passed()
            await asyncio.sleep(_WATCH_EVERY_S)

    def _spawn(self, *chores: Coroutine[None, None, None]) -> None:
        self._tasks += [asyncio.create_task(self._guard(chore)) for chore in chores]

    async def _guard(self, chore: Coroutine[None, None, None]) -> None:
        try:
            await chore
        except Exception as error:  # noqa: BLE001 - whatever it is, the process ends by it, and says it
            await self._crash(error)

    # --- Composition ---

    def _pipeline(self) -> Pipeline:
        settings = self.settings
        decoder = Decoder(
            self.topics,
            load_weights(settings.weights),
            self._partitions,
            self._identities,
            clock=self._clock.latest_ms,
            clicks_are_seen=settings.clicks_are_seen,
        )
        observer = PipelineMetrics(self.metrics, self._judge, self._waiting, now_ms)
        effects = LiveEffects(
            topics=self.topics,
            log=self._log,
            ranker=self._rank,
            lists=self._lists,
            store=self._store,
            clock=now_ms,
            guard=self._safety,
            observer=observer,
        )
        return Pipeline(
            intake=LiveIntake(decoder=decoder, transfers=self.topics.transfers, guard=self._safety),
            effects=effects,
            decoder=decoder,
            embedder=self._encoding.queries,
            items=self._catalogue.vector,
            store=self._store,
            waiting=self._waiting,
            limits=settings.limits(self._encoder.sentiment),
            fingerprint=self._encoder.fingerprint,
            clock=now_ms,
            late_after_s=settings.session_timeout_s / 2,
            guard=self._safety,
            observer=observer,
        )

    def _mender(self) -> StateRepair:
        encoder, encoding = self._encoder, self._encoding
        model = Model(encoder.fingerprint, encoder.dim, encoding.queries, encoding.passages, encoder.sentiment)
        source = ReplaySource(self.settings, self._identities, self._partitions, model)
        return StateRepair(source, KnownItems(self._catalogue.vector), self.metrics.mended.inc)

    def _rank(self, users: Sequence[str], states: Sequence[UserState]) -> Sequence[Ranking]:
        try:
            if self._rules.read():
                _log.info("the rules for lists are those of %s now", self.settings.list_rules)
        except Misconfigured as error:
            _log.error("%s; the rules of before stay in force", error)
        return self._variants.rank(users, states, self.settings.k)

    def _ready(self) -> Check:
        if (why := waited_for()) is not None:
            return Check(False, f"waiting: {why}")
        if not all(follower.caught_up.is_set() for follower in self._followers):
            return Check(False, "item vectors and item statistics are still being followed")
        if not self._open:
            return Check(False, "the encoder is warming up")
        if not self._assigned:
            return Check(False, "the group has not assigned partitions yet")
        facts = {"items_embedded": self._catalogue.embedded, "users_with_missed_texts": self._waiting.count(TEXTS)}
        if not self._encoding.healthy:
            return Check(True, "degraded: the encoder is out, so texts wait and lists come from what is known", facts)
        return Check(True, "events are taken in", facts)
