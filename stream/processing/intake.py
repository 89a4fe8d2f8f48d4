"""From records of the log to batches: what came by itself, and what another owner forwarded."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from penchant.errors import Rejected, RejectReason
from stream.containment.faults import Guard
from stream.events.dead_letters import quarantined, unreadable
from stream.events.decoder import Decoder
from stream.events.records import DeadLetter, Record, Reroute
from stream.events.transfers import Forwarded, passed_record, read
from stream.processing.batch import PartitionBatch, Read, Trigger, WorkItem
from stream.store.base import Lease

_log = logging.getLogger(__name__)


class Intake(Protocol):
    """How records become batches: as they come, or once more in a replay (stream/rebuild/replay_ports.py)."""

    def decode(self, records: Sequence[Record], leases: Mapping[int, Lease]) -> list[PartitionBatch]:
        """Sort records into batches by partition. leases: partition -> as it stood when the records came."""
        ...

    def contain(self, record: Record, error: Exception, lease: Lease) -> PartitionBatch:
        """A batch of nothing but a record that raised."""
        ...


@dataclass(frozen=True, kw_only=True)
class LiveIntake:
    """Records that come for the first time: what cannot be read becomes a dead letter, or is misrouted.

    transfers: the topic between owners.
    """

    decoder: Decoder
    transfers: str
    guard: Guard

    def decode(self, records: Sequence[Record], leases: Mapping[int, Lease]) -> list[PartitionBatch]:
        """See `Intake.decode`."""
        batches: dict[int, PartitionBatch] = {}
        for record in records:
            batch = batches.setdefault(
                record.partition, PartitionBatch(record.partition, lease=leases[record.partition])
            )
            batch.records.append(record)
            match self._arrive(record):
                case WorkItem() as each:
                    batch.inputs.append(each)
                case Reroute() as reroute:
                    batch.misrouted.append(reroute)
                case DeadLetter() as dead_letter:
                    batch.dead.append(dead_letter)
        return list(batches.values())

    def contain(self, record: Record, error: Exception, lease: Lease) -> PartitionBatch:
        """See `Intake.contain`: the record as a dead letter."""
        return PartitionBatch(
            record.partition, [record], lease=lease, dead=[self.guard.faults.dead_letter(record, error)]
        )

    def _arrive(self, record: Record) -> WorkItem | Reroute | DeadLetter | None:
        if self.guard.quarantine.condemned(record):  # it is not to be read at all
            return quarantined(record)
        return arrive(record, self.decoder, self.transfers)


def arrive(record: Record, decoder: Decoder, transfers: str) -> WorkItem | Reroute | DeadLetter | None:
    """What a record is: an input, misrouted, a dead letter, or nothing. `transfers`: the topic between owners."""
    if record.topic == transfers:
        return _transferred(record, decoder.read_again)  # it was taken by who passes it on
    if (dead_letter := unreadable(record)) is not None:
        return dead_letter
    try:
        event = decoder.decode(record)
    except Rejected as error:
        return DeadLetter(record, error.reason, str(error), "decode")
    return event if isinstance(event, Reroute) else WorkItem(event.user_id, event.event_id, Trigger.FRESH, event)


def _transferred(carrier: Record, read_event: Read) -> WorkItem | DeadLetter | None:
    try:
        transfer = read(carrier)
    except Rejected as error:  # only workers write there
        why = carrier.unreadable.why if carrier.unreadable is not None else str(error)
        _log.error("action=left_out %s-%d-%d: %s", carrier.topic, carrier.partition, carrier.offset, why)
        return None
    message = transfer.message
    if not isinstance(message, Forwarded):
        return WorkItem(message.to, "", Trigger.FRESH, transfer, handoff=transfer.handoff)
    record = passed_record(carrier, message)
    try:
        event = read_event(record)
    except Rejected as error:  # it could be read by who passed it on: the weights file has changed since
        return DeadLetter(record, error.reason, str(error), "decode", carrier)
    if isinstance(event, Reroute):  # nor do workers pass on what was not theirs
        why = f"passed on as of partition {record.partition}, and of a user of partition {event.partition}"
        return DeadLetter(record, RejectReason.WRONG_PARTITION, why, "decode", carrier)
    return WorkItem(message.to, event.event_id, Trigger.FRESH, event, carrier=carrier, handoff=message.handoff)
