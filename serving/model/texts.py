"""What a user wrote, made fit for the encoder: markup out, runs of emoji or one character cut, white space folded.

Visitors of a shop write whatever they like: nothing here raises, and all of it takes time in proportion to the text.
"""

import re
import unicodedata
from html import unescape

MAX_CHARS = 2_000  # more than 256 tokens in every script we know, which is all that the encoder reads

_OPENING = re.compile(r"<(?:(!--)|(script)\b|(style)\b)", re.IGNORECASE)
_ENDS = (re.compile("-->"), re.compile(r"</script\s*>", re.IGNORECASE), re.compile(r"</style\s*>", re.IGNORECASE))
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,400}>")
_LONG_NUMBER = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{7,});?")
_EMOJI = "\u2600-\u27bf\ufe0f\u200d\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff"
_EMOJI_RUN = re.compile(f"([{_EMOJI}]{{3}})[{_EMOJI}\\s]*[{_EMOJI}]")
_SAME_RUN = re.compile(r"([^\s\d])\1{3,}")  # but 10000 is a number
_SPACE = re.compile(r"\s+")
_UNFIT = frozenset({"Cc", "Cs", "Co", "Cn"})  # control characters, lone surrogates, private use, not assigned
_MOST_MARKS = 8  # combining ones on a letter; no script needs more, and normalising a run of n takes n² steps


def clean(text: str) -> str:
    """The text without markup, control characters and runs, at most `MAX_CHARS` long. May be empty. Never raises.

    >>> clean("<b>Great</b>&nbsp;film!!!!!!!!  👍👍👍👍👍👍👍👍")
    'Great film!!! 👍👍👍'
    """
    # Cut first, so that a text of 32 KB of markup costs no more than a long one; markup may take as much again.
    text = _without_markup(text[: 4 * MAX_CHARS])
    text = unescape(_LONG_NUMBER.sub(_shortened, text))[: 2 * MAX_CHARS]  # runs and white space as much once more
    text = unicodedata.normalize("NFC", _readable(text))
    text = _SAME_RUN.sub(r"\1\1\1", _EMOJI_RUN.sub(r"\1", text))
    return _SPACE.sub(" ", text).strip()[:MAX_CHARS]


def _without_markup(text: str) -> str:
    """Without tags, and without comments, scripts and style sheets as far as they have an end."""
    endless = {kind for kind, end in enumerate(_ENDS) if end.search(text) is None}
    kept, at, opening = [], 0, _OPENING.search(text)
    while opening is not None and len(endless) < len(_ENDS):
        kind = (opening.lastindex or 0) - 1
        end = _ENDS[kind].search(text, opening.end()) if kind not in endless else None
        if end is None:
            endless.add(kind)  # nor has any that comes later: whoever looked for it again would look n times
            opening = _OPENING.search(text, opening.end())
        else:
            kept += [_TAG.sub(" ", text[at : opening.start()]), " "]
            at = end.end()
            opening = _OPENING.search(text, at)
    return "".join([*kept, _TAG.sub(" ", text[at:])])


def _shortened(number: re.Match[str]) -> str:
    """A character's number without its leading zeros; of one that is no character's, what HTML puts there.

    Python converts no number of more than 4,300 digits.
    """
    digits = number[0][2:].rstrip(";")
    hexadecimal = digits[0] in "xX"
    digits = digits.lstrip("xX0")
    if len(digits) > 7:
        return "\ufffd"
    return f"&#{'x' if hexadecimal else ''}{digits or '0'};"


def _readable(text: str) -> str:
    """With a space for what is no character to be read, and at most `_MOST_MARKS` combining marks in a row."""
    if text.isascii() and text.isprintable():
        return text
    characters = set(text)
    unfit = {ord(c): " " for c in characters if not c.isprintable() and unicodedata.category(c) in _UNFIT}
    marks = set(filter(unicodedata.combining, characters))
    text = text.translate(unfit) if unfit else text
    return _without_piles(text, marks) if marks else text


def _without_piles(text: str, marks: set[str]) -> str:
    kept, run = [], 0
    for c in text:
        run = run + 1 if c in marks else 0
        if run <= _MOST_MARKS:
            kept.append(c)
    return "".join(kept)
