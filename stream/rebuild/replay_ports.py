"""What a replay gives the worker's pipeline: records that were processed before; the same states, and nothing sent.

A copy that a worker made (header `penchant.origin`) is skipped if its original lies where its user belongs: that one is
processed at its place. The copy of an original on a wrong partition is processed where it stands, as the worker did: a
replay up to a live state's offsets has exactly what that state has. At the end of a rebuild the originals follow whose
copies have not come.

What the owners of two users send each other is made again here, at once and in memory: `transfers.v1` is not read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from penchant.partitioner import partition_of
from stream.containment.faults import Guard
from stream.events.dead_letters import forwarded
from stream.events.decoder import Decoder
from stream.events.records import ORIGIN, DeadLetter, Record, Reroute
from stream.events.transfers import OutboundTransfer, outgoing
from stream.pipeline import Pipeline
from stream.processing.batch import PartitionBatch, WorkItem
from stream.processing.effects import RankedLists
from stream.processing.intake import arrive
from stream.rebuild.caveats import AuditNotes, Caveat
from stream.store.base import Lease

__all__ = ()


@dataclass(frozen=True, kw_only=True)
class ReplayIntake:
    """An `Intake`. transfers: the topic between owners.

    misrouted: originals on wrong partitions whose copies have not come, by the id of their place.
    """

    decoder: Decoder
    transfers: str
    guard: Guard
    audit_notes: AuditNotes
    misrouted: dict[str, Reroute] = field(default_factory=dict)

    def decode(self, records: Sequence[Record], _: Mapping[int, Lease]) -> list[PartitionBatch]:
        """See `Intake.decode`. What cannot be read was a dead letter then, and is left out."""
        batches: dict[int, PartitionBatch] = {}
        for record in records:
            self.audit_notes.events += record.topic != self.transfers
            match arrive(record, self.decoder, self.transfers):
                case Reroute() as reroute:
                    self.misrouted[record.position] = reroute
                case WorkItem() as each if not self._is_copy(record):
                    self.audit_notes.take(each)
                    batches.setdefault(record.partition, PartitionBatch(record.partition)).inputs.append(each)
        return list(batches.values())

    def contain(self, record: Record, error: Exception, _: Lease) -> PartitionBatch:
        """See `Intake.contain`. A record that raises here may not have raised when it came."""
        self.guard.faults.dead_letter(record, error)
        self.audit_notes.caveat((record.key or b"").decode("utf-8", "replace"), Caveat.DEAD_LETTERED)
        return PartitionBatch(record.partition)

    def take_misrouted(self) -> list[Record]:
        """The originals whose copies have not come, each as its copy would be."""
        left = list(self.misrouted.values())
        self.misrouted.clear()
        return [_copy(reroute) for reroute in left]

    def _is_copy(self, record: Record) -> bool:
        """Whether a record's original was processed at its own place."""
        origin = record.header(ORIGIN) if record.headers and record.topic != self.transfers else None
        if origin is None:
            return False
        self.misrouted.pop(origin, None)
        return _partition_in(origin) == record.partition


@dataclass(frozen=True, kw_only=True)
class ReplayEffects:
    """`Effects` that send nothing. outbox: messages between owners that were not delivered yet."""

    audit_notes: AuditNotes
    outbox: list[OutboundTransfer] = field(default_factory=list)

    async def publish_side_effects(self, batches: Sequence[PartitionBatch]) -> None:
        """Co-visit weights are added up by item; nobody is due a list."""
        for batch in batches:
            for topic, events in batch.covisit_events.items():
                self.audit_notes.covisits((topic, batch.partition), events)
            self.outbox.extend(batch.first)
            for update in batch.updates.values():
                update.due = False
            self._caveat_refused(batch)

    def rank(self, _: Sequence[PartitionBatch]) -> RankedLists:
        """No lists."""
        return RankedLists([], [])

    async def publish(self, _: RankedLists, batches: Sequence[PartitionBatch]) -> None:
        """What other owners are to be told is kept, to be delivered here."""
        self.outbox.extend(sending for batch in batches for sending in batch.then)

    async def send_dead_letters(self, _: Iterable[DeadLetter]) -> None:
        """Whatever became a dead letter stands among them."""

    async def republish_if_fenced(self, _: Iterable[PartitionBatch]) -> None:
        """No list was published, however long it took."""

    def _caveat_refused(self, batch: PartitionBatch) -> None:
        """What is refused because of what came before it may have been accepted when it came."""
        refused = {id(dead_letter.record) for dead_letter in batch.dead}
        for each in batch.inputs:
            if each.dead_letter is not None or (each.event is not None and id(each.event.record) in refused):
                self.audit_notes.caveat(each.user_id, Caveat.DEAD_LETTERED)


@dataclass(frozen=True, slots=True)
class ReplayPipeline:
    """A pipeline over these ports. What owners have to send each other is delivered after each step.

    partitions: of every user topic.
    """

    pipeline: Pipeline
    intake: ReplayIntake
    effects: ReplayEffects
    partitions: int

    async def process(self, records: Sequence[Record]) -> None:
        """Process records that stand on the log."""
        await self.pipeline.process(records)
        await self._deliver()

    async def on_items_available(self, item_ids: Iterable[str]) -> None:
        """See `Pipeline.on_items_available`."""
        await self.pipeline.on_items_available(item_ids)
        await self._deliver()

    async def expire(self) -> None:
        """See `Pipeline.expire`."""
        await self.pipeline.expire()
        await self._deliver()

    async def resend_transfers(self) -> None:
        """See `Pipeline.resend_transfers`."""
        await self.pipeline.resend_transfers()
        await self._deliver()

    async def replay_misrouted(self) -> None:
        """Process the originals whose copies have not come."""
        await self.process(self.intake.take_misrouted())

    async def _deliver(self) -> None:
        """Until nobody has anything to send."""
        while self.effects.outbox:
            records = [self._delivered(sending) for sending in self.effects.outbox]
            self.effects.outbox.clear()
            await self.pipeline.process(records)

    def _delivered(self, sending: OutboundTransfer) -> Record:
        made = outgoing(self.intake.transfers, sending)
        home = partition_of(sending.message.to, self.partitions)
        return Record(made.topic, home, 0, self.pipeline.clock(), made.key, made.value, made.headers)


def _copy(reroute: Reroute) -> Record:
    copy, was = forwarded(reroute), reroute.record
    return Record(copy.topic, copy.partition or 0, was.offset, was.timestamp_ms, copy.key, copy.value, copy.headers)


def _partition_in(origin: str) -> int | None:
    """The partition that an id made from a place names; None if it is none: anybody may write a header."""
    number = origin.rsplit("-", 2)[1:2]
    return int(number[0]) if number and number[0].isascii() and number[0].isdecimal() else None
