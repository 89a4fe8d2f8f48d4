"""What a client of somebody else's is to produce: decided in Python, carried out by librdkafka, franz-go and Java."""

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

Header = tuple[bytes, bytes]  # bytes, since not every client's header names are text


class Do(Enum):
    """What a producer does between records."""

    BEGIN = "begin"
    COMMIT = "commit"
    ABORT = "abort"
    FLUSH = "flush"


@dataclass(frozen=True, slots=True)
class Send:
    """One record. `partition` None: where the client's own partitioner puts its key. `timestamp_ms` None: now."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()
    partition: int | None = None
    timestamp_ms: int | None = None


@dataclass(frozen=True)
class SendPlan:
    """Steps in order, and how the producer is set up; None leaves it to the client's default.

    codec: none, gzip, snappy, lz4 or zstd. largest: the most bytes of a request, where a client asks.
    """

    steps: tuple[Send | Do, ...]
    codec: str | None = None
    linger_ms: int | None = None
    idempotent: bool | None = None
    transactional_id: str | None = None
    partitioner: str | None = None
    largest: int | None = None

    def as_json(self, bootstrap: str) -> bytes:
        """For the programs in Go and Java. Bytes are base64 there, which both read by themselves."""
        told = {name: value for name, value in vars(self).items() if name != "steps"}
        return json.dumps({**told, "bootstrap": bootstrap, "steps": [_told(step) for step in self.steps]}).encode()


KafkaClient = Callable[[str, SendPlan], None]  # bootstrap, plan: returns when all was confirmed, raises if it was not


def in_transactions(sends: Iterable[Send], *, each: int = 1, last: Do = Do.COMMIT) -> tuple[Send | Do, ...]:
    """Records in transactions of `each`, all of which end the same way."""
    sends, steps = tuple(sends), list[Send | Do]()
    for first in range(0, len(sends), each):
        steps += [Do.BEGIN, *sends[first : first + each], Do.FLUSH, last]
    return tuple(steps)


def _told(step: Send | Do) -> dict[str, Any]:
    if isinstance(step, Do):
        return {"do": step.value}
    return {
        "do": "send",
        "topic": step.topic,
        "key": _base64(step.key),
        "value": _base64(step.value),
        "headers": [{"name": _base64(name), "value": _base64(value)} for name, value in step.headers],
        "partition": step.partition,
        "timestamp_ms": step.timestamp_ms,
    }


def _base64(value: bytes | None) -> str | None:
    return base64.b64encode(value).decode() if value is not None else None
