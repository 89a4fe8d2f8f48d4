"""Messages read from a file or from standard input, and told apart by their fields."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from penchant.errors import Misconfigured
from penchant.fields import MAX_ID_BYTES
from penchant.topics import Key, Topic
from serving.files.message_splitter import BadLine, Piece, Pieces
from serving.files.text_files import ByteSource, PeekedStream, text_of
from serving.terminal.printing import console

__all__ = ()

_EVENTS = frozenset({"type", "event_id", "event_time", "rating", "value", "session_id"})
_ITEMS = frozenset({"title", "text", "facets", "available"})
_COMMAND_TYPES = frozenset({"retract", "merge", "erase"})


@dataclass(frozen=True, slots=True)
class JsonLine:
    """A line as it is sent: its bytes unchanged, or None to remove the key. message: what these bytes say."""

    number: int
    topic: Topic
    key: bytes
    value: bytes | None
    message: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


def read_line(number: int, line: bytes, topic: Topic | None) -> JsonLine | BadLine:
    """Tell where a line goes and under which key; `topic` None: by its fields.

    Whether its values are right is the worker's business, which puts what is wrong into the dead letters.
    """
    message = _decoded(line)
    if isinstance(message, str):
        return BadLine(number, message)
    if message.keys() == {"key", "value"} and message["value"] is None:
        if topic is None:
            return BadLine(number, "a null value could be for any topic: name it with --topic")
        return _keyed(number, topic, "key", message, None)
    if topic is None and _is_an_event(message):
        return BadLine(number, "it looks like an event, but has no user_id; an item is sent with --topic items")
    topic = topic or _topic_of(message)
    name = "item_id" if topic.value.key is Key.ITEM else "user_id"
    return _keyed(number, topic, name, message, line.strip())


def _decoded(line: bytes) -> dict[str, Any] | str:
    """The message of a line, or why it is none."""
    try:
        message = msgspec.json.decode(line)
    except UnicodeDecodeError as error:
        return f"not JSON in UTF-8: {error.reason} at byte {error.start} (0x{line[error.start]:02x})"
    except (msgspec.DecodeError, RecursionError) as error:
        return f"not JSON: {error}"
    return message if isinstance(message, dict) else "not a JSON object"


def _is_an_event(message: Mapping[str, Any]) -> bool:
    """Whether what has an item_id and no user_id was not meant to be an item, whose place it would take."""
    told = message.keys()
    return "user_id" not in told and "item_id" in told and bool(told & _EVENTS) and not told & _ITEMS


def _topic_of(message: dict[str, object]) -> Topic:
    kind = message.get("type")
    if "command_id" in message or (isinstance(kind, str) and kind in _COMMAND_TYPES):
        return Topic.COMMANDS
    if "item_id" in message and "user_id" not in message:
        return Topic.ITEMS
    return Topic.REVIEWS if "text" in message else Topic.CLICKS


def _keyed(number: int, topic: Topic, name: str, message: dict[str, Any], value: bytes | None) -> JsonLine | BadLine:
    key = message.get(name)
    if key is None:
        return BadLine(number, f"no {name}, which is the key on {topic.value.suffix}")
    if type(key) is int:  # as the worker reads it
        key = str(key)
    if not isinstance(key, str):
        return BadLine(number, f"{name} is neither a text nor a whole number")
    encoded = key.encode(errors="surrogatepass")
    if not 0 < len(encoded) <= MAX_ID_BYTES:
        return BadLine(number, f"{name} has {len(encoded)} bytes: 1 to {MAX_ID_BYTES} are taken")
    return JsonLine(number, topic, encoded, value, message)


class JsonLines:
    """The numbered messages of a file; on a terminal a progress bar on standard error.

    `path` "-" is standard input. Raises `Misconfigured` where there is no such file, `BadFile` where it is something
    else or damaged.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self._head = self._start(opened)
            text = text_of(self.name, self._head)
            self._progress = opened.enter_context(
                Progress(
                    TextColumn("sending"),
                    BarColumn(),
                    MofNCompleteColumn(),
                    TextColumn("bytes"),
                    TimeElapsedColumn(),
                    console=console(err=True),
                    disable=not (sys.stderr is not None and sys.stderr.isatty()),
                )
            )
            self._open = opened.pop_all()
        self._task = self._progress.add_task("sending", total=self._size)
        self._pieces = Pieces(self.name, text)
        return self

    @property
    def name(self) -> str:
        """What messages call the file."""
        return "standard input" if self._path == "-" else self._path

    @property
    def unit(self) -> str:
        """What the numbers count: "line", or "element" of an array."""
        return self._pieces.unit

    def _start(self, opened: ExitStack) -> PeekedStream:
        self._size: int | None = None
        if self._path == "-":
            if sys.stdin is None:
                raise Misconfigured("standard input is closed: name a file")
            return PeekedStream(cast("ByteSource", sys.stdin.buffer))
        try:
            source = opened.enter_context(Path(self._path).open("rb"))  # noqa: SIM115 - closed by the stack
            self._size = Path(self._path).stat().st_size or None  # a pipe has none
            return PeekedStream(source)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise Misconfigured(f"cannot read {self._path}: {why}") from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def __iter__(self) -> Iterator[Piece]:
        for count, piece in enumerate(self._pieces, start=1):
            if count % 256 == 0:  # the bar counts packed bytes, as the file's size does
                self._progress.update(self._task, completed=self._head.taken)
            yield piece
