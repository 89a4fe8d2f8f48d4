"""A replay: what it reads, the pipeline that takes it in, and how far it has come."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from penchant.fields import MOST_AHEAD_MS
from penchant.topics import Topics
from serving.model.artifact import TextKind
from serving.model.encoder import Encoder
from serving.model.sentiment import Sentiment
from serving.state.user_state import Vector
from stream.containment.faults import Guard
from stream.events.authority import by_keys
from stream.events.decoder import Decoder
from stream.events.records import Record
from stream.events.weights import load_weights
from stream.pipeline import Embed, Pipeline
from stream.processing.batch import CoVisitDetail
from stream.processing.items import EmbedItems
from stream.processing.pending_events import MERGES
from stream.rebuild.caveats import AuditNotes
from stream.rebuild.item_vectors import Items, ItemVectors
from stream.rebuild.log_reader import LogReader, Place
from stream.rebuild.replay_ports import ReplayEffects, ReplayIntake, ReplayPipeline
from stream.rebuild.side_topics import Verdicts
from stream.settings import WorkerSettings
from stream.store.base import UserStore
from stream.store.base import now_ms as wall_clock_ms
from stream.store.pending_index import PendingIndex

__all__ = ["Model", "ReplaySource", "Tell", "model_of"]

Tell = Callable[[int], None]  # how many records were read since the last call


@dataclass(frozen=True, slots=True)
class Model:
    """What a model folder gives a replay: its vectors' name and size, vectors of users' and items' texts, sentiment."""

    fingerprint: str
    dim: int
    embed: Embed
    passages: EmbedItems
    sentiment: Sentiment | None = None


def model_of(encoder: Encoder) -> Model:
    """An encoder, off the loop, so that the log is read on meanwhile."""

    async def embed(kind: TextKind, texts: Sequence[str]) -> Mapping[str, Vector]:
        rows = await asyncio.to_thread(encoder.embed, texts, kind)
        return dict(zip(texts, rows, strict=True))

    embeds = (partial(embed, "query"), partial(embed, "passage"))
    return Model(encoder.fingerprint, encoder.dim, *embeds, encoder.sentiment)


@dataclass(frozen=True, slots=True)
class ReplaySource:
    """Whose topics are read, by which rules. identities: topic -> the identity that its offsets count under."""

    settings: WorkerSettings
    identities: Mapping[str, str]
    partitions: int
    model: Model

    @property
    def topics(self) -> Topics:
        """The topics' names."""
        return self.settings.topics

    @property
    def events(self) -> tuple[str, ...]:
        """The topics whose records make users' states."""
        return (self.topics.clicks, self.topics.reviews, self.topics.commands)

    def places(self) -> list[Place]:
        """The partitions of those topics."""
        return [(topic, number) for topic in self.events for number in range(self.partitions)]


@dataclass(slots=True)
class LogClock:
    """The newest record's timestamp, ms since 1970."""

    now_ms: int = 0

    def __call__(self) -> int:
        """Tell the time."""
        return self.now_ms


@dataclass(slots=True)
class Replay:
    """Goes on through the log, never back.

    wall_ms: the wall clock: a record further ahead of it than clocks differ became a dead letter when it came, and does
    not move this one. verdicts: read before the first record; None: every command counts.
    """

    log: LogReader
    items: Items
    pipeline: ReplayPipeline
    clock: LogClock = field(default_factory=LogClock)
    seconds: float = 0.0
    positions: dict[Place, int] = field(default_factory=dict)
    wall_ms: Callable[[], int] = wall_clock_ms
    verdicts: Verdicts | None = None

    @property
    def audit_notes(self) -> AuditNotes:
        """What was learned beside states."""
        return self.pipeline.intake.audit_notes

    async def advance(
        self,
        ends: Mapping[Place, int],
        tell: Tell = lambda _: None,
        wanted: Callable[[Record], bool] = lambda _: True,
    ) -> None:
        """Process what partitions have up to these offsets. wanted: which of the records that are read."""
        began = time.monotonic()
        if self.verdicts is not None and not self.verdicts.known:
            await self.verdicts.read(self.log)
        came = await self.items.follow()
        if came:
            await self.pipeline.on_items_available(came)
        async for records in self.log.read({place: (self.positions.get(place, 0), end) for place, end in ends.items()}):
            latest_ms = self.wall_ms() + MOST_AHEAD_MS
            times_ms = (record.timestamp_ms for record in records if record.timestamp_ms <= latest_ms)
            self.clock.now_ms = max(self.clock.now_ms, max(times_ms, default=0))
            await self.pipeline.process(list(filter(wanted, records)))
            await self.pipeline.expire()
            if MERGES in self.pipeline.pipeline.waiting:
                await self.pipeline.resend_transfers()
            tell(len(records))
        self.positions |= {place: max(end, self.positions.get(place, 0)) for place, end in ends.items()}
        self.seconds += time.monotonic() - began


def make_replay(
    source: ReplaySource,
    log: LogReader,
    store: UserStore,
    items: Items | None = None,
    covisits: CoVisitDetail = CoVisitDetail.NOTHING,
) -> Replay:
    """A replay into a store, from the log's start. items: None: as their topic has them. covisits: what is noted."""
    settings, topics, model = source.settings, source.topics, source.model
    items = items or ItemVectors(log, topics.item_vectors, model.dim, model.fingerprint)
    limits = replace(settings.limits(model.sentiment), covisits=covisits)
    audit_notes = AuditNotes(limits.bounds.half_life_ms, revised=items.may_have_been_another)
    verdicts = Verdicts(topics.audit, by_keys(settings.command_keys()))
    decoder = Decoder(
        topics,
        load_weights(settings.weights),
        source.partitions,
        source.identities,
        clock=wall_clock_ms,
        clicks_are_seen=settings.clicks_are_seen,
        authority=verdicts,
    )
    clock, guard = LogClock(), Guard()
    intake = ReplayIntake(decoder=decoder, transfers=topics.transfers, guard=guard, audit_notes=audit_notes)
    effects = ReplayEffects(audit_notes=audit_notes)
    pipeline = Pipeline(
        intake=intake,
        effects=effects,
        decoder=decoder,
        embedder=model.embed,
        items=items.vector,
        store=store,
        waiting=PendingIndex(),
        limits=limits,
        fingerprint=model.fingerprint,
        clock=clock,
        guard=guard,
    )
    return Replay(log, items, ReplayPipeline(pipeline, intake, effects, source.partitions), clock, verdicts=verdicts)
