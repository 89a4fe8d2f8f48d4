"""Records as fuzz inputs: a JSON object whose members may hold text, raw bytes, or a message that becomes JSON.

    {"topic": 0, "partition": 0, "offset": 7, "timestamp": 1790000000000, "key": "u1",
     "headers": [["ce_id", "x"]], "value": {"user_id": "u1", …}}

`{"raw": "ÿþ"}` in the place of a key, a header's value or a value are bytes, one for each character. What is no such
object is a record's value as it stands.
"""

import atexit
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stream.events.records import Headers, Record
from stream.testing import NOW_MS

_HALF_INT = 2**31 - 1


def as_bytes(told: Any) -> bytes | None:
    """A key, a header's value, or a value."""
    if told is None:
        return None
    if isinstance(told, dict) and isinstance(told.get("raw"), str) and len(told) == 1:
        return bytes(ord(each) & 0xFF for each in told["raw"])
    if isinstance(told, str):
        return told.encode("utf-8", "replace")
    return json.dumps(told).encode()


def read(data: bytes) -> Any:
    """An input as a tree; None if it is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def whole(told: Any, most: int, otherwise: int) -> int:
    """A number that a log can hold, whatever stands there."""
    return told if isinstance(told, int) and -1 <= told <= most else otherwise


def record_of(told: Any, topics: Sequence[str], otherwise: bytes = b"", offset: int = 0) -> Record:
    """The record that an object tells. otherwise: the value if it tells none."""
    if not isinstance(told, dict) or "value" not in told:
        return Record(topics[len(otherwise) % len(topics)], 0, offset, NOW_MS, None, otherwise)
    value = told["value"]
    return Record(
        topic=topics[whole(told.get("topic"), _HALF_INT, 0) % len(topics)],
        partition=whole(told.get("partition"), 3, 0) % 4,
        offset=max(whole(told.get("offset"), 2**63 - 1, offset), 0),
        timestamp_ms=whole(told.get("timestamp"), 2**63 - 1, NOW_MS),
        key=as_bytes(told.get("key")),
        value=value.encode("utf-8", "replace") if isinstance(value, str) else as_bytes(value),
        headers=headers_of(told.get("headers")),
    )


def headers_of(told: Any) -> Headers:
    """Headers, of a list of pairs; what is none is left out."""
    if not isinstance(told, list):
        return ()
    pairs = [each for each in told if isinstance(each, list) and len(each) == 2 and isinstance(each[0], str)]
    return tuple((name.encode("utf-8", "replace").decode(), as_bytes(value) or b"") for name, value in pairs[:64])


def written(value: Any, **more: Any) -> bytes:
    """An input: a record of this value."""
    return json.dumps({"value": value, **more}).encode()


def scratch() -> Path:
    """A new folder for inputs that are files, where the environment says; gone with the process."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
