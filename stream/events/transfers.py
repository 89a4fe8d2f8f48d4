"""What the owners of two users tell each other (topic `transfers.v1`, key: the user whom it is for).

The message stands in a header, as JSON, and the value has bytes as they are: the state of a handoff
(serving/state/user_state.py), or a record that is forwarded. Everything here may be sent again: who receives it
knows what was done before.
"""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

import msgspec

from penchant.errors import Rejected, RejectReason
from penchant.topics import MAX_MESSAGE_BYTES, TRENDING, Topic
from serving.state.pending import Offset, Partition, TimeMs
from serving.state.user_state import Ref
from stream.events.outgoing import Outgoing
from stream.events.records import Record

HEADER = "penchant.transfer"
_OVERHEAD_BYTES = 512  # of a batch of one record, beside key, value and headers

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
_EVENTS = (Topic.CLICKS, Topic.REVIEWS, Topic.COMMANDS)  # records of these are forwarded


class HandoffToken(msgspec.Struct, array_like=True, frozen=True):
    """Which handoff something belongs to: the alias's id and partition, and the token of when it became one.

    The alias's record in the store must still say so. If it does not, the store was emptied or restored since, and
    what was handed off then is counted again from the input topics.
    """

    user_id: Id
    partition: Partition
    token: str


class Transfer(msgspec.Struct, kw_only=True, frozen=True, tag_field="type"):
    """One message. `to`: the user whom it is for, whose owner reads it."""

    to: Id


class Request(Transfer, kw_only=True, frozen=True, tag="request"):
    """The owner of `user_id` asks for the state of `to`. time_ms, ref: of the merge command.

    most_merges: how many users may have been merged into `to`, who become users of `user_id` then.
    """

    user_id: Id
    command_id: Id
    time_ms: TimeMs
    ref: Ref
    most_merges: int = msgspec.field(default=64, name="room")


class Handoff(Transfer, kw_only=True, frozen=True, tag="hand-over"):
    """The answer: the state in the record's value, or nothing (the receiver has it), or why not."""

    anonymous_id: Id
    command_id: Id
    time_ms: TimeMs
    ref: Ref
    handoff: HandoffToken | None = msgspec.field(default=None, name="hand")
    refused: str = ""


class Confirm(Transfer, kw_only=True, frozen=True, tag="confirm"):
    """The state of the handoff has been added and saved: its sender may drop it."""

    token: str


class Forwarded(Transfer, kw_only=True, frozen=True, tag="passed"):
    """A record of an alias, for its target: whole, with its place in its own topic."""

    handoff: HandoffToken = msgspec.field(name="hand")
    topic: str
    partition: Partition
    offset: Offset
    timestamp_ms: TimeMs
    key: bytes | None


class Erased(Transfer, kw_only=True, frozen=True, tag="erased"):
    """`to` is one person with somebody who was erased then, ms since 1970.

    by: that one, whose owner asks again until it hears that this is done; "": it is not asked again.
    """

    time_ms: TimeMs
    by: str = ""


class ErasureHeard(Transfer, kw_only=True, frozen=True, tag="erasure-heard"):
    """The answer to `Erased`: `user_id` is erased as of then."""

    user_id: Id
    time_ms: TimeMs


class Republish(Transfer, kw_only=True, frozen=True, tag="republish"):
    """A worker that had lost the partition published a list late: the newest list is to be the last one."""

    folded: list[Ref]


AnyTransfer: TypeAlias = Request | Handoff | Confirm | Forwarded | Erased | ErasureHeard | Republish
_decoder: msgspec.json.Decoder[AnyTransfer] = msgspec.json.Decoder(AnyTransfer)


@dataclass(frozen=True, slots=True)
class TransferEvent:
    """A message as it came."""

    record: Record
    message: AnyTransfer
    encoder_input: None = None

    @property
    def handoff(self) -> HandoffToken | None:
        """What has to be true of the sender in the store."""
        return self.message.handoff if isinstance(self.message, Handoff | Forwarded) else None


@dataclass(frozen=True, slots=True)
class OutboundTransfer:
    """A message to be sent, and the bytes beside it."""

    message: AnyTransfer
    value: bytes = b""
    headers: tuple[tuple[str, bytes], ...] = ()


def read(record: Record) -> TransferEvent:
    """Read a record of the topic.

    Raises Rejected if it is none of ours.
    """
    header = next((value for name, value in reversed(record.headers) if name == HEADER), b"")
    try:
        message = _decoder.decode(header)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected(RejectReason.SCHEMA, f"not a transfer between workers: {error}") from error
    if message.to == TRENDING:
        raise Rejected(RejectReason.BAD_ID, "not a transfer between workers: it is for '*', which no user is called")
    if isinstance(message, Forwarded):
        prefix = record.topic.removesuffix(Topic.TRANSFERS.value.suffix)
        if message.topic not in {f"{prefix}{topic.value.suffix}" for topic in _EVENTS}:
            raise Rejected(
                RejectReason.SCHEMA, f"not a transfer between workers: it passes on a record of {message.topic!r}"
            )
    return TransferEvent(record, message)


def outgoing(topic: str, sending: OutboundTransfer) -> Outgoing:
    """The record to be sent."""
    headers = (*sending.headers, (HEADER, msgspec.json.encode(sending.message)))
    return Outgoing(topic, sending.message.to.encode(), sending.value, headers=headers)


def oversize(sending: OutboundTransfer) -> int:
    """How many bytes its record has, if that is more than the topic takes; 0 if it can be sent."""
    headers = (*sending.headers, (HEADER, msgspec.json.encode(sending.message)))
    framed = sum(len(name.encode("utf-8", "replace")) + len(value) + 10 for name, value in headers)
    size = len(sending.value) + framed + len(sending.message.to.encode()) + _OVERHEAD_BYTES
    return size if size > MAX_MESSAGE_BYTES else 0


def pass_on(record: Record, to: str, handoff: HandoffToken) -> OutboundTransfer:
    """A record of the alias `handoff.user_id`, for its target."""
    message = Forwarded(
        to=to,
        handoff=handoff,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        timestamp_ms=record.timestamp_ms,
        key=record.key,
    )
    return OutboundTransfer(message, record.value or b"", record.headers)


def passed_record(carrier: Record, message: Forwarded) -> Record:
    """The record that was forwarded, as it stood in its own topic."""
    return Record(
        message.topic,
        message.partition,
        message.offset,
        message.timestamp_ms,
        message.key,
        carrier.value,
        tuple((name, value) for name, value in carrier.headers if name != HEADER),
    )
