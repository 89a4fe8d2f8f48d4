"""The worker's pipeline over records that were processed before: the same states, and nothing sent.

A copy that a worker made (header `penchant.origin`) is skipped if its original lies where its user belongs: that one is
processed at its place. The copy of an original on a wrong partition is processed where it stands, as the worker did: a
replay up to a live state's offsets has exactly what that state has. At the end of a rebuild the originals follow whose
copies have not come.

What the owners of two users send each other is made again here, at once and in memory: `transfers.v1` is not read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from penchant.partitioner import partition_of
from serving.state.user_state import Vector
from stream.events.dead_letters import forwarded
from stream.events.encoder_input import EncoderInput
from stream.events.outgoing import Outgoing
from stream.events.records import ORIGIN, DeadLetter, Record, Reroute
from stream.events.transfers import OutboundTransfer, outgoing
from stream.pipeline import Pipeline
from stream.processing.batch import PartitionBatch, WorkItem
from stream.processing.inputs import arrive
from stream.processing.lists import Ranking
from stream.rebuild.caveats import AuditNotes, Caveat
from stream.store.base import Lease


class Silence:
    """A log that takes nothing: a replay sends nothing."""

    async def send(self, records: Sequence[Outgoing]) -> None:
        """See `stream.events.outgoing.Log`."""
        if records:
            raise TypeError("this is a bug: a replay was about to send records")


def no_rank(_: object, __: object) -> Sequence[Ranking]:
    """A ranker that is never asked for a list."""
    return []


@dataclass(frozen=True, kw_only=True)
class SilentPipeline(Pipeline):
    """See the module. misrouted: originals on wrong partitions whose copies have not come, by the id of their place.

    outbox: messages between owners that were not delivered yet.
    """

    partitions: int
    audit_notes: AuditNotes
    misrouted: dict[str, Reroute] = field(default_factory=dict)
    outbox: list[OutboundTransfer] = field(default_factory=list)

    def decode(self, records: Sequence[Record], _: Mapping[int, Lease]) -> list[PartitionBatch]:
        """Sort records into batches by partition. What cannot be read was a dead letter then, and is left out."""
        batches: dict[int, PartitionBatch] = {}
        for record in records:
            self.audit_notes.events += record.topic != self.topics.transfers
            match arrive(record, self.decoder.decode, self.topics.transfers):
                case Reroute() as reroute:
                    self.misrouted[record.position] = reroute
                case WorkItem() as each if not self._is_copy(record):
                    self.audit_notes.take(each)
                    batches.setdefault(record.partition, PartitionBatch(record.partition)).inputs.append(each)
        return list(batches.values())

    async def run(self, batches: list[PartitionBatch], texts: Mapping[EncoderInput, Vector]) -> list[PartitionBatch]:
        """See `Pipeline.run`; then what owners have to send each other is processed, until nothing is left."""
        saved = await super().run(batches, texts)
        while self.outbox:
            records = [self._delivered(sending) for sending in self.outbox]
            self.outbox.clear()
            answers = self.decode(records, {})
            await super().run(answers, await self.embed(answers))
        return saved

    async def replay_misrouted(self) -> None:
        """Take in the originals whose copies have not come."""
        left = list(self.misrouted.values())
        copies = [(reroute.record, forwarded(reroute)) for reroute in left]
        self.misrouted.clear()
        await self.process(
            [
                Record(
                    copy.topic, copy.partition or 0, was.offset, was.timestamp_ms, copy.key, copy.value, copy.headers
                )
                for was, copy in copies
            ]
        )

    async def publish_side_effects(self, batches: Iterable[PartitionBatch]) -> None:
        """Nothing is announced; co-visit weights are added up by item."""
        for batch in batches:
            for topic, events in batch.covisit_events.items():
                self.audit_notes.covisits((topic, batch.partition), events)
            self.outbox.extend(batch.first)
            for update in batch.updates.values():
                update.due = False
            self._caveat_refused(batch)

    def transfers(self, sendings: Iterable[OutboundTransfer]) -> list[Outgoing]:
        """Kept to be delivered here."""
        self.outbox.extend(sendings)
        return []

    async def republish_if_fenced(self, batches: Iterable[PartitionBatch]) -> None:
        """No list was published, however long it took."""

    def _is_copy(self, record: Record) -> bool:
        """Whether a record's original was processed at its own place."""
        origin = record.header(ORIGIN) if record.headers and record.topic != self.topics.transfers else None
        if origin is None:
            return False
        self.misrouted.pop(origin, None)
        return _partition_in(origin) == record.partition

    def _delivered(self, sending: OutboundTransfer) -> Record:
        made = outgoing(self.topics.transfers, sending)
        home = partition_of(sending.message.to, self.partitions)
        return Record(made.topic, home, 0, self.clock(), made.key, made.value, made.headers)

    def _caveat_refused(self, batch: PartitionBatch) -> None:
        """What is refused because of what came before it may have been accepted when it came."""
        refused = {id(letter.record) for letter in batch.dead}
        for each in batch.inputs:
            if each.letter is not None or (each.event is not None and id(each.event.record) in refused):
                self.audit_notes.caveat(each.user_id, Caveat.PUT_ASIDE)

    def rank(self, batches: Iterable[PartitionBatch]) -> tuple[list[Outgoing], list[DeadLetter]]:
        """No lists."""
        return [], []

    def put_aside(self, record: Record, error: Exception, _: Lease) -> PartitionBatch:
        """A record that raises here may not have raised when it came."""
        self.guard.faults.letter(record, error)
        self.audit_notes.caveat((record.key or b"").decode("utf-8", "replace"), Caveat.PUT_ASIDE)
        return PartitionBatch(record.partition)


def _partition_in(origin: str) -> int | None:
    """The partition that an id made from a place names; None if it is none: anybody may write a header."""
    number = origin.rsplit("-", 2)[1:2]
    return int(number[0]) if number and number[0].isascii() and number[0].isdecimal() else None
