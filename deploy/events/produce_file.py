"""Sends a file's messages to their topics, and says what became of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from deploy.events.jsonl import JsonLine, JsonLines, read_line
from deploy.events.line_producer import LineProducer
from deploy.events.preflight import Preflight
from penchant.errors import BadFile
from penchant.topics import Topic
from serving.connections import Connections
from serving.files.message_splitter import BadLine, Piece
from serving.terminal.printable import shown

_NAMED = 100  # so many bad lines are named; the others are counted


@dataclass(slots=True)
class Produced:
    """What was sent, by full topic name, and what was not. unread: why the file could not be read to its end.

    unit: what bad lines are counted in: "line", or "element" of an array.
    """

    sent: dict[str, int] = field(default_factory=dict)
    bad: int = 0
    named: list[BadLine] = field(default_factory=list)
    repeated_items: int = 0
    unit: str = "line"
    unread: BadFile | None = None

    def told(self) -> dict[str, Any]:
        """For programs."""
        bad_lines = [{"line": one.number, "why": one.why} for one in self.named]
        told = {"sent": self.sent, "bad": self.bad, "bad_lines": bad_lines, "repeated_items": self.repeated_items}
        return told if self.unread is None else {**told, "unread": str(self.unread)}

    def words(self) -> str:
        """For people."""
        total = ", ".join(f"{count} to {name}" for name, count in self.sent.items()) or "nothing"
        bad = f"; {self.bad} bad {self.unit}s left out" if self.bad else ""
        return f"sent {total}{bad}" + ("" if self.unread is None else ", up to where the file could be read")


@dataclass(frozen=True, slots=True)
class SendOptions:
    """How lines become messages: to one topic or by their fields, looked at, and whom to tell what is odd."""

    topic: Topic | None
    preflight: Preflight
    tell: Callable[[str], None]


def send_file(settings: Connections, file: str, options: SendOptions) -> Produced:
    """Send what is in a file, and wait for delivery.

    Raises `Misconfigured` (a `BadFile` before anything is sent) and `Unavailable`. Where a file turns out to be
    damaged on the way, the result says so, and what was sent.
    """
    done = Produced()
    with JsonLines(file) as lines:
        pieces = iter(lines)
        first = list(islice(pieces, 1))
        done.unit = lines.unit
        if not first:
            options.tell(f"{lines.name} is empty")
        with LineProducer(settings.brokers, settings.topics, settings.command_keys()) as producer:
            try:
                _send(producer, chain(first, pieces), options, done)
            except BadFile as error:
                done.unread = error
    done.sent = dict(producer.confirmed)
    done.repeated_items = options.preflight.repeated
    if options.preflight.repeated:
        again = shown(options.preflight.first_repeated)
        options.tell(
            f"{options.preflight.repeated} items came again in this file ({again} for one): the last one counts"
        )
    if done.bad > _NAMED:
        options.tell(f"{done.bad - _NAMED} more bad {done.unit}s")
    return done


def _send(producer: LineProducer, pieces: Iterator[Piece], options: SendOptions, done: Produced) -> None:
    for piece in pieces:
        line = piece if isinstance(piece, BadLine) else read_line(*piece, options.topic)
        wrong = line if isinstance(line, BadLine) else options.preflight.wrong(line) or producer.send(line)
        if wrong is not None:
            done.bad += 1
            if len(done.named) < _NAMED:
                done.named.append(wrong)
                options.tell(f"{done.unit} {wrong.number}: {wrong.why}")
        elif isinstance(line, JsonLine):
            for words in options.preflight.odd(line):
                options.tell(f"{done.unit} {line.number}: {words}")
