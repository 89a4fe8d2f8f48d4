"""What has broken decoders before: put in where something stands."""

import math
from typing import Any

TEXTS = (
    "", " ", "*", "\0", "\ufeff", "\ud800", "a\udfff", "\U0010ffff", "é", "e\u0301", "\u202e",
    "\u2028", "İ", "ß", "ﬀ",
    "\x1b[31m", "\x1b]52;c;QQ==\x07", "'", '"', "\\", "%s", "{}", "{0}", "../..", "u1", "u2", "i1",
    "i2", "c-1", "k-1",
    "penchant.clicks.v1-0-0", "&#", "&#1114112;", "&#x110000;", "&#xD800;", "&#99999999999999999999;", "&amp;amp;",
    "&", "&lt;!--", "<!--", "-->", "<script", "</script >", "<b", "<style>", "<a href=", "<![CDATA[",
    "👍", "👨‍👩‍👧", "🇩🇪", "\u200d", "\ufe0f", "我喜欢科幻片，", "别再推荐", "no more ", "don't ", "not ",
    " or ", ", nor ",
    "nan", "NaN", "inf", "-inf", "Infinity", "1e400", "0x10", "1_000", "١", "²", "True", "null", "None",
    "2026-11-28T04:00:00Z", "2026-11-28t04:00:00z", "2016-12-31T23:59:60Z", "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2026-02-30T00:00:00Z", "2026-11-28T04:00:00+24:00", "2026-11-28T04:00:00.123456789123Z",
    "2026-11-28", "2026-W48-6",
    "20261128T040000Z", "-0001-01-01T00:00:00Z", "2026-11-28T04:00:00-00:00",
    "2026-11-28T24:00:00Z", "1969-12-31T23:59:59Z",
    "retract", "merge", "erase", "click", "rate", "impression", "like", "dismiss", "purchase",
    "review", "statement",
    "com.example.click", "application/cloudevents+json", "application/cloudevents-batch+json",
    "request", "hand-over",
    "confirm", "passed", "erased", "republish", "====", "AAAA", "A", "//79",
)  # fmt: skip
NUMBERS: tuple[Any, ...] = (
    0, -0.0, 1, -1, 2, 5, 0.5, 1e-320, 5e-324, 1e308, -1e308, math.nan, math.inf, -math.inf, 127,
    128, 255, 256, 65_535,
    65_536, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63,
    -(2**63), -(2**63) - 1,
    2**64 - 1, 2**64, 10**30, 10**400, 1_790_000_000, 1_790_000_000_000, 4_294_967_296_000, 4_294_967_295_999, 1e20,
)  # fmt: skip
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], {"": ""}, {"a": {"a": {}}})
FIELDS = (
    "user_id", "item_id", "event_id", "command_id", "anonymous_id", "type", "text", "title", "facets", "available",
    "rating", "rating_scale", "value", "event_time", "event", "data", "data_base64", "context",
    "list_version", "position",
    "source", "session_id", "schema", "payload", "before", "after", "op", "specversion", "id",
    "time", "key", "headers",
    "topic", "partition", "offset", "timestamp", "raw", "",
)  # fmt: skip
HEADERS = (
    "ce_id", "ce_type", "ce_time", "ce_source", "ce_specversion", "CE_Type", "content-type", "Content-Type",
    "content_type", "penchant.origin", "penchant.attempts", "penchant.error", "penchant.topic",
    "penchant.partition",
    "penchant.offset", "penchant.time", "penchant.transfer",
)  # fmt: skip
