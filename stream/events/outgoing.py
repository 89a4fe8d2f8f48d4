"""What leaves a worker: a record for a topic, and the log that takes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from stream.events.records import Headers


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to be sent. `partition` None: by the key, as every Kafka producer does. `timestamp_ms` None: now."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    timestamp_ms: int | None = None
    headers: Headers = ()


class Log(Protocol):
    """Where records go: Kafka, or the list in memory that tests use (stream/testing.py)."""

    async def send(self, records: Sequence[Outgoing]) -> None:
        """Return once every record is acknowledged, in order by partition.

        A record that the broker will never take is made smaller, or left out and named in the log: it holds up no
        other. Raises Unavailable if the broker stays away, Misconfigured if it does not let us write.
        """
        ...
