"""The file `.env` of the working directory: in which encoding it is, and what is wrong where it cannot be read."""

import codecs
import logging
from pathlib import Path
from typing import Final

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from penchant.errors import Misconfigured

__all__ = ["FILE", "encoding_of"]

FILE: Final = ".env"
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
          (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip


def encoding_of(file: Path) -> str | None:
    """UTF-8, or UTF-16 and UTF-32 as Windows' tools write them; None if there is no such file.

    A folder of that name is none of ours (some keep a virtual environment there), nor is a pipe, which would be waited
    for. Raises `Misconfigured` where it cannot be read, or in another encoding.
    """
    # Told once by `odd_lines`, rather than with each reading.
    logging.getLogger("dotenv.main").setLevel(logging.ERROR)
    try:
        if not file.is_file():
            return None
        content = file.read_bytes()
    except OSError as error:
        raise Misconfigured(
            f"cannot read {file}, from which settings come ({error.strerror}): let this user read it, or remove it"
        ) from error
    encoding = _encoding_by_mark(content) or _without_mark(content)
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Misconfigured(
            f"{file} is not UTF-8 (byte 0x{content[error.start]:02x} in line {line}): save it as UTF-8"
        ) from error
    return encoding


def values_in(file: Path) -> dict[str, str | None]:
    """What is set there, nothing if there is no such file. Raises `Misconfigured`."""
    encoding = encoding_of(file)
    return {} if encoding is None else dotenv_values(file, encoding=encoding)


def odd_lines(file: Path) -> list[int]:
    """The lines, from 1, that set nothing and are no comment. Raises `Misconfigured`."""
    encoding = encoding_of(file)
    if encoding is None:
        return []
    with file.open(encoding=encoding) as lines:
        odd = [found.original for found in parse_stream(lines) if found.error]
    return [one.line + one.string[: -len(one.string.lstrip()) or None].count("\n") for one in odd]


def _encoding_by_mark(start: bytes) -> str | None:
    """What a byte order mark at the start of a file tells."""
    return next((encoding for mark, encoding in _MARKS if start.startswith(mark)), None)


def _without_mark(content: bytes) -> str:
    """Every other byte of ASCII text in UTF-16 is 0."""
    if content[1:2] == b"\0":
        return "utf-16-le"
    return "utf-16-be" if content[:1] == b"\0" and content[1:2] not in {b"", b"\0"} else "utf-8"
