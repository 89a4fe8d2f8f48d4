"""Whether a graph keeps weights in files beside it, whose bytes no manifest vouches for.

ONNX names such a file in the graph itself: an entry of key `location` in a tensor's `external_data` (onnx.proto). They
are found by their bytes, as a worker has no library that reads a graph without running it.
"""

import mmap
from pathlib import Path

_KEY = b"\x0a\x08location\x12"  # field 1 of 8 bytes, then field 2: a StringStringEntryProto
_LONGEST = 255  # bytes of a name that are shown


def external_file(graph: Path) -> str | None:
    """The first file beside the graph that it would read; None if it holds all of its weights itself."""
    if graph.stat().st_size == 0:
        return None
    with graph.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(_KEY)
        if at < 0:
            return None
        start = at + len(_KEY) + 1  # after the name's length, which is one byte for a name of less than 128
        length = min(content[start - 1], _LONGEST)
        return content[start : start + length].decode(errors="backslashreplace")
