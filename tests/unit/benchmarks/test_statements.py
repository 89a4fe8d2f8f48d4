"""The statements' files are whole, and what is counted of them is right."""

from collections import Counter

import pytest

from benchmarks.statements.counts import figures_of
from benchmarks.statements.judged import FIRST, Verdict
from benchmarks.statements.shops import Condition, Statement, in_other_languages, shops, statements


def test_every_statement_can_hold() -> None:
    """Given the files, then what must be listed is in the statement's shop, and of no line is all forbidden."""
    there = shops()
    for each in [*statements(), *in_other_languages()]:
        properties = there[each.shop].properties.values()
        good = [one for one in properties if not any(never.holds(one) for never in each.never)]
        assert each.must is None or sum(each.must.holds(one) for one in good) >= max(each.least, 1), each.text
        assert len(good) >= FIRST, each.text
        assert not each.about or any(item.title == each.about for item in there[each.shop].items), each.text


def test_statements_differ() -> None:
    counted = Counter((each.shop, each.text, each.about) for each in [*statements(), *in_other_languages()])

    assert [said for said, many in counted.items() if many > 1] == []


@pytest.mark.parametrize(
    ("comparisons", "holds"),
    [
        ((("kind", "=", "tent,stove"),), True),
        ((("kind", "=", "stove"),), False),
        ((("price", "<", "50"),), True),
        ((("price", ">", "49"),), False),
        ((("kind", "=", "tent"), ("price", ">", "40")), True),
        ((("size", ">", "1"),), False),
    ],
)
def test_a_condition_holds_if_all_its_comparisons_do(
    comparisons: tuple[tuple[str, str, str], ...], *, holds: bool
) -> None:
    assert Condition(comparisons).holds({"kind": ["tent"], "price": ["49"]}) is holds


def test_figures_are_told_by_language_and_half() -> None:
    figures = figures_of(
        [_verdict("de", 1, held=True), _verdict("de", 2, held=False), _verdict("films", 1, held=True)],
        [_verdict("en", 2, held=True)],
    )

    assert (figures.n, figures.held) == (3, 2)
    assert {name: (each.n, each.held) for name, each in figures.by_language["de"].halves.items()} == {
        "before": (1, 1),
        "after": (1, 0),
    }
    assert figures.films["de"].held == 1
    assert figures.other_languages["de"].held == 1, "and nowhere else"


def _verdict(shop: str, half: int, *, held: bool) -> Verdict:
    return Verdict(Statement(half, "de", shop, "Zelte", None, 0, ()), held, 0, 0, [])
