"""Numbers of a message, checked and made comparable: ratings between 0 and 1, times in ms since 1970."""

import math
from datetime import datetime

from serving.errors import Reason, Rejected
from serving.messages import Time

MAX_AHEAD_MS = 5 * 60 * 1000  # an event later than its record by more than this is taken as of the record's time


def unit_rating(rating: float, scale: tuple[float, float]) -> float:
    """The rating between 0 and 1."""
    low, high = scale
    if not (low < high and math.isfinite(high - low)):
        raise Rejected(Reason.BAD_RATING, f"`rating_scale` is [{low}, {high}]: two numbers, the lower one first")
    if not low <= rating <= high:  # NaN compares false too
        raise Rejected(Reason.BAD_RATING, f"the rating is {rating}, outside its scale [{low}, {high}]")
    return (rating - low) / (high - low)


def bounded_time_ms(body: Time, envelope: object, record_ms: int) -> int:
    """Event time in ms since 1970: the body's, else the envelope's, else the record's; bounded by the record's."""
    stated = body if body is not None else envelope
    if stated is None:
        return record_ms
    time_ms = _parse_time(stated)
    return record_ms if time_ms > record_ms + MAX_AHEAD_MS else time_ms


def _parse_time(stated: object) -> int:
    if isinstance(stated, str):
        try:
            moment = datetime.fromisoformat(stated)
        except ValueError:
            raise Rejected(Reason.BAD_TIME, f"{stated!r} is not an RFC 3339 time") from None
        if moment.tzinfo is None:
            raise Rejected(Reason.BAD_TIME, f"{stated!r} has no zone: append Z or an offset")
        stated = moment.timestamp() * 1000
    # Compared, not converted: JSON has integers that no float can hold.
    if not isinstance(stated, int | float) or not -math.inf < stated < math.inf:
        raise Rejected(Reason.BAD_TIME, "the time is neither RFC 3339 with zone nor milliseconds since 1970")
    if stated < 0:
        raise Rejected(Reason.BAD_TIME, "the time lies before 1970")
    return round(stated)
