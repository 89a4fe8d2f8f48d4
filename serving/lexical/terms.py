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
_LEAST = 3  # letters that an ending leaves
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

    >>> [stem(each) for each in ("tents", "Zelte", "sartenes", "sartén", "Hühner", "Hühnchen", "babies", "baby")]
    ['tent', 'zelt', 'sart', 'sart', 'huhn', 'huhn', 'babi', 'babi']
    """
    plain = _plain(word.lower())
    for _ in range(_PASSES):
        shorter = _without_ending(plain)
        if shorter == plain:
            break
        plain = shorter
    return plain[:-1] + "i" if plain.endswith("y") and len(plain) > _LEAST else plain


def _plain(word: str) -> str:
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFKD", word.translate(_LETTERS))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _without_ending(word: str) -> str:
    for ending, least in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= least and not word.endswith("ss"):
            return word[: -len(ending)]
    return word


# An ending, and how many letters must be left.
_ENDINGS = (
    ("chen", 4),
    ("aux", 3),
    ("s", 3),
    ("ux", 3),
    ("en", 4),
    ("er", 3),
    ("ern", 3),
    ("e", 3),
    ("o", 4),
    ("a", 4),
)
