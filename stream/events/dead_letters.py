"""Where records go that this partition cannot use: the dead letters, or the partition that their user belongs to."""

from functools import cache
from importlib.metadata import version

from penchant.errors import RejectReason
from penchant.kafka.batch_records import cut_of
from penchant.kafka.record_batches import KEPT_BYTES
from penchant.times import rfc3339
from penchant.topics import DEAD_LETTER_HEADERS_BYTES, MAX_MESSAGE_BYTES
from stream.events.outgoing import Outgoing
from stream.events.records import ORIGIN, DeadLetter, Headers, Record, Reroute

_HEADER = "penchant."
_KEPT_KEY_BYTES = 1024  # of a key that nobody could have as an id
_OF_SOME = ("batch", "headers_left_out", "key_length", "length", "sha256")  # headers that not every dead letter has
_OVERHEAD_BYTES = 512  # of a batch of one record, beside key, value and headers
_OWN_BYTES = 8 * 1024  # of its own headers, and of the batch
_MOST_MESSAGE = 1000  # characters: a message may quote what came, and what came may be as long as a record


def dead_letter_message(dead_letter: DeadLetter, now_ms: int) -> Outgoing:
    """The original bytes on `<topic>.dlq`, with headers that say where, when, why, and how often it was tried.

    What is larger than the topic takes is cut, and says so: its length and SHA-256 stand beside.
    """
    record, what = dead_letter.record, dead_letter.record.unreadable
    before = record.header(f"{_HEADER}attempts") or ""
    attempts = int(before) + 1 if before.isdecimal() and len(before) < 10 else 1  # anybody may write a header
    first = record.offset if what is None else what.first
    why = {
        "error": dead_letter.reason.value,
        "message": dead_letter.message[:_MOST_MESSAGE],
        "stage": dead_letter.stage,
        "topic": record.topic,
        "partition": str(record.partition),
        "offset": str(first),
        "time": rfc3339(now_ms),
        "version": _version(),
        "attempts": str(attempts),
    }
    if what is not None and what.whole:
        why["batch"] = f"{first}-{what.last}"  # the value is a batch as it stands on the log, not a record's
    ours = {f"{_HEADER}{name}" for name in (*why, *_OF_SOME)}
    kept = tuple(header for header in record.headers if header[0] not in ours)
    key, value, cut = record.key, record.value, what.cut if what is not None else None
    if key is not None and len(key) > KEPT_BYTES:
        why["key_length"], key = str(len(key)), key[:_KEPT_KEY_BYTES]
    left = MAX_MESSAGE_BYTES + DEAD_LETTER_HEADERS_BYTES - _OWN_BYTES - len(key or b"")
    if _size(kept) > left // 2:
        why["headers_left_out"], kept = str(len(kept)), ()
    if value is not None and len(value) > left - _size(kept):
        cut = cut or cut_of(value)
        value = value[:KEPT_BYTES]
    if cut is not None:
        why |= {"length": str(cut.length), "sha256": cut.sha256}
    headers = kept + tuple((f"{_HEADER}{name}", text.encode("utf-8", "replace")) for name, text in why.items())
    return Outgoing(f"{record.topic}.dlq", key, value, record.partition, record.timestamp_ms, headers)


def unreadable(record: Record) -> DeadLetter | None:
    """The dead letter of what could not be read from the log, or is too large to be processed; None of what could."""
    what = record.unreadable
    if what is None:
        return None
    return DeadLetter(record, RejectReason.TOO_LARGE if what.too_large else RejectReason.UNREADABLE, what.why, "fetch")


def quarantined(record: Record) -> DeadLetter:
    """The dead letter of a record that is not read: two processes ended over it."""
    message = "two processes ended while they took it in; send it back once the cause is found"
    return DeadLetter(record, RejectReason.QUARANTINED, message, "quarantine")


def forwarded_or_dead(forward: Reroute, now_ms: int) -> Outgoing:
    """A copy on the right partition; one that the topic would not take, as it came packed, becomes a dead letter."""
    copy = forwarded(forward)
    size = len(copy.key or b"") + len(copy.value or b"") + _size(copy.headers)
    if size <= MAX_MESSAGE_BYTES - _OVERHEAD_BYTES:
        return copy
    message = f"it lies on the wrong partition, and with {size} bytes it is too large to be forwarded"
    return dead_letter_message(DeadLetter(forward.record, RejectReason.TOO_LARGE, message, "send"), now_ms)


def forwarded(forward: Reroute) -> Outgoing:
    """A copy on the right partition: same bytes, time and headers, and the place it came from, which makes its id."""
    record = forward.record
    headers = (*record.headers, (ORIGIN, record.position.encode()))
    key = record.key or forward.user_id.encode()
    return Outgoing(record.topic, key, record.value, forward.partition, record.timestamp_ms, headers)


def _size(headers: Headers) -> int:
    return sum(len(name.encode("utf-8", "replace")) + len(value) + 10 for name, value in headers)


@cache
def _version() -> str:
    """Read once: looking a package up takes half a millisecond, several times what the rest of a letter does."""
    return version("penchant")
