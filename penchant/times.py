"""Times as messages have them: RFC 3339 in UTC, with `Z`."""

from datetime import UTC, datetime
from typing import Literal


def rfc3339(time_ms: int, timespec: Literal["seconds", "milliseconds"] = "milliseconds") -> str:
    """A time in ms since 1970.

    >>> rfc3339(1_790_000_000_123), rfc3339(1_790_000_000_123, "seconds")
    ('2026-09-21T14:13:20.123Z', '2026-09-21T14:13:20Z')
    """
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
