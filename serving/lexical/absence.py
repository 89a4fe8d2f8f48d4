"""What a text says that a thing is without: "gluten-free", "ohne Zucker", "sin gluten", "无糖", "ナッツ不使用"."""

import re
from typing import NamedTuple

from serving.model.negation import lowered

__all__ = ()

_HAN = "\u4e00-\u7683\u7685-\u9fff"  # without 的, which ends what is named
_KANA = "\u3041-\u30ff"
_WORD = rf"[^\W\d_{_HAN}{_KANA}]{{3,20}}"
_PATTERN = re.compile(
    rf"(?<!\w)(?P<free>{_WORD}?)(?:-free|\sfree|-?frei)(?:e[nrsm]?)?(?!\w)"
    rf"|(?<!\w)(?:without|ohne|sin|sans|senza|sem)\s+(?P<behind>{_WORD})"
    rf"|(?:无|無|不含|不加)(?P<han>[{_HAN}]{{1,3}})"
    rf"|(?P<kana>[{_HAN}{_KANA}]{{1,8}})(?:フリー|不使用|無添加|抜き|なし)"
)


class Absence(NamedTuple):
    """What is named as missing, in words with spaces between, and the text without it."""

    without: str
    rest: str


def absence_in(text: str) -> Absence:
    """What a text says to be missing.

    >>> absence_in("Glutenfreie Haferkekse"), absence_in("Galletas sin gluten").without
    (Absence(without='gluten', rest='haferkekse'), 'gluten')
    """
    lower = lowered(text)
    without = " ".join(each for match in _PATTERN.finditer(lower) for each in match.groups() if each)
    return Absence(without, " ".join(_PATTERN.sub("  ", lower).split()) if without else text)
