"""Where records go that this partition cannot use: the dead letters, or the partition that their user belongs to."""

from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version

from stream.publish import Outgoing
from stream.records import ORIGIN, DeadLetter, Forward

_HEADER = "penchant."
_MOST_MESSAGE = 1000  # characters: a message may quote what came, and what came may be as long as a record


def dead_letter(letter: DeadLetter, now_ms: int) -> Outgoing:
    """The original bytes on `<topic>.dlq`, with headers that say where, when, why, and how often it was tried."""
    record = letter.record
    before = record.header(f"{_HEADER}attempts") or ""
    attempts = int(before) + 1 if before.isdecimal() and len(before) < 10 else 1  # anybody may write a header
    why = {
        "error": letter.reason.value,
        "message": letter.message[:_MOST_MESSAGE],
        "stage": letter.stage,
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "time": datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds"),
        "version": version("penchant"),
        "attempts": str(attempts),
    }
    ours = {f"{_HEADER}{name}" for name in why}
    kept = tuple(header for header in record.headers if header[0] not in ours)
    headers = kept + tuple((f"{_HEADER}{name}", text.encode("utf-8", "replace")) for name, text in why.items())
    return Outgoing(f"{record.topic}.dlq", record.key, record.value, record.partition, record.timestamp_ms, headers)


def forwarded(forward: Forward) -> Outgoing:
    """A copy on the right partition: same bytes, time and headers, and the place it came from, which makes its id."""
    record = forward.record
    origin = f"{record.topic}-{record.partition}-{record.offset}"
    copy = Outgoing(record.topic, record.key, record.value, forward.partition, record.timestamp_ms)
    return replace(
        copy, key=record.key or forward.user_id.encode(), headers=(*record.headers, (ORIGIN, origin.encode()))
    )
