"""Ranges of numbers in a statement: "under 50", "bis 50 Euro", "50元以下", "from the 90s", "after 2010".

In English, Chinese, German, Spanish, French and Japanese; the words stand in number_ranges.toml. What a range is about
is told by what stands beside it: a currency, a year, else the words around it, which may be the name of a facet.
"""

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from serving.lexical.terms import stem, words_of
from serving.model.negation import lowered
from serving.model.phrase_pattern import any_of
from serving.state.user_state import NumberRange

__all__ = ()

_Bounds = tuple[str, float | None, float | None]  # kind, lowest, highest

_MOST = 3  # ranges of a statement
_LONGEST = 16  # characters of a word beside a range
_FIRST_YEAR, _LAST_YEAR = 1800, 2100
_THIS_CENTURY = 30  # "the 20s" are of the 21st century, "the 30s" of the 20th
_TIMES = {"万": 1e4, "千": 1e3, "k": 1e3}

_CURRENCY = (
    r"(?:[€$£¥￥₩₹]|us\$|(?:eur|euros?|dollars?|dólares|usd|pounds?|pfund|libras|gbp|chf|franken|francs?|yen|yuan|rmb)"
    r"(?![^\W\d_])|円|元|块钱|块|人民币)"
)
_NUMBER = r"(?<!\d)\d{1,9}(?!\d)(?:[.,'\u202f]\d{3})*(?:[.,]\d{1,2})?(?:\s?[万千]|k\b)?"
_AMOUNT = rf"(?:{_CURRENCY}\s?)?{_NUMBER}(?:\s?{_CURRENCY})?"
_YEAR = rf"(?<!\d)(?:1[89]|20)\d\d(?![\d.,]\d|\d|\s?{_CURRENCY})"
_TO_SIGN = r"\s*(?:-|–|—|~|〜|～|到|至|から)\s*"
_TO = r"\s*(?:-|–|—|~|〜|～|到|至|から|\band\b|\bto\b|\bund\b|\bbis\b|\by\b|\ba\b|\bet\b|\bà\b)\s*"
_FROM = r"(?:(?<!\w)(?:between|from|zwischen|von|entre|de|desde)\s+)"
_ARTICLES = r"(?:(?<!\w)(?:(?:from|of|in|aus|von|de|des|der|den|the|die|los|las|les)\s+){1,2})?"  # before a decade
_UNIT = re.compile(r"\s?([^\W\d_]{1,12})")


@dataclass(frozen=True, slots=True)
class Numbers:
    """The ranges of a text, and `rest`: the text without them."""

    ranges: list[NumberRange]
    rest: str


def read_ranges(text: str) -> Numbers:
    """The ranges of a statement. Never raises.

    >>> read_ranges("headphones under $50")
    Numbers(ranges=[NumberRange(kind='money', near=['headphon'], low=None, high=50.0)], rest='headphones')
    >>> read_ranges("2010年以后的科幻电影")
    Numbers(ranges=[NumberRange(kind='year', near=[], low=2010.0, high=None)], rest='科幻电影')
    >>> read_ranges("Krimis aus den 90ern").ranges
    [NumberRange(kind='year', near=[], low=1990.0, high=1999.0)]
    """
    if not any(map(str.isdecimal, text)):
        return Numbers([], text)
    rest, found = text, list[NumberRange]()
    for pattern, bounds_of in _patterns():
        for _ in range(_MOST - len(found)):
            match = pattern.search(lowered(rest))
            if match is None:
                break
            made = bounds_of(match)
            if made is not None:
                found.append(_range(rest, match, made))
            rest = f"{rest[: match.start()]} {rest[match.end() :]}"
    return Numbers(found, " ".join(rest.split()).strip(" ,，、的の") if found else text)


def _range(text: str, match: re.Match[str], bounds: _Bounds) -> NumberRange:
    kind, low, high = bounds
    if kind != "bare":
        return NumberRange(kind, [] if kind == "year" else _near(text, match), low, high)
    unit = _UNIT.match(text.lower(), match.end())
    no_unit = unit is None or unit[1] in _words("no_unit") or not unit[1].isascii()
    return NumberRange("bare" if no_unit else "unit", _near(text, match), low, high)


def _near(text: str, match: re.Match[str]) -> list[str]:
    """The two words before a range and the one after it, in stems: one may be the name of a facet."""
    before, after = text[: match.start()][-40:], text[match.end() :][:24]
    return [stem(word)[:_LONGEST] for word in [*words_of(before)[-2:], *words_of(after)[:1]] if len(word) > 1]


def _value(text: str) -> float:
    """A number as people write it.

    >>> [_value(each) for each in ("1,299.00", "1.299", "12,5", "1万", "$50")]
    [1299.0, 1299.0, 12.5, 10000.0, 50.0]
    """
    number = re.sub(r"[^\d.,k万千]", "", text)
    times = _TIMES.get(number[-1:], 1.0)
    number = number.rstrip("k万千.,")
    decimal = re.search(r"[.,](\d{1,2})$", number)
    whole = re.sub(r"\D", "", number[: decimal.start()] if decimal else number)
    return float(f"{whole[:15] or 0}.{decimal[1] if decimal else 0}") * times


def _kind(text: str) -> str:
    return "money" if re.search(_CURRENCY, text) else "bare"


def _between(match: re.Match[str]) -> _Bounds | None:
    low, high = _value(match["low"]), _value(match["high"])
    years = all(_FIRST_YEAR <= each <= _LAST_YEAR for each in (low, high))
    kind = _kind(match[0])
    return ("year" if years and kind == "bare" else kind, low, high) if low <= high else None


def _decade(match: re.Match[str]) -> _Bounds:
    year = int(match["n"])
    year += 0 if year >= 100 else 2000 if year < _THIS_CENTURY else 1900
    return "year", float(year // 10 * 10), float(year // 10 * 10 + 9)


@cache
def _words(kind: str) -> list[str]:
    tables = tomllib.loads(files("serving.lexical").joinpath("number_ranges.toml").read_text(encoding="utf-8"))
    return [word for table in tables.values() for word in table[kind]]


@cache
def _patterns() -> list[tuple[re.Pattern[str], Callable[[re.Match[str]], _Bounds | None]]]:
    """In the order in which they are looked for, each with what it says."""

    def before(kind: str, number: str) -> re.Pattern[str]:
        return re.compile(rf"{any_of(_words(kind))}\.?\s*(?P<n>{number})")

    def behind(kind: str, number: str) -> re.Pattern[str]:
        return re.compile(rf"(?P<n>{number})\s?{any_of(_words(kind))}")

    low, high = rf"(?P<low>{_AMOUNT})", rf"(?P<high>{_AMOUNT})"
    endings = "|".join(sorted(map(re.escape, _words("decade")), key=len, reverse=True))
    year = rf"{_ARTICLES}'?(?P<n>(?<!\d)(?:(?:1[89]|20)\d|\d)0)"
    return [
        (re.compile(rf"{_FROM}{low}{_TO}{high}"), _between),
        (re.compile(rf"{low}{_TO_SIGN}{high}(?:之间|の間|まで|间)?"), _between),
        (re.compile(rf"{year}(?:{endings})(?![^\W\d_\u3000-\U0003ffff])"), _decade),
        (re.compile(rf"{_ARTICLES}(?:años|années|anni)\s+{year}(?!\d)"), _decade),
        (behind("year_after", _YEAR), lambda match: ("year", float(match["n"]), None)),
        (behind("year_before", _YEAR), lambda match: ("year", None, float(match["n"]) - 1.0)),
        (before("after", _YEAR), lambda match: ("year", float(match["n"]) + 1.0, None)),
        (before("before", _YEAR), lambda match: ("year", None, float(match["n"]) - 1.0)),
        (before("since", _YEAR), lambda match: ("year", float(match["n"]), None)),
        (behind("year_within", _YEAR), lambda match: ("year", float(match["n"]), float(match["n"]))),
        (before("within", _YEAR), lambda match: ("year", float(match["n"]), float(match["n"]))),
        (before("below", _AMOUNT), lambda match: (_kind(match["n"]), None, _value(match["n"]))),
        (before("above", _AMOUNT), lambda match: (_kind(match["n"]), _value(match["n"]), None)),
        (behind("below_behind", _AMOUNT), lambda match: (_kind(match["n"]), None, _value(match["n"]))),
        (behind("above_behind", _AMOUNT), lambda match: (_kind(match["n"]), _value(match["n"]), None)),
    ]
