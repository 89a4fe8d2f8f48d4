"""A text in terms that can be looked up: words without their endings, and runs of Chinese and Japanese.

No dictionary and no language is asked for. A word loses accents and what may be an ending in English, German, Spanish
or French, the same on both sides, so that "Zelte" finds "Zelt" and "tiendas" "tienda"; a run of Chinese characters or
of one kind of kana is cut into pairs of characters.
"""

import re
import unicodedata

__all__ = ()

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3005"
_KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff"
_HIRAGANA = "\u3041-\u3096"
_RUN = re.compile(f"[{_HAN}]+|[{_KATAKANA}]+|[{_HIRAGANA}]+")
_KANA = re.compile(f"[{_HIRAGANA}]+$")
_WORD = re.compile(f"[{_HAN}]+|[{_KATAKANA}]+|[{_HIRAGANA}]+|[^\\W_{_HAN}{_KATAKANA}{_HIRAGANA}]+")
_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i"})
_LAST_LETTERS = {"y": "i", "v": "f", "z": "c"}  # baby and babies, knives and knife, luz and luces
_LEAST = 2  # letters of a word that is not touched
_PASSES = 3


def words_of(text: str) -> list[str]:
    """The words and runs of a text, in lower case and in their order; numbers are none.

    >>> words_of("Crêpe-Pfanne 24 cm für 2")
    ['crêpe', 'pfanne', 'cm', 'für']
    >>> words_of("手挽きコーヒーミル")
    ['手挽', 'き', 'コーヒーミル']
    """
    return [word for word in _WORD.findall(unicodedata.normalize("NFKC", text).lower()) if not word.isdecimal()]


def is_run(word: str) -> bool:
    """Whether it is a run of Chinese characters or kana."""
    return _RUN.match(word) is not None


def is_kana(word: str) -> bool:
    """Whether it is a run of hiragana, which Japanese writes particles and endings in, and some nouns."""
    return _KANA.match(word) is not None


def pairs(run: str) -> list[str]:
    """The pairs of neighbours in a run; one of a single character is its own.

    >>> pairs("帐篷灯"), pairs("茶")
    (['帐篷', '篷灯'], ['茶'])
    """
    return [run[at : at + 2] for at in range(max(len(run) - 1, 1))]


def stem(word: str) -> str:
    """A word without accents and without what may be an ending.

    >>> [stem(each) for each in ("tents", "Zelte", "sartenes", "sartén", "Hühner", "Hühnchen", "knives", "knife")]
    ['tent', 'zelt', 'sart', 'sart', 'huhn', 'huhn', 'knif', 'knif']
    """
    plain = _plain(word.lower())
    for _ in range(_PASSES):
        shorter = _without_ending(plain)
        if shorter == plain:
            break
        plain = shorter
    return plain[:-1] + _LAST_LETTERS.get(plain[-1], plain[-1]) if len(plain) > _LEAST else plain


def _plain(word: str) -> str:
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFKD", word.translate(_LETTERS))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _without_ending(word: str) -> str:
    for ending, stripped, least, unless in _ENDINGS:
        if word.endswith(ending) and len(word) - stripped >= least and not (unless and word.endswith(unless)):
            return word[:-stripped]
    return word


# An ending, how many of its letters go, how many must be left, and a longer ending in which it is none.
_ENDINGS = (
    *(("chen", 4, 4, "schen"), ("s", 1, 3, "ss"), ("ux", 1, 3, ""), ("en", 2, 4, ""), ("er", 2, 3, "")),
    *(("ern", 3, 3, ""), ("e", 1, 3, ""), ("o", 1, 4, ""), ("a", 1, 4, "")),
)
