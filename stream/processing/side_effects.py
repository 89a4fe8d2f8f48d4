"""What a batch leaves on the log beside states and lists, as records: it must stand there before the state is saved."""

from collections.abc import Iterator

import msgspec

from penchant.messages import AuditedCommand, CoVisits, Receipt
from penchant.times import rfc3339
from penchant.topics import Topics, position_of
from stream.events.dead_letters import dead_letter_message, forwarded_or_dead
from stream.events.outgoing import Outgoing
from stream.events.transfers import outgoing
from stream.processing.batch import PartitionBatch
from stream.store.answers import Answer

__all__ = ()


def side_effects(batch: PartitionBatch, topics: Topics, now_ms: int) -> Iterator[Outgoing]:
    """Co-visits, dead letters, forwarded records, nulls of erased users, transfers."""
    yield from (covisits(message, topics) for message in batch.covisits())
    yield from (dead_letter_message(dead_letter, now_ms) for dead_letter in batch.dead)
    yield from (forwarded_or_dead(reroute, now_ms) for reroute in batch.misrouted)
    for user in (*batch.erased, *batch.nulls):
        yield Outgoing(topics.recommendations, user.encode(), None, batch.partition)
    yield from (outgoing(topics.transfers, each) for each in batch.first)


def covisits(message: CoVisits, topics: Topics) -> Outgoing:
    """The record that every ranker adds up."""
    key = f"{message.topic}-{message.partition}".encode()
    return Outgoing(topics.covisits, key, msgspec.json.encode(message))


def told(answer: Answer, topics: Topics) -> Iterator[Outgoing]:
    """The receipt, if there is one, and what the audit is to know of a command: nothing before it is saved."""
    key = answer.command_id.encode()
    if answer.final:
        yield Outgoing(topics.receipts, key, msgspec.json.encode(_receipt(answer)))
    yield Outgoing(topics.audit, key, msgspec.json.encode(_audited(answer)))


def _receipt(answer: Answer) -> Receipt:
    return Receipt(
        command_id=answer.command_id,
        type=answer.type,
        status="done" if answer.status == "done" else "refused",
        reason=answer.reason,
        completed_at=rfc3339(answer.at_ms),
        removed=dict(answer.removed),
    )


def _audited(answer: Answer) -> AuditedCommand:
    made = AuditedCommand(
        command_id=answer.command_id,
        type=answer.type,
        status=answer.status,
        reason=answer.reason,
        at=rfc3339(answer.at_ms),
        users=[digest.hex() for digest in answer.digests],
    )
    if (asked := answer.asked) is not None:
        made.position = position_of(asked.topic, asked.partition, asked.offset)
        made.sent_at = rfc3339(asked.time_ms)
        made.signed_by, made.source = asked.signed_by or None, asked.source or None
    return made
