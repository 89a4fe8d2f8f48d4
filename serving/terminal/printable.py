"""What others wrote, as it may reach a terminal, a log or a program; and streams that take any character.

A title, an id or a message of a dead letter is somebody else's: an escape sequence in it could rewrite the screen or
the clipboard, a bidirectional override could turn a name around, a line end could forge a line of the log.
"""

import io
import logging
import sys
import unicodedata

__all__ = ["EscapedFormatter", "lines_shown", "shown", "tolerant_streams"]

# Invisible, and by their category not told from letters and marks: joiners, fillers, selectors of Mongolian.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_SPACES = "Zs"  # of every width, the ideographic one among them: blank, and seen as such


def shown(text: str) -> str:
    r"""Write out what a terminal would obey or hide: control characters, line ends, overrides, what has no width.

    >>> shown("a\x1b[31m title\r\nof \u202e two"), shown("海上钢琴师\u3000é")
    ('a\\x1b[31m title\\r\\nof \\u202e two', '海上钢琴师\u3000é')
    """
    if text.isprintable() and _UNSEEN.isdisjoint(text):
        return text
    return "".join(char if _plain(char) else char.encode("unicode_escape").decode() for char in text)


def lines_shown(text: str) -> str:
    r"""The same, of words that may have several lines.

    >>> lines_shown("one\ntwo\x07")
    'one\ntwo\\x07'
    """
    return "\n".join(map(shown, text.split("\n")))


def json_shown(text: str) -> str:
    r"""JSON with the same characters as JSON's own escapes, so that it says what it said.

    >>> json_shown('{"title": "\x9b31m \u202e"}')
    '{"title": "\\u009b31m \\u202e"}'
    """
    if text.isprintable() and _UNSEEN.isdisjoint(text):
        return text
    return "".join(char if char == "\n" or _plain(char) else _json_escape(char) for char in text)


def _plain(char: str) -> bool:
    return (char.isprintable() or unicodedata.category(char) == _SPACES) and char not in _UNSEEN


def _json_escape(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")  # beyond the first plane: two of them
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def tolerant_streams() -> None:
    """Have standard output and error replace what their encoding has not, rather than fail: at a program's entrance.

    What libraries log where no log was set up is written out, too.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not where it is closed
            stream.reconfigure(errors="backslashreplace")
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(EscapedFormatter())


class EscapedFormatter(logging.Formatter):
    """A line of the log is one line, whatever the words in it quote; a traceback below it keeps its lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Put the line together."""
        record.message = shown(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: object) -> str:  # noqa: N802 - logging's name
        """Put the traceback together: an exception's words may quote input, too."""
        return lines_shown(super().formatException(ei))  # type: ignore[arg-type]
