"""Messages as sets bring them: ids that are numbers, times in seconds or as text."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from penchant.errors import BadFile, Misconfigured
from serving.files.message_splitter import BadLine, Pieces
from serving.files.text_files import PeekedStream, text_of

__all__ = ["number"]

_MILLISECONDS = 1e11  # as seconds this is the year 5138


@dataclass(frozen=True, slots=True)
class DatasetLine:
    """An object of a file. `where`: the file and the number of the line, for messages."""

    where: str
    fields: Mapping[str, Any]

    def id_of(self, name: str) -> str:
        """An id, a number as its digits. Raises Misconfigured if there is none."""
        value = self.fields.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise Misconfigured(f"{self.where}: {name} is {value!r}, but every line needs an id there")
        return str(value)

    def text_of(self, name: str) -> str:
        """A text, "" if there is none; several are put together."""
        return " ".join(self.texts_of(name))

    def texts_of(self, name: str) -> list[str]:
        """A list of texts; of numbers their digits; empty ones are left out."""
        value = self.fields.get(name)
        parts = value if isinstance(value, list) else [value]
        return [str(part) for part in parts if isinstance(part, str | int | float) and part != ""]

    def number_of(self, name: str) -> float | None:
        """A number, also one that is written as text; None if there is none."""
        return number(self.fields.get(name))

    def seconds(self) -> float | None:
        """The time `ts` since 1970, None without one. Seconds, milliseconds if too large for that, or ISO 8601.

        Raises Misconfigured if it cannot be read.
        """
        value = self.fields.get("ts")
        if value is None or value == "":
            return None
        seconds = number(value)
        if seconds is None:
            seconds = _written(value)
        if seconds is None:
            raise Misconfigured(f"{self.where}: ts is {value!r}: write seconds since 1970, or 2026-11-22T10:00:00Z")
        return seconds / 1000 if abs(seconds) > _MILLISECONDS else seconds


def number(value: object) -> float | None:
    """A finite number, or None.

    >>> [number(value) for value in (4, "3.5", "B-", None, "nan", True)]
    [4.0, 3.5, None, None, None, None]
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def lines_of(file: Path) -> Iterator[DatasetLine]:
    """The objects of a file, one a line or in an array. Raises Misconfigured for what is none."""
    try:
        packed = file.open("rb")
    except OSError as error:
        raise Misconfigured(f"cannot read {file}: {error.strerror}") from error
    with packed:
        pieces = Pieces(str(file), text_of(str(file), PeekedStream(packed)))
        for piece in pieces:
            if isinstance(piece, BadLine):
                raise BadFile(f"{file}, {pieces.unit} {piece.number}: {piece.why}")
            number, line = piece
            yield DatasetLine(f"{file}, {pieces.unit} {number}", _decoded(file, pieces.unit, number, line))


def _decoded(file: Path, unit: str, number: int, line: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadFile(f"{file}, {unit} {number}: not a JSON object: {error}") from error


def _written(value: object) -> float | None:
    """ISO 8601, in UTC where no zone stands."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
