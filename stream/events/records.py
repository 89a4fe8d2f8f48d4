"""A record as it came, and the two ways in which it can leave: forwarded, or to the dead letters. No Kafka type."""

from dataclasses import dataclass

from penchant.errors import RejectReason
from penchant.kafka.batch_records import Unreadable
from penchant.topics import position_of

Headers = tuple[tuple[str, bytes], ...]

ORIGIN = "penchant.origin"  # on a copy: the position of the original


@dataclass(frozen=True, slots=True)
class Record:
    """One record of an input topic. `timestamp_ms` is the log's own, since 1970.

    follows: where the record before it ended; None: not known. unreadable: why it stands for something
    that could not be read, which may be more than one record: `offset` is the last one's.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    follows: int | None = None
    unreadable: Unreadable | None = None

    @property
    def position(self) -> str:
        """Where it stands on the log, as text."""
        return position_of(self.topic, self.partition, self.offset)

    @property
    def origin(self) -> str:
        """The position of the original of a copy, else its own."""
        origin = self.header(ORIGIN)
        return self.position if origin is None else origin

    def header(self, name: str) -> str | None:
        """A header's text, None if it is absent or not UTF-8."""
        for key, value in self.headers:
            if key == name:
                try:
                    return value.decode()
                except UnicodeDecodeError:
                    return None
        return None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be used: the original, why, at which stage, and what carried it here, if not itself."""

    record: Record
    reason: RejectReason
    message: str
    stage: str
    carrier: Record | None = None


@dataclass(frozen=True, slots=True)
class Reroute:
    """A record that lies on the wrong partition, to be copied to `partition` of the same topic."""

    record: Record
    user_id: str
    partition: int
