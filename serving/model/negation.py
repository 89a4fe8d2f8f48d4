"""What a statement asks for, and what it asks to be spared: by the words that negate.

In English, Chinese, German, Spanish, French and Japanese, all at once: what is written says not in which language.

An encoder puts "no more science fiction" beside "science fiction": it hears the noun, not the negation. So the text is
cut here by rules into what is wanted and what is not, and each is embedded by itself. The rules are those of NegEx
(Chapman et al., 2001, Journal of Biomedical Informatics 34(5)) in small: cues that turn what follows or what precedes,
phrases that only look like cues, and boundaries at which a cue ends. The words stand in negation.toml.
"""

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from serving.model.phrase_pattern import any_of

_HARD = re.compile(r"[.;!?。；！？…\n]+|\s[-–—]+\s")  # a clause ends
_SOFT = re.compile(r"[,，:：、]+")  # a cue ends, unless a list goes on
_LIST_GOES_ON = re.compile(r"\b(?:or|nor|oder|noch|ou|ni|o)\b|^\s*(?:或|或者|以及)", re.IGNORECASE)
# 不含鸡肉的狗粮: what it is without stands in front of a noun.
_LACKING = re.compile(r"((?:不含|不带|不加|不放|不要|没有|无)[^\s,，。;；的]{1,8})的(?=[^\s,，。;；])")
_STRAY = " \t\"'()[]《》“”‘’「」、/-"


@dataclass(frozen=True, slots=True)
class Intent:
    """`wanted`: what is left of the text; `unwanted`: what it asks to be spared, without the words that say so."""

    wanted: str
    unwanted: str = ""


@dataclass(slots=True)
class _Piece:
    """A stretch of text between two cues that says something; a cue that wants stays part of what it begins."""

    text: str
    against: bool


@dataclass(slots=True)
class _Reading:
    pieces: list[_Piece] = field(default_factory=list)
    against: bool = False


def split(text: str) -> Intent:
    """Cut a statement into what it wants and what it does not; one without a negation comes back whole.

    Never raises, and takes time in proportion to the text.

    >>> split("no more science fiction, give me romantic comedies")
    Intent(wanted='give me romantic comedies', unwanted='science fiction')
    >>> split("别再推荐科幻片了，我想看浪漫喜剧")
    Intent(wanted='我想看浪漫喜剧', unwanted='科幻片')
    >>> split("I can't get enough of westerns")
    Intent(wanted="I can't get enough of westerns", unwanted='')
    """
    reading = _Reading()
    for clause in _HARD.split(_LACKING.sub(r"\1，", text.replace("’", "'"))):
        reading.against = False
        for n, part in enumerate(_SOFT.split(clause)):
            if n and not _goes_on(reading, part):
                reading.against = False
            _read(part, reading)
    unwanted = [piece.text for piece in reading.pieces if piece.against]
    if not unwanted:
        return Intent(text)
    wanted = [piece.text for piece in reading.pieces if not piece.against]
    return Intent(", ".join(wanted), ", ".join(map(_bare, unwanted)))


def _goes_on(reading: _Reading, part: str) -> bool:
    """Whether a list of unwanted things goes on behind a comma: "no horror, thrillers or westerns"."""
    if not reading.against or _LIST_GOES_ON.search(part) is None:
        return False
    return all(match.lastgroup != "for" for match in _cues().finditer(part.lower()))


def _read(part: str, reading: _Reading) -> None:
    """Add the pieces of a part of a clause."""
    lower = lowered(part)
    opened, first = 0, len(reading.pieces)
    against = reading.against
    for match in _cues().finditer(lower):
        kind = match.lastgroup
        if kind == "harmless" or (kind == "whom" and not against):
            continue
        _add(reading, part[opened : match.start()], against)
        if kind in {"before", "behind"}:
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
    text = text.strip(_STRAY)
    if text and _says_something(text):
        reading.pieces.append(_Piece(text, against))


def _turn_last(reading: _Reading, first: int) -> None:
    """Turn what stands before: in this part of the clause, else the last that said something."""
    here = next((piece for piece in reversed(reading.pieces[first:]) if not piece.against), None)
    for piece in [here] if here is not None else reading.pieces[-1:]:
        piece.against = True


def _says_something(text: str) -> bool:
    return bool(_empty().sub(" ", text.lower()).strip(_STRAY + ",，"))


def _bare(text: str) -> str:
    """Without the words at both ends that say nothing."""
    lower = lowered(text)
    front, back = _ends()
    begins, ends = front.match(lower), back.match(lower[::-1])
    kept = text[begins.end() if begins else 0 : len(text) - (ends.end() if ends else 0)]
    return kept.strip(_STRAY) or text


def lowered(text: str) -> str:
    """A text in lower case, character by character: "İ" would be two, and places in one text none in the other."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c if len(c.lower()) > 1 else c.lower() for c in text)


def silent_words() -> list[str]:
    """Words that say nothing of their own, in all languages: without them a statement is about things."""
    words = _words()
    return [*words["empty"], *words["for"], *words["filler"]]


@cache
def _words() -> dict[str, list[str]]:
    tables = tomllib.loads(files("serving.model").joinpath("negation.toml").read_text(encoding="utf-8"))
    return {kind: [word for table in tables.values() for word in table[kind]] for kind in tables["en"]}


@cache
def _cues() -> re.Pattern[str]:
    """One group for each kind; a negation takes its filler words along."""
    words = _words()
    kinds = {
        "harmless": any_of(words["harmless"]),
        "before": any_of(words["before"]) + r"(?=[\s吧啊呢啦よねわ]*$)",
        "behind": any_of(words["behind"]),
        "against": any_of(words["against"]) + rf"(?:\s*{any_of(words['filler'])})*",
        "whom": any_of(words["whom"]),
        "for": any_of(words["for"]),
    }
    return re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in kinds.items()))


@cache
def _empty() -> re.Pattern[str]:
    return re.compile(any_of(_words()["empty"] + _words()["for"]))


@cache
def _ends() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Words that say nothing: at the front of a text, and at its back, read backwards.

    Searched for forwards, the back would be tried from every place at which such words stand in a row.
    """
    words = _words()["empty"]
    front, back = any_of(words), any_of(word[::-1] for word in words)
    return re.compile(rf"(?:\s*{front})+(?=\s|[^\x00-\x7f])"), re.compile(rf"(?:{back}\s*)+")
