"""What was done about commands, to be told on the log once it is saved: kept with the states until it was told."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from stream.events.records import Record

_MOST_SOURCE = 256  # characters: anybody may write a header
Status = Literal["done", "refused", "waiting", "forwarded"]


class Asked(msgspec.Struct, array_like=True, frozen=True):
    """Where a command stood, when it was sent, who signed it and who says to have sent it."""

    topic: str
    partition: int
    offset: int
    time_ms: int
    signed_by: str
    source: str


class Answer(msgspec.Struct, array_like=True, frozen=True):
    """One command and what was done about it; its receipt names nobody.

    at_ms: when, since 1970. users: whom it is about; stored, and told, are their `digests` alone. asked: None: it was
    told before, when the command came.
    """

    command_id: str
    type: str
    status: Status
    reason: str = ""
    removed: Mapping[str, int] = {}
    at_ms: int = 0
    users: tuple[str, ...] = ()
    digests: tuple[bytes, ...] = ()
    asked: Asked | None = None

    @property
    def final(self) -> bool:
        """Whether there is a receipt."""
        return self.status in {"done", "refused"}

    def sealed(self, digest: Callable[[str], bytes]) -> "Answer":
        """With digests instead of users."""
        if not self.users:
            return self
        return msgspec.structs.replace(self, users=(), digests=tuple(map(digest, self.users)))


def asked_by(record: Record, signed_by: str = "") -> Asked:
    """What a record of a command says of who sent it."""
    source = (record.header("ce_source") or "")[:_MOST_SOURCE]
    return Asked(record.topic, record.partition, record.offset, record.timestamp_ms, signed_by, source)


_decoder = msgspec.msgpack.Decoder(list[Answer])


def pack(answers: Sequence[Answer]) -> bytes:
    """As the store keeps them; empty: none."""
    return msgspec.msgpack.encode(answers) if answers else b""


def unpack(packed: bytes | None) -> list[Answer]:
    """See `pack`."""
    return _decoder.decode(packed) if packed else []
