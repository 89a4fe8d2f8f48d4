"""JSON lines: read from a file, plain, .gz or standard input, and told apart by their fields."""

import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, cast

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.printing import console
from serving.errors import Misconfigured
from serving.topics import Key, Topic

MAX_ID_BYTES = 256
COMMAND_TYPES = frozenset({"retract", "merge", "erase"})


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be sent, counted from 1, and why."""

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it is sent: its bytes unchanged, or None to remove the key."""

    number: int
    topic: Topic
    key: bytes
    value: bytes | None


def read_line(number: int, line: bytes, topic: Topic | None) -> Line | BadLine:
    """Tell where a line goes and under which key; `topic` None: by its fields.

    Whether its values are right is the worker's business, which puts what is wrong into the dead letters.
    """
    try:
        message = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return BadLine(number, f"not JSON: {error}")
    if not isinstance(message, dict):
        return BadLine(number, "not a JSON object")
    if message.keys() == {"key", "value"} and message["value"] is None:
        if topic is None:
            return BadLine(number, "a null value could be for any topic: name it with --topic")
        return _keyed(number, topic, "key", message, None)
    topic = topic or _topic_of(message)
    field = "item_id" if topic.value.key is Key.ITEM else "user_id"
    return _keyed(number, topic, field, message, line.strip())


def _topic_of(message: dict[str, object]) -> Topic:
    if "command_id" in message or message.get("type") in COMMAND_TYPES:
        return Topic.COMMANDS
    if "item_id" in message and "user_id" not in message:
        return Topic.ITEMS
    return Topic.REVIEWS if "text" in message else Topic.CLICKS


def _keyed(number: int, topic: Topic, field: str, message: dict[str, object], value: bytes | None) -> Line | BadLine:
    key = message.get(field)
    if key is None:
        return BadLine(number, f"no {field}, which is the key on {topic.value.suffix}")
    if not isinstance(key, str):
        return BadLine(number, f"{field} is not a text")
    encoded = key.encode(errors="surrogatepass")
    if not 0 < len(encoded) <= MAX_ID_BYTES:
        return BadLine(number, f"{field} has {len(encoded)} bytes: 1 to {MAX_ID_BYTES} are taken")
    return Line(number, topic, encoded, value)


class Lines:
    """The numbered lines of a file, blank ones left out; on a terminal a progress bar on standard error.

    `path` "-" is standard input, a name that ends in .gz is unpacked. Raises `Misconfigured` where it cannot be read.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._open = ExitStack()

    def __enter__(self) -> Self:
        if self._path == "-":
            self._raw: BinaryIO = sys.stdin.buffer
            size = None
        else:
            try:
                self._raw = self._open.enter_context(Path(self._path).open("rb"))
            except OSError as error:
                raise Misconfigured(f"cannot read {self._path}: {error.strerror}") from error
            size = Path(self._path).stat().st_size
        self._progress = self._open.enter_context(
            Progress(
                TextColumn("sending"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("bytes"),
                TimeElapsedColumn(),
                console=console(err=True),
                disable=not sys.stderr.isatty(),
            )
        )
        self._task = self._progress.add_task("sending", total=size)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        packed = self._path.endswith(".gz")
        source = cast("BinaryIO", gzip.GzipFile(fileobj=self._raw)) if packed else self._raw
        done = 0
        try:
            for number, line in enumerate(source, start=1):
                done += len(line)
                if number % 256 == 0:  # the bar counts packed bytes, as the file's size does
                    self._progress.update(self._task, completed=self._raw.tell() if packed else done)
                if line.strip():
                    yield number, line
        except (OSError, EOFError, zlib.error) as error:
            raise Misconfigured(f"cannot read {self._path} to its end: {error}") from error
