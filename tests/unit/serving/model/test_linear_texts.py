"""What is done to a text takes time in proportion to its length, whatever it consists of."""

from collections.abc import Callable
from time import process_time

import pytest

from serving.model.negation import split
from serving.model.texts import MAX_CHARS, clean

LONGER = 4
MOST = 2.5 * LONGER  # squared it would be 16 times as long for a text four times as long
ROUNDS = 7

MARKUP = [
    "<!--",
    "<!-- -->",
    "<script>",
    "<script</script",
    "<style></style>",
    "</",
    "<a ",
    "<a",
    "<",
    ">",
    "<p>",
    "<b x='",
]
ENTITIES = ["&", "&#", "&#1", "&#x1F600;", "&amp", "&" + "a" * 31, "&#0000000"]
CHARACTERS = [
    *("😀", "😀😀😀 ", "😀" + " " * 40, "\u200d", "!", "aab", "\u1100\u1161\u11a8", "İ"),
    *("a\u0316\u0301", "\u0301\u0316\u0345\u05b0", "\u0344", "\u202e", "\x00", "\ud800", "\u0378"),
]
STATEMENTS = [
    *(
        "not ",
        "no more horror, ",
        "don't ",
        "not really even ever ",
        "not a ",
        "not zebra the ",
        "no a no longer ",
        "no longer ",
    ),
    *(
        "x. no thanks. ",
        "x no thanks. ",
        "the. no thanks. ",
        "is out ",
        "is too ",
        "is too aaaaaaaa ",
        "give me ",
        " or ",
    ),
    *("不", "不要", "别再推荐", "了吧", "是", "算了", "算了吧", "，"),
    *(",", ", a", "the ", ".", " - ", "\"'", "([{"),
]


def ratio(work: Callable[[str], object], fragment: str, size: int) -> float:
    """How many times longer a text `LONGER` times as long takes: the quickest of some runs of each."""
    short, long = ((fragment * (length // len(fragment) + 1))[:length] for length in (size, LONGER * size))
    return _quickest(work, long) / _quickest(work, short)


def _quickest(work: Callable[[str], object], text: str) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        began = process_time()
        for _ in range(3):
            work(text)
        best = min(best, process_time() - began)
    return best


@pytest.mark.parametrize("fragment", [*MARKUP, *ENTITIES, *CHARACTERS], ids=ascii)
def test_cleaning_is_linear(fragment: str) -> None:
    assert ratio(clean, fragment, size=2 * MAX_CHARS // LONGER) < MOST


def test_cleaning_is_linear_where_only_the_end_differs() -> None:
    """Given something that only an end far away would complete, or that the end spoils."""
    for begin, fragment, end in (
        ("", "<!--", "->"),
        ("", "</script  ", ">"),
        ("<script>", "</script ", ""),
        ("", "<b ", ""),
    ):
        assert ratio(lambda text, begin=begin, end=end: clean(begin + text + end), fragment, MAX_CHARS // 2) < MOST  # type: ignore[misc]


@pytest.mark.parametrize("fragment", [*STATEMENTS, *MARKUP, *CHARACTERS], ids=ascii)
def test_cutting_a_statement_is_linear(fragment: str) -> None:
    assert ratio(split, fragment, size=MAX_CHARS) < MOST


@pytest.mark.parametrize(
    ("begin", "fragment", "end"), [("not zebra ", "the ", "x"), ("no ", "the ", ""), ("", "的了吧", "x")]
)
def test_cutting_is_linear_where_only_the_end_differs(begin: str, fragment: str, end: str) -> None:
    assert ratio(lambda text: split(begin + text + end), fragment, size=MAX_CHARS) < MOST
