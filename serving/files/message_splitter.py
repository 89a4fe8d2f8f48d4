"""Text cut into the messages in it: JSON lines, or the elements of an array of objects; memory is bounded either way.

Where the first lines show that a file is something else (CSV, JSON over several lines), a `BadFile` says so, once.
"""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import msgspec

from penchant.errors import BadFile
from serving.terminal.printable import shown

MAX_BYTES = 8 * 1024 * 1024  # of a line or an element: four times what a topic takes
_ENDLESS = 128 * MAX_BYTES  # a line that is longer makes the whole file something else, a bomb for one
_BLANK = b" \t\r\n\v\f\0"  # zeros fill files up whose end was never written
_MARK = codecs.BOM_UTF8  # also within a file, where files were put together
_SEPARATED = {b"\t": "TSV", b",": "CSV", b";": "CSV with semicolons", b"|": "CSV with bars"}
_JSON = b'{["'
_READ = "JSON lines are read, one object a line"
_QUOTED = 60  # characters of a first line that are quoted


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line (or an element) that cannot be sent, counted from 1, and why."""

    number: int
    why: str


Piece = tuple[int, bytes] | BadLine


class Pieces:
    """The messages of a text, numbered from 1; blank lines are left out, and counted.

    Iterate over it once. `unit` then says what is counted: "line", or "element" of an array. Raises `BadFile`.
    """

    def __init__(self, name: str, text: Iterator[bytes]) -> None:
        self._name = name  # what messages call the file
        self._text = text
        self.unit = "line"

    def __iter__(self) -> Iterator[Piece]:
        start: list[bytes] = []
        first = b""
        for piece in self._text:
            start.append(piece)
            first = b"".join(start).removeprefix(_MARK).lstrip(_BLANK)[:1]
            if first or len(start) > 16:
                break
        text = chain(start, self._text)
        if first == b"[":
            self.unit = "element"
            return _elements(self._name, text)
        return _looked_at(self._name, _lines(self._name, text))


def _lines(name: str, text: Iterator[bytes]) -> Iterator[Piece]:
    """The lines, whatever ends them: LF, CR LF or CR; what is around them and blank is taken away."""
    number, after_cr = 1, False
    line = _Line()
    for piece in text:
        joined = piece[1:] if after_cr and piece.startswith(b"\n") else piece
        after_cr = piece.endswith(b"\r")
        for part in joined.splitlines(keepends=True):
            line.add(part)
            if line.size > _ENDLESS:
                raise BadFile(f"{name} has a line of more than {_ENDLESS >> 20} MiB (line {number}): {_READ}")
            if part.endswith((b"\n", b"\r")):
                yield from line.take(number)
                number += 1
    yield from line.take(number)


class _Line:
    """A line that is being read: never more of it than a message may have, nor blanks at its ends."""

    def __init__(self) -> None:
        self.size = 0
        self._kept: list[bytes] = []
        self._blank: list[bytes] = []  # what may turn out to be its end

    def add(self, part: bytes) -> None:
        """Read on."""
        text = part.rstrip(_BLANK)
        if text:
            self._keep([*self._blank, text])
            self._blank = [part[len(text) :]]
        elif self._kept and len(self._blank) * len(part) <= MAX_BYTES:
            self._blank.append(part)

    def _keep(self, parts: list[bytes]) -> None:
        self.size += sum(map(len, parts))
        self._kept = [*self._kept, *parts] if self.size <= MAX_BYTES else [b"-"]

    def take(self, number: int) -> Iterator[Piece]:
        """What was read, unless it is blank; and begin again."""
        size, line = self.size, b"".join(self._kept).lstrip(_BLANK).removeprefix(_MARK).strip(_BLANK)
        self.size, self._kept, self._blank = 0, [], []
        if size > MAX_BYTES:
            yield BadLine(number, f"it is longer than {MAX_BYTES >> 20} MiB")
        elif line:
            yield number, line


def _looked_at(name: str, pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The same, once the first two lines do not show that the file is something else."""
    first = next(pieces, None)
    if first is None:
        return
    if isinstance(first, BadLine) or _decodes(first[1]):
        yield first
    else:
        second = next(pieces, None)
        following = second[1] if isinstance(second, tuple) else b""
        if what := _something_else(first[1], following):
            begins = shown(first[1][:_QUOTED].decode(errors="backslashreplace"))
            raise BadFile(f"{name} looks like {what} (it begins with {begins})")
        yield first
        if second is not None:
            yield second
    yield from pieces


def _decodes(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _something_else(first: bytes, second: bytes) -> str:
    """What a file is whose first line is not JSON, and what to do; empty if it is only a bad line."""
    if first.startswith((b"{'", b'{u"', b"{u'")):
        return f"Python's own notation: {_READ}, as json.dumps writes it"
    if first.startswith(b"{"):
        over = second and not second.startswith(b"{") and _is_cut(first)
        return f"JSON over several lines: {_READ}, or an array; `jq -c . FILE` makes them" if over else ""
    if first.startswith(b"<"):
        return f"XML or HTML: {_READ}"
    for separator, what in _SEPARATED.items():
        if separator in first and (not second or separator in second) and not second.startswith((b"{", b"[")):
            return f"{what}: {_READ}; Miller makes them, `mlr --icsv --ojsonl cat FILE`"
    if first == b"---" or re.match(rb"-? ?[\w-]+:( |$)", first):
        return f"YAML: {_READ}"
    return ""


def _is_cut(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        return "truncated" in str(error)
    except (UnicodeDecodeError, RecursionError):
        return False
    return False


def _elements(name: str, text: Iterator[bytes]) -> Iterator[Piece]:
    """The elements of an array (or of several, one after the other), their bytes as they are written."""
    rest = _Rest(name, text)
    number = 0
    while rest.next() is not None:
        rest.expect("[")
        while rest.next() != "]":
            number += 1
            yield number, rest.value(number)
            if rest.next() != "]":
                rest.expect(",")
        rest.expect("]")


class _Rest:
    """What is still to be read of a text, as far as it was looked at."""

    def __init__(self, name: str, text: Iterator[bytes]) -> None:
        self._name = name
        self._text = text
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._scan = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode
        self._seen = ""
        self._at = 0

    def next(self) -> str | None:
        """The next character that is not blank; None at the end."""
        blank = _BLANK.decode() + "\ufeff"
        while True:
            while self._at < len(self._seen):
                if self._seen[self._at] not in blank:
                    return self._seen[self._at]
                self._at += 1
            if not self._more():
                return None

    def expect(self, char: str) -> None:
        """Go over this character. Raises `BadFile` if another one stands there."""
        found = self.next()
        if found is None:
            raise BadFile(f"cannot read {self._name} to its end, it is cut short: its array is not closed")
        if found != char:
            raise BadFile(f"{self._name} is no JSON array: {char} was expected, {shown(found)} stands there; {_READ}")
        self._at += 1

    def value(self, number: int) -> bytes:
        """Go over a value, and return its bytes."""
        while True:
            try:
                _, end = self._scan(self._seen, self._at)
                whole = end < len(self._seen) or self._seen[end - 1] in '}]"'  # else a number might go on
                problem = "the file ends within it"
            except (ValueError, RecursionError) as error:
                whole, problem = False, str(error)
            if whole:
                found = self._seen[self._at : end]
                self._at = end
                return found.encode(errors="surrogateescape")
            if len(self._seen) - self._at > MAX_BYTES:
                raise BadFile(f"{self._name}: element {number} is no JSON, or longer than {MAX_BYTES >> 20} MiB")
            if not self._more():
                raise BadFile(f"{self._name}: element {number} is no JSON: {problem}")

    def _more(self) -> bool:
        """Read on: as much again as there is, so that a long value is not scanned too often. False at the end."""
        self._seen = self._seen[self._at :]
        self._at = 0
        parts = [self._seen]
        wanted = max(len(self._seen), 1)
        while wanted > 0:
            piece = next(self._text, None)
            if piece is None:
                parts.append(self._decoder.decode(b"", final=True))
                break
            parts.append(self._decoder.decode(piece))
            wanted -= len(parts[-1])
        before = len(self._seen)
        self._seen = "".join(parts)
        return len(self._seen) > before
