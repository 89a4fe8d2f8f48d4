"""Files that people edit, TOML: read in whatever way they were saved, or refused in one sentence."""

import codecs
import tomllib
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar

import msgspec

from penchant.errors import Misconfigured

_MOST_BYTES = 4 * 1024 * 1024  # a file of rules with an item a line has 60 bytes each
_MARKED = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_T = TypeVar("_T", bound=msgspec.Struct)


def read_text(path: Path | Traversable) -> str:
    """A file's text: UTF-8, with or without the mark that editors on Windows put first, or UTF-16 with it.

    Raises OSError if it cannot be had, Misconfigured if it is no text.
    """
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise Misconfigured(f"it has more than {_MOST_BYTES:,} bytes: is it the right file?")
    encoding = next((name for mark, name in _MARKED.items() if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Misconfigured(f"it is not UTF-8 (line {line}): save it as UTF-8 in the editor") from error


def parse(text: str, kind: type[_T]) -> _T:
    """What a file's text says.

    Raises Misconfigured.
    """
    try:
        return msgspec.convert(tomllib.loads(text), kind)
    except (ValueError, OverflowError) as error:  # bad TOML, numbers and times beyond any range, fields of other types
        raise Misconfigured(f"it cannot be understood: {error}") from error
    except RecursionError as error:
        raise Misconfigured("it cannot be understood: it is nested too deeply") from error
