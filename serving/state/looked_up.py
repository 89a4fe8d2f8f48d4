"""What of a statement is looked up in the catalogue: words, and ranges of numbers (serving/lexical/wording.py)."""

import msgspec

__all__ = ()


class NumberRange(msgspec.Struct, array_like=True, frozen=True):
    """A range of numbers that a statement asks for, both ends included; None: no end.

    kind: `money`, `year`, `unit` of something else, or `bare`. near: stems of the words beside it, three at most.
    """

    kind: str
    near: list[str]
    low: float | None
    high: float | None


class Word(msgspec.Struct, array_like=True, frozen=True):
    """A word of a statement, and how much it counts beside the others, in (0, 1]. part: which phrase it stands in."""

    word: str
    weight: float
    part: int
