"""The one way in which commands print: what others wrote is text, never markup and never an order to the terminal.

Nothing else in this package calls `print`, `click.echo` or makes a console; tests/architecture holds it to that.
"""

import json
import sys
from typing import Any, Final

import rich.console
from rich.text import Text

from serving.terminal.printable import json_shown, lines_shown, shown

_PLAIN_WIDTH: Final = 120  # a file or a pipe has no width of its own: do not fold at 80


class ReaderGone(Exception):
    """Who reads what we print has left (`| head`): nobody is there to be told more."""


class Console(rich.console.Console):
    """A console that writes out control characters in every string it is given; of parts of a line, use `theirs`."""

    def render_str(self, text: str, **how: Any) -> Text:
        """Make a text of it; also of a table's cells and titles."""
        return super().render_str(lines_shown(text), **how)

    def on_broken_pipe(self) -> None:
        """Let the entrance end it."""
        raise ReaderGone


def console(*, err: bool = False, wide: bool = False, width: int | None = None) -> Console:
    """Open one on standard output or error, which knows neither markup nor emoji codes: use rich's Text for styles.

    wide: where that is no terminal, its tables are not folded at 80.
    """
    made = Console(stderr=err, highlight=False, markup=False, emoji=False, width=width)
    if wide and not made.is_terminal:
        made.width = _PLAIN_WIDTH
    return made


def theirs(text: str, style: str = "") -> Text:
    """What somebody else wrote, for a cell, a title or a line: as it is, but for what `shown` writes out."""
    return Text(shown(text), style)


def say(words: str) -> None:
    """Print to standard output."""
    _echo(lines_shown(words))


def complain(words: str) -> None:
    """Print to standard error."""
    _echo(lines_shown(words), err=True)


def _echo(words: str, *, err: bool = False) -> None:
    """Not by click, which writes UTF-8 where the stream is said to be ASCII."""
    stream = sys.stderr if err else sys.stdout
    if stream is None:  # it was closed when we were started
        return
    try:
        stream.write(f"{words}\n")
        stream.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error


def print_json(value: object) -> None:
    """Print one line of JSON, at once."""
    print_document(value, indent=None)


def print_document(value: object, indent: int | None) -> None:
    """Print JSON. Where the stream cannot write all characters, those are JSON's escapes, too."""
    every = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")
    _echo(json_shown(json.dumps(value, ensure_ascii=not every, indent=indent)))
