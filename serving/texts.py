"""What a user wrote, made fit for the encoder: markup out, runs of emoji or one character cut, white space folded."""

import re
import unicodedata
from html import unescape

MAX_BYTES = 32 * 1024  # of a text as it is sent; longer ones are refused
MAX_CHARS = 2_000  # more than 256 tokens in every script we know, which is all that the encoder reads

_MARKUP = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>|</?[a-zA-Z][^<>]{0,400}>", re.DOTALL | re.IGNORECASE)
_EMOJI = "\u2600-\u27bf\ufe0f\u200d\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff"
_EMOJI_RUN = re.compile(f"([{_EMOJI}]{{3}})[{_EMOJI}\\s]*[{_EMOJI}]")
_SAME_RUN = re.compile(r"([^\s\d])\1{3,}")  # but 10000 is a number
_SPACE = re.compile(r"\s+")


def clean(text: str) -> str:
    """The text without markup, control characters and runs, at most `MAX_CHARS` long. May be empty.

    >>> clean("<b>Great</b>&nbsp;film!!!!!!!!  👍👍👍👍👍👍👍👍")
    'Great film!!! 👍👍👍'
    """
    # Cut first, so that a text of 32 KB of markup costs no more than a long one; markup may take as much again.
    text = unescape(_MARKUP.sub(" ", text[: 4 * MAX_CHARS]))
    text = unicodedata.normalize("NFC", text)
    text = "".join(" " if unicodedata.category(c) in {"Cc", "Cs", "Co", "Cn"} else c for c in text)
    text = _SAME_RUN.sub(r"\1\1\1", _EMOJI_RUN.sub(r"\1", text))
    return _SPACE.sub(" ", text).strip()[:MAX_CHARS]
