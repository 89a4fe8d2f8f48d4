"""One pattern for any of many phrases, the longest first.

An alternation tries phrase after phrase at every place of a text: some five microseconds a character for the few
hundred of negation.toml. Here phrases share their beginnings, and are only looked for where one can begin.
"""

import re
from collections.abc import Iterable

_Trie = dict[str, "_Trie"]
_END = ""
_UNSPACED = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")  # Chinese characters, kana
_ANY_WORDS = r"\w+(?: \w+)?"  # what `*` in a phrase stands for


def any_of(phrases: Iterable[str]) -> str:
    """A pattern for any of the phrases, in lower case; those of scripts with spaces begin and end where words do.

    >>> phrases = any_of(["no", "not", "no more", "is too * for me", "不"])
    >>> re.findall(phrases, "no more knots, not: it is too long for me 不")
    ['no more', 'not', 'is too long for me', '不']
    """
    every = set(phrases)
    spaced = {phrase for phrase in every if not _UNSPACED.search(phrase)}
    parts = []
    if spaced:
        parts.append(rf"(?<!\w){_begin(spaced)}{_pattern(_trie(spaced))}(?:(?<=')|\b)")
    if every - spaced:
        parts.append(_begin(every - spaced) + _pattern(_trie(every - spaced)))
    return f"(?:{'|'.join(parts)})"


def _begin(phrases: set[str]) -> str:
    """That a phrase may begin here, by its first character: told at once where none does."""
    return f"(?=[{''.join(sorted({re.escape(phrase[0]) for phrase in phrases}))}])"


def _trie(phrases: Iterable[str]) -> _Trie:
    """Phrases by their characters; `_END` where one ends."""
    root: _Trie = {}
    for phrase in phrases:
        node = root
        for c in phrase:
            node = node.setdefault(c, {})
        node[_END] = {}
    return root


def _pattern(node: _Trie) -> str:
    """What may follow, the longest first."""
    ways = [(_ANY_WORDS if c == "*" else re.escape(c)) + _pattern(after) for c, after in sorted(node.items()) if c]
    if not ways:
        return ""
    if _END in node:
        return f"(?:{'|'.join(ways)})?"
    return ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})"
