"""From a record of the log to an input of the batch: what came by itself, and what another owner forwarded."""

import logging

from penchant.errors import Rejected, RejectReason
from stream.events.dead_letters import unreadable
from stream.events.records import DeadLetter, Record, Reroute
from stream.events.transfers import Forwarded, passed_record, read
from stream.processing.batch import Read, Trigger, WorkItem

_log = logging.getLogger(__name__)


def arrive(record: Record, read_event: Read, transfers: str) -> WorkItem | Reroute | DeadLetter | None:
    """What a record is: an input, misrouted, a dead letter, or nothing. `transfers`: the topic between owners."""
    if record.topic == transfers:
        return _transferred(record, read_event)
    if (letter := unreadable(record)) is not None:
        return letter
    try:
        event = read_event(record)
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
        return WorkItem(message.to, "", Trigger.FRESH, transfer, hand=transfer.hand)
    record = passed_record(carrier, message)
    try:
        event = read_event(record)
    except Rejected as error:  # it could be read by who passed it on: the weights file has changed since
        return DeadLetter(record, error.reason, str(error), "decode", carrier)
    if isinstance(event, Reroute):  # nor do workers pass on what was not theirs
        why = f"passed on as of partition {record.partition}, and of a user of partition {event.partition}"
        return DeadLetter(record, RejectReason.WRONG_PARTITION, why, "decode", carrier)
    return WorkItem(message.to, event.event_id, Trigger.FRESH, event, carrier=carrier, hand=message.hand)
