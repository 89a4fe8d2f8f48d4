"""What a statement asks for, and what it asks to be spared: by the words that negate, in English and Chinese.

An encoder puts "no more science fiction" beside "science fiction": it hears the noun, not the negation. So the text is
cut here by rules into what is wanted and what is not, and each is embedded by itself. The rules are those of NegEx
(Chapman et al., 2001, Journal of Biomedical Informatics 34(5)) in small: cues that turn what follows or what precedes,
phrases that only look like cues, and boundaries at which a cue ends. The words stand in intent.toml.
"""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

_HARD = re.compile(r"[.;!?。；！？…\n]+|\s[-–—]+\s")  # a clause ends
_SOFT = re.compile(r"[,，:：]+")  # a cue ends, unless a list goes on
_LIST_GOES_ON = re.compile(r"^\s*(?:or|nor)\b|\b(?:or|nor)\b|^\s*(?:或|或者|以及)", re.IGNORECASE)
_STRAY = " \t\"'()[]《》“”‘’「」、/-"


@dataclass(frozen=True, slots=True)
class Intent:
    """`wanted`: what is left of the text; `unwanted`: what it asks to be spared, without the words that say so."""

    wanted: str
    unwanted: str = ""


@dataclass(slots=True)
class _Piece:
    """A stretch of text between two cues; a cue that wants stays part of what it begins."""

    text: str
    against: bool


@dataclass(slots=True)
class _Reading:
    pieces: list[_Piece] = field(default_factory=list)
    against: bool = False


def split(text: str) -> Intent:
    """Cut a statement into what it wants and what it does not; one without a negation comes back whole.

    >>> split("no more science fiction, give me romantic comedies")
    Intent(wanted='give me romantic comedies', unwanted='science fiction')
    >>> split("别再推荐科幻片了，我想看浪漫喜剧")
    Intent(wanted='我想看浪漫喜剧', unwanted='科幻片')
    >>> split("I can't get enough of westerns")
    Intent(wanted="I can't get enough of westerns", unwanted='')
    """
    reading = _Reading()
    for clause in _HARD.split(text.replace("’", "'")):
        reading.against = False
        for n, part in enumerate(_SOFT.split(clause)):
            if n and not _goes_on(reading, part):
                reading.against = False
            _read(part, reading)
    unwanted = [piece.text for piece in reading.pieces if piece.against and _says_something(piece.text)]
    if not unwanted:
        return Intent(text)
    wanted = [piece.text for piece in reading.pieces if not piece.against and _says_something(piece.text)]
    return Intent(", ".join(wanted), ", ".join(map(_bare, unwanted)))


def _goes_on(reading: _Reading, part: str) -> bool:
    """Whether a list of unwanted things goes on behind a comma: "no horror, thrillers or westerns"."""
    wants = any(match.lastgroup == "for" for match in _cues().finditer(part.lower()))
    return reading.against and not wants and _LIST_GOES_ON.search(part) is not None


def _read(part: str, reading: _Reading) -> None:
    """Add the pieces of a part of a clause."""
    lower = part.lower()
    opened, first = 0, len(reading.pieces)
    against = reading.against
    for match in _cues().finditer(lower):
        kind = match.lastgroup
        if kind == "harmless":
            continue
        _add(reading, part[opened : match.start()], against)
        if kind == "before":
            _turn_last(reading, first)
            against, opened = False, match.end()
        elif kind == "against":
            against, opened = True, match.end()
        else:
            against, opened = False, match.start()
    rest = part[opened:]
    if against and opened and not _says_something(rest):
        _turn_last(reading, first)  # "science fiction: not any more", "科幻片别再推了"
        against = False
    _add(reading, rest, against)
    reading.against = against


def _add(reading: _Reading, text: str, against: bool) -> None:
    if text.strip(_STRAY):
        reading.pieces.append(_Piece(text.strip(_STRAY), against))


def _turn_last(reading: _Reading, first: int) -> None:
    """Turn what stands before: in this part of the clause, else the last that said something."""
    here = [piece for piece in reading.pieces[first:] if not piece.against and _says_something(piece.text)]
    pieces = here or [piece for piece in reading.pieces if _says_something(piece.text)]
    if pieces:
        pieces[-1].against = True


def _says_something(text: str) -> bool:
    return bool(_empty().sub(" ", text.lower()).strip(_STRAY + ",，"))


def _bare(text: str) -> str:
    """Without the words at both ends that say nothing."""
    return _ends().sub("", text).strip(_STRAY) or text


@cache
def _words() -> dict[str, list[str]]:
    tables = tomllib.loads(files("serving").joinpath("intent.toml").read_text(encoding="utf-8"))
    return {kind: [word for table in tables.values() for word in table[kind]] for kind in tables["en"]}


@cache
def _cues() -> re.Pattern[str]:
    """One group for each kind; a negation takes its filler words along."""
    words = _words()
    filler = f"(?:[\\s]*{_any(words['filler'])})*"
    kinds = {
        "harmless": _any(words["harmless"]),
        "before": _any(words["before"]) + r"(?=[\s吧啊呢啦]*$)",
        "against": _any(words["against"]) + filler,
        "for": _any(words["for"]),
    }
    return re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in kinds.items()))


@cache
def _empty() -> re.Pattern[str]:
    return re.compile(_any(_words()["empty"] + _words()["for"]))


@cache
def _ends() -> re.Pattern[str]:
    nothing = _any(_words()["empty"])
    return re.compile(f"^(?:\\s*{nothing})+(?=\\s|[^\\x00-\\x7f])|(?:\\s*{nothing})+$", re.IGNORECASE)


def _any(words: Iterable[str]) -> str:
    """A pattern for any of the words, the longest first; English ones end where words end."""
    ordered = sorted(words, key=len, reverse=True)
    patterns = (re.escape(word).replace(r"\*", r"\w+(?: \w+)?") for word in ordered)
    return "(?:" + "|".join(rf"\b{each}\b" if each.isascii() else each for each in patterns) + ")"
