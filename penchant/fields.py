"""Fields of a message, checked and made comparable: ids, sizes, ratings between 0 and 1, times in ms since 1970."""

import math
import re
from datetime import datetime

import msgspec

from penchant.errors import Rejected, RejectReason
from penchant.messages import RATING_SCALE, Item, Time
from penchant.times import rfc3339
from penchant.topics import TRENDING

__all__ = [
    "MAX_ID_BYTES",
    "MAX_TEXT_BYTES",
    "MOST_AHEAD_MS",
    "TIMES_BEGIN_MS",
    "TIME_END_MS",
    "bounded_time_ms",
    "check_id",
    "check_item_sizes",
    "check_record_time",
    "check_size",
    "refuse_trending",
    "unit_rating",
]

MAX_ID_BYTES = 256
MAX_TEXT_BYTES = 32 * 1024  # of a text as it is sent; longer ones are refused
MAX_TITLE_BYTES = 4096  # titles stand in the words of reasons, several times a list
MAX_ABOUT_BYTES = 32 * 1024  # of an item beside its text: title and facets, as JSON

MAX_AHEAD_MS = 5 * 60 * 1000  # an event later than its record by more than this is taken as of the record's time
# How far a record may be ahead of a worker: Apache Kafka's own default since 3.6, `message.timestamp.after.max.ms`.
MOST_AHEAD_MS = 3_600_000
TIME_END_MS = 2**32 * 1000  # a state keeps seconds since 1970 in 32 bits: until 2106

# From 1980 up to 2100, in seconds since 1970. As milliseconds that would be days of January and February 1970; times in
# microseconds and nanoseconds lie far behind all that a state can hold. So the unit is clear.
_PLAUSIBLE_S = (315_532_800, 4_102_444_800)
TIMES_BEGIN_MS = _PLAUSIBLE_S[1]  # from here on a number may well be milliseconds
_OTHER_UNITS = (1, 1_000_000, 1_000_000_000)  # how many a second
_LEAP_SECOND = re.compile(r"(:\d\d):60(?:\.\d+)?(?=[Zz+-]| |$)")


def unit_rating(rating: float, scale: tuple[float, float] | None) -> float:
    """The rating between 0 and 1."""
    low, high = scale or RATING_SCALE
    if not (low < high and math.isfinite(high - low)):
        raise Rejected(RejectReason.BAD_RATING, f"`rating_scale` is [{low}, {high}]: two numbers, the lower one first")
    if not low <= rating <= high:  # NaN compares false too
        raise Rejected(RejectReason.BAD_RATING, f"the rating is {rating}, outside its scale [{low}, {high}]")
    return (rating - low) / (high - low)


def bounded_time_ms(body: Time, envelope: object, record_ms: int) -> int:
    """Event time in ms since 1970: the body's, else the envelope's, else the record's; bounded by the record's."""
    stated = body if body is not None else envelope
    if stated is None:
        return record_ms
    time_ms = _parse_time(stated)
    return record_ms if time_ms > record_ms + MAX_AHEAD_MS else time_ms


def check_record_time(time_ms: int, now_ms: int) -> None:
    """Have a record refused whose own timestamp is in another unit, or ahead of this worker's clock.

    By more than clocks differ, that is. Such a record would stay the newest for ever.
    """
    told = f"the record's own timestamp is {time_ms}"
    if not 0 <= time_ms < TIME_END_MS:
        raise Rejected(RejectReason.BAD_TIME, f"{told}: set the producer to milliseconds since 1970")
    if _PLAUSIBLE_S[0] <= time_ms < _PLAUSIBLE_S[1]:
        raise Rejected(RejectReason.BAD_TIME, f"{told}, as if in seconds: set the producer to milliseconds since 1970")
    if time_ms > now_ms + MOST_AHEAD_MS:
        ahead_h = (time_ms - now_ms) / 3_600_000
        told_at, now = rfc3339(time_ms, "seconds"), rfc3339(now_ms, "seconds")
        raise Rejected(
            RejectReason.BAD_TIME,
            f"{told} ({told_at}), {ahead_h:.1f} h ahead of this worker's clock ({now}); "
            "one hour is the most: set the clock that is wrong",
        )


def refuse_trending(name: str, user_id: str) -> None:
    """Have the id refused that no user can have."""
    if user_id == TRENDING:
        raise Rejected(RejectReason.BAD_ID, f"`{name}` is '*', the key of the trending list: no user can have it")


def check_id(name: str, value: object) -> None:
    """Have refused what is no id. Raises Rejected."""
    if isinstance(value, bytes):
        raise Rejected(RejectReason.BAD_ID, f"`{name}` is not UTF-8 text")
    if not isinstance(value, str):
        raise Rejected(RejectReason.SCHEMA, f"`{name}` is not a string")
    if not value:
        raise Rejected(RejectReason.MISSING_FIELD, f"`{name}` is empty")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise Rejected(RejectReason.BAD_ID, f"`{name}` is not Unicode text (a lone surrogate)") from None
    if size > MAX_ID_BYTES:
        raise Rejected(RejectReason.TOO_LARGE, f"`{name}` has {size} bytes; {MAX_ID_BYTES} is the most")


def check_item_sizes(item: Item) -> None:
    """Have an item refused that is too large. Raises Rejected."""
    check_size("text", item.text, MAX_TEXT_BYTES)
    check_size("title", item.title, MAX_TITLE_BYTES)
    about = msgspec.json.encode(msgspec.structs.replace(item, text=""))
    if len(about) > MAX_ABOUT_BYTES:
        raise Rejected(
            RejectReason.TOO_LARGE, f"title and facets take {len(about)} bytes; {MAX_ABOUT_BYTES} is the most"
        )


def check_size(name: str, text: str, most: int) -> None:
    """Have a text of more bytes refused. Raises Rejected."""
    # A character takes four bytes at most. Lone surrogates are counted here and dealt with elsewhere.
    if len(text) * 4 > most and (size := len(text.encode("utf-8", "surrogatepass"))) > most:
        raise Rejected(RejectReason.TOO_LARGE, f"`{name}` has {size} bytes; {most} is the most")


def _parse_time(stated: object) -> int:
    if isinstance(stated, str):
        return _parse_text(stated)
    # Compared, not converted: JSON has integers that no float can hold. A bool is an int to Python.
    if isinstance(stated, bool) or not isinstance(stated, int | float) or not -math.inf < stated < math.inf:
        raise Rejected(RejectReason.BAD_TIME, "the time is neither RFC 3339 with zone nor milliseconds since 1970")
    if stated < 0:
        raise Rejected(RejectReason.BAD_TIME, "the time lies before 1970")
    first, last = _PLAUSIBLE_S
    if last <= stated < first * 1_000_000:
        return round(stated)
    for a_second in _OTHER_UNITS:
        if first * a_second <= stated < last * a_second:
            return round(stated * 1000 / a_second)
    return round(stated)


def _parse_text(stated: str) -> int:
    try:
        moment = datetime.fromisoformat(stated)
    except ValueError:
        moment = _parse_rarer(stated)
    if moment.tzinfo is None:
        raise Rejected(RejectReason.BAD_TIME, f"{_quoted(stated)} has no zone: append Z or an offset")
    since_1970 = moment.timestamp()
    if since_1970 < 0:
        raise Rejected(RejectReason.BAD_TIME, "the time lies before 1970")
    return round(since_1970 * 1000)


def _parse_rarer(stated: str) -> datetime:
    """What RFC 3339 has beside: `t` and `z`, and leap seconds, which Unix time has not: the moment before counts."""
    try:
        return datetime.fromisoformat(_LEAP_SECOND.sub(r"\1:59.999", stated.upper(), count=1))
    except ValueError:
        raise Rejected(RejectReason.BAD_TIME, f"{_quoted(stated)} is not an RFC 3339 time") from None


def _quoted(stated: str) -> str:
    return ascii(stated if len(stated) <= 64 else f"{stated[:64]}…")
