"""The composition root: one worker, put together from the bottom up. Knows every class; is known by the app alone."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

from serving.catalogue import Catalogue
from serving.experiment import read
from serving.kafka.admin import TopicLayout
from serving.kafka.follower import Follower
from serving.kafka.leader_epochs import ends_of_epochs
from serving.model.encoder import Encoder
from serving.ranking.rules import Rules
from serving.ranking.statistics import Statistics
from stream.containment.faults import Faults, Guard
from stream.containment.quarantine import Quarantine
from stream.encoder.deadline import DeadlineEncoder
from stream.events.authority import by_keys
from stream.events.decoder import Decoder
from stream.events.weights import load_weights
from stream.group_assignment import GroupAssignment
from stream.handlers import RecordHandlers
from stream.kafka.assignment import Consumer, Partitions
from stream.kafka.leader_epochs import LeaderEpochs
from stream.kafka.log_tail import LogTail, ends_of_the_same
from stream.kafka.producer import KafkaLog
from stream.monitoring.clock import Clock
from stream.monitoring.exposure import Exposure
from stream.monitoring.metrics import Metrics
from stream.monitoring.online_evaluation import OnlineEvaluation
from stream.monitoring.pipeline_metrics import PipelineMetrics
from stream.monitoring.readiness import HealthServer, Readiness
from stream.pipeline import Pipeline
from stream.processing.effects import LiveEffects
from stream.processing.intake import LiveIntake
from stream.processing.items import ItemPipeline
from stream.processing.lists import Lists
from stream.processing.variants import LiveRanker, Variants, rankers_over
from stream.rebuild.item_vectors import KnownItems
from stream.rebuild.rebuild import Model, ReplaySource
from stream.rebuild.repair import StateRepair
from stream.retry import Retries
from stream.settings import WorkerSettings
from stream.startup_checks import now_ms
from stream.store.pending_index import PendingIndex
from stream.store.published_lists import PublishedLists
from stream.store.redis import Store
from stream.store.redis_calls import RedisCalls, connect
from stream.store.shared_blend import SharedBlend
from stream.store.statistics_snapshots import WRITER, Snapshots
from stream.tasks.blend_learning import BlendLearner
from stream.tasks.catalogue_feed import CatalogueFeed
from stream.tasks.encoder_backlog import EncoderBacklog
from stream.tasks.event_backlog import EventBacklog
from stream.tasks.flow_gate import FlowGate
from stream.tasks.list_renewal import ListRenewal, RenewalLimits
from stream.tasks.pending_resumption import PendingResumption
from stream.tasks.progress_watch import ProgressWatch
from stream.tasks.statistics_service import StatisticsService
from stream.tasks.trending_lists import TrendingLists
from stream.worker import Crash, Loop, Resource, Worker

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """What lies below everything else. layout: of the topics; consumer: of the app."""

    settings: WorkerSettings
    encoder: Encoder
    layout: TopicLayout
    consumer: Consumer
    metrics: Metrics
    retries: Retries
    clock: Clock
    encoding: DeadlineEncoder
    catalogue: Catalogue
    statistics: Statistics
    rules: Rules
    variants: Variants
    evaluation: OnlineEvaluation


@dataclass(frozen=True, kw_only=True)
class _Core:
    """What events pass."""

    store: Store
    log: KafkaLog
    lists: Lists
    quarantine: Quarantine
    partitions: Partitions
    pipeline: Pipeline
    items: ItemPipeline
    backlog: EventBacklog

    def mine(self) -> bool:
        """Whether the partition is this worker's whose owner does what is done once for all."""
        return WRITER in self.store.owned_partitions()


def build_worker(
    settings: WorkerSettings, encoder: Encoder, layout: TopicLayout, consumer: Consumer, crash: Crash
) -> Worker:
    """A worker that is not started yet. Call it inside the loop that will run it.

    Raises Misconfigured for files that the settings name and that cannot be used.
    """
    parts = _parts(settings, encoder, layout, consumer)
    core = _core(parts)
    metrics, waiting = parts.metrics, core.pipeline.waiting
    blending = BlendLearner(parts.variants.usual, parts.catalogue, core.mine)
    shared = connect(settings.redis)
    snapshots = Snapshots(settings.redis, settings.keys, RedisCalls(parts.retries))
    statistics = StatisticsService(
        settings, parts.statistics, snapshots, core.store, metrics, blending.learn, core.backlog.stands
    )
    feed = CatalogueFeed(parts.catalogue, waiting, metrics.items.set)
    vectors = Follower(
        settings.brokers, settings.topics.item_vectors, feed.apply, settings.fetch_wait_ms, metrics.leave_out
    )
    gate = FlowGate([vectors, statistics.follower], parts.encoding.warm_up, consumer.let_flow)
    epochs = LeaderEpochs(core.store, lambda read: ends_of_epochs(settings.brokers, read))
    watch = _watch(parts, core, gate, [vectors, statistics.follower], epochs)
    assignment = _assignment(parts, core, gate, watch, epochs)

    async def share_blend() -> None:
        stored = SharedBlend(shared, settings.keys, lambda: core.store.lease(WRITER).token)
        await blending.share(stored, settings.statistics_every_s)

    async def compare_clocks() -> None:
        await parts.clock.follow(core.store.now_ms)

    async def close_encoder() -> None:
        parts.encoding.close()

    backlog = EncoderBacklog(core.pipeline.retry_missed_texts, waiting, parts.encoding, metrics.missed_texts_read.inc)
    loops: list[Loop] = [
        gate.run,
        _resumption(parts, core, feed, gate).run,
        backlog.run,
        compare_clocks,
        statistics.keep,
        statistics.fit,
        _trending(parts, core, gate).run,
        _renewal(parts, core, gate).run,
        watch.run,
        share_blend,
    ]
    resources = [
        Resource(core.store.close),
        Resource(core.log.stop, core.log.start),
        Resource(close_encoder),
        Resource(shared.aclose),
        Resource(vectors.stop, vectors.start),
        Resource(statistics.stop, statistics.start),
    ]
    health = _health(parts, waiting, gate, assignment)
    resources.append(Resource(health.stop, health.start))
    handlers = RecordHandlers(
        pipeline=core.pipeline,
        items=core.items,
        partitions=core.partitions,
        quarantine=core.quarantine,
        backlog=core.backlog,
        on_items=vectors.hurry,
    )
    return Worker(resources, loops, assignment, handlers, crash)


def _parts(settings: WorkerSettings, encoder: Encoder, layout: TopicLayout, consumer: Consumer) -> _Parts:
    metrics, clock = Metrics(), Clock(now_ms)
    metrics.clock_skew.set_function(lambda: clock.skew_ms / 1000)
    if encoder.sentiment is None:
        _log.warning("the model folder has no head for sentiment: reviews without a rating all count the same")
    encoding = DeadlineEncoder(encoder, on_failure=metrics.encoder_failed, on_batch=metrics.encoder_ran)
    metrics.encoder_out.set_function(lambda: not encoding.healthy)
    metrics.encoder_cached.set_function(lambda: encoder.texts_cached)
    metrics.encoder_read.set_function(lambda: encoder.texts_read)
    catalogue = Catalogue(encoder.dim, encoder.fingerprint)
    statistics = Statistics(catalogue, layout.identities, pair_users=settings.pair_users)
    rules = Rules(catalogue, settings.list_rules)
    experiment = read(settings.experiment) if settings.experiment is not None else None

    name = experiment.name if experiment is not None else ""
    return _Parts(
        settings=settings,
        encoder=encoder,
        layout=layout,
        consumer=consumer,
        metrics=metrics,
        retries=Retries(),
        clock=clock,
        encoding=encoding,
        catalogue=catalogue,
        statistics=statistics,
        rules=rules,
        variants=Variants(rankers_over(catalogue, statistics, rules), settings.ranking(), experiment),
        evaluation=OnlineEvaluation(
            catalogue,
            metrics.online,
            rules.block,
            name,
            settings.seen,
            Exposure(catalogue, settings.exposure_facet or ""),
        ),
    )


def _core(parts: _Parts) -> _Core:
    settings, topics, metrics = parts.settings, parts.settings.topics, parts.metrics
    fingerprint, identities = parts.encoder.fingerprint, parts.layout.identities
    store = Store(
        settings.redis,
        settings.keys,
        fingerprint,
        identities,
        settings.retention(),
        _repair(parts),
        RedisCalls(parts.retries, on_record=metrics.state_bytes.observe),
    )
    log = KafkaLog(settings.brokers, metrics.leave_out, parts.retries)
    waiting, quarantine = PendingIndex(), Quarantine(store)
    published = PublishedLists(parts.catalogue, settings.k)
    guard = Guard(Faults(lambda stage: metrics.contained.labels(stage).inc()), quarantine)
    lists = Lists(topics, fingerprint, settings.list_expiry_s * 1000)
    decoder = Decoder(
        topics,
        load_weights(settings.weights),
        parts.layout.partitions,
        identities,
        clock=parts.clock.latest_ms,
        clicks_are_seen=settings.clicks_are_seen,
        authority=by_keys(settings.command_keys()),
    )
    observer = PipelineMetrics(metrics, parts.evaluation, waiting, now_ms)
    pipeline = Pipeline(
        intake=LiveIntake(decoder=decoder, transfers=topics.transfers, guard=guard),
        effects=LiveEffects(
            topics=topics,
            log=log,
            ranker=LiveRanker(parts.variants, parts.rules, settings.list_rules, settings.k).rank,
            lists=lists,
            store=store,
            clock=now_ms,
            guard=guard,
            published=published,
            observer=observer,
        ),
        decoder=decoder,
        embedder=parts.encoding.queries,
        items=parts.catalogue.vector,
        store=store,
        waiting=waiting,
        limits=settings.limits(parts.encoder.sentiment),
        fingerprint=fingerprint,
        clock=now_ms,
        late_after_s=settings.session_timeout_s / 2,
        guard=guard,
        published=published,
        observer=observer,
    )
    return _Core(
        store=store,
        log=log,
        lists=lists,
        quarantine=quarantine,
        partitions=Partitions(
            topics, store, waiting, parts.consumer, settings.session_timeout_s, quarantine, parts.retries
        ),
        pipeline=pipeline,
        items=ItemPipeline(topics, parts.catalogue, parts.encoding.passages, log, now_ms, guard),
        backlog=EventBacklog(settings.batch),
    )


def _repair(parts: _Parts) -> StateRepair:
    encoder, encoding = parts.encoder, parts.encoding
    model = Model(encoder.fingerprint, encoder.dim, encoding.queries, encoding.passages, encoder.sentiment)
    source = ReplaySource(parts.settings, parts.layout.identities, parts.layout.partitions, model)
    return StateRepair(source, KnownItems(parts.catalogue.vector), parts.metrics.repaired.inc, parts.retries)


def _assignment(
    parts: _Parts, core: _Core, gate: FlowGate, watch: ProgressWatch, epochs: LeaderEpochs
) -> GroupAssignment:
    def owned(numbers: Collection[int]) -> None:
        parts.evaluation.lists.keep(numbers)
        parts.metrics.partitions.set(len(numbers))

    return GroupAssignment(
        parts.settings.topics.items, core.partitions, core.quarantine, gate, owned, watch.look_at_tail, epochs
    )


def _resumption(parts: _Parts, core: _Core, feed: CatalogueFeed, gate: FlowGate) -> PendingResumption:
    return PendingResumption(
        pipeline=core.pipeline,
        partitions=core.partitions,
        catalogue=parts.catalogue,
        feed=feed,
        gate=gate,
        clock=parts.clock,
    )


def _renewal(parts: _Parts, core: _Core, gate: FlowGate) -> ListRenewal:
    settings = parts.settings
    return ListRenewal(
        pipeline=core.pipeline,
        store=core.store,
        refused=core.partitions.refused,
        clock=parts.clock,
        limits=RenewalLimits(
            per_s=settings.list_renewals_per_s,
            lifetime_s=settings.list_expiry_s,
            active_s=round(settings.list_active_days * 86_400),
        ),
        metrics=parts.metrics.renewals,
        opened=lambda: gate.open,
        now_ms=now_ms,
    )


def _trending(parts: _Parts, core: _Core, gate: FlowGate) -> TrendingLists:
    return TrendingLists(
        gate=gate,
        mine=core.mine,
        ranker=parts.variants.usual,
        lists=core.lists,
        log=core.log,
        clock=now_ms,
        k=parts.settings.k,
        every_s=parts.settings.trending_every_s,
    )


def _watch(
    parts: _Parts, core: _Core, gate: FlowGate, followers: Sequence[Follower], epochs: LeaderEpochs
) -> ProgressWatch:
    topics, brokers = parts.settings.topics, parts.settings.brokers
    return ProgressWatch(
        followers=followers,
        partitions=core.partitions,
        consumer=parts.consumer,
        user_topics=(topics.clicks, topics.reviews, topics.commands, topics.transfers),
        gate=gate,
        retries=parts.retries,
        tail=LogTail(partial(ends_of_the_same, brokers, topics, parts.layout.identities)),
        epochs=epochs,
        on_lag=parts.metrics.lag.set,
    )


def _health(parts: _Parts, waiting: PendingIndex, gate: FlowGate, assignment: GroupAssignment) -> HealthServer:
    readiness = Readiness(
        retries=parts.retries,
        catalogue=parts.catalogue,
        waiting=waiting,
        encoding=parts.encoding,
        caught_up=lambda: gate.caught_up,
        opened=lambda: gate.open,
        owned=lambda: len(assignment.partitions.owned) if assignment.assigned else None,
    )
    settings = parts.settings
    return HealthServer(readiness.check, parts.metrics.exposition, settings.health_host, settings.health_port)
