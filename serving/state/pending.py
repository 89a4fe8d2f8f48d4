"""What is pending of a user: events to name on a list, to give a vector or to retract, and users to merge.

`size` of each is the most bytes that it takes in a record, from the lengths of what it holds; nothing is encoded.
"""

from typing import Annotated

import msgspec

__all__ = ["Offset", "Partition", "TimeMs"]

TimeMs = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]  # since 1970, to the end of the year 9999
Partition = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Offset = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]

_NUMBERS = 32  # of a Ref or a Merge: MessagePack writes a whole number in 9 bytes at most, a flag or an array in 1
_ENTRY = 64  # of a pending event or retraction
_HEADER = 1
_LENGTH = 5  # before each text and each run of bytes, at most


class Ref(msgspec.Struct, array_like=True, frozen=True):
    """Where an event came from, to be named in the next list's `folded`."""

    topic: str
    partition: Partition
    offset: Offset
    event_id: str
    time_ms: TimeMs
    waiting: bool = False
    duplicate: bool = False

    @property
    def size(self) -> int:
        """Bytes in a record, at most."""
        return _NUMBERS + _of_texts(self.topic, self.event_id)


class PendingEvent(msgspec.Struct, array_like=True, frozen=True):
    """An event that waits for its item's vector, in the bytes it came as: nothing is lost if its time runs out.

    missed: it waits for the vector of its text, which the encoder missed.
    """

    topic: str
    partition: Partition
    offset: Offset
    timestamp_ms: TimeMs
    event_id: str
    item_id: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]
    missed: bool = False

    @property
    def size(self) -> int:
        """Bytes in a record, at most."""
        return _ENTRY + _of_texts(self.topic, self.event_id, self.item_id) + _of_bytes(self)


class Retraction(msgspec.Struct, array_like=True, frozen=True):
    """A command that waits for the event it retracts, in the bytes it came as. `event_id` is the event's.

    missed: it waits for the vector of the text that came with it, which the encoder missed.
    """

    topic: str
    partition: Partition
    offset: Offset
    timestamp_ms: TimeMs
    event_id: str
    command_id: str
    time_ms: TimeMs
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]
    missed: bool = False

    @property
    def size(self) -> int:
        """Bytes in a record, at most."""
        return _ENTRY + _of_texts(self.topic, self.event_id, self.command_id) + _of_bytes(self)


class Alias(msgspec.Struct, array_like=True, frozen=True):
    """Stands in the state of a user who was merged into `target`, by the command `command_id`.

    time_ms, ref: of the command, by its record. token: of this handoff and no other. held: the rest of the state is
    kept until the target's owner has it.
    """

    target: str
    command_id: str
    time_ms: TimeMs
    ref: Ref
    token: str
    held: bool


class Merge(msgspec.Struct, array_like=True, frozen=True):
    """A user who is to be merged into this one, or was (`done`). time_ms, ref: of the command, by its record.

    Without a `command_id` it is a user who is erased with this one, as of `time_ms`, and has yet to hear of it.
    """

    command_id: str
    anonymous_id: str
    time_ms: TimeMs
    ref: Ref
    done: bool = False

    @property
    def erasure(self) -> bool:
        """Whether it is no merge, but somebody who has yet to hear of an erasure."""
        return not self.command_id

    @property
    def size(self) -> int:
        """Bytes in a record, at most."""
        return _NUMBERS + _of_texts(self.command_id, self.anonymous_id) + self.ref.size


def _of_texts(*texts: str) -> int:
    return sum(_LENGTH + len(text if text.isascii() else text.encode("utf-8", "surrogatepass")) for text in texts)


def _of_bytes(entry: PendingEvent | Retraction) -> int:
    """Of the record as it came: key, value and headers."""
    headers = sum(_HEADER + _of_texts(name) + _LENGTH + len(value) for name, value in entry.headers)
    return 2 * _LENGTH + len(entry.key or b"") + len(entry.value) + headers
