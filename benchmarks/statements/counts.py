"""How many statements held: in all, by language, and by when they were written."""

from collections.abc import Sequence

import msgspec

from benchmarks.statements.judged import Verdict

_HALVES = {1: "before", 2: "after"}


class Half(msgspec.Struct):
    """Of the statements written before the rules, or after."""

    n: int
    held: int


class Counts(msgspec.Struct):
    """Of some statements, and of each half of them."""

    n: int
    held: int
    halves: dict[str, Half]


class Figures(Counts):
    """Of all statements; `by_language` of those in shops, `films` of those about films.

    other_languages: of those about items of another language (other_languages.txt), which count nowhere else.
    """

    by_language: dict[str, Counts]
    films: dict[str, Counts]
    other_languages: dict[str, Counts]


def figures_of(verdicts: Sequence[Verdict], others: Sequence[Verdict] = ()) -> Figures:
    """The figures that the command prints."""
    in_shops = [each for each in verdicts if each.statement.shop != "films"]
    on_films = [each for each in verdicts if each.statement.shop == "films"]
    everything = counts_of(verdicts)
    return Figures(
        everything.n,
        everything.held,
        everything.halves,
        by_language=_by_language(in_shops),
        films=_by_language(on_films),
        other_languages=_by_language(others),
    )


def counts_of(verdicts: Sequence[Verdict]) -> Counts:
    """How many there are, and held."""
    halves = {name: [each for each in verdicts if each.statement.half == half] for half, name in _HALVES.items()}
    return Counts(
        len(verdicts), _held(verdicts), {name: Half(len(some), _held(some)) for name, some in halves.items() if some}
    )


def _by_language(verdicts: Sequence[Verdict]) -> dict[str, Counts]:
    languages = dict.fromkeys(each.statement.language for each in verdicts)
    return {
        language: counts_of([each for each in verdicts if each.statement.language == language])
        for language in languages
    }


def _held(verdicts: Sequence[Verdict]) -> int:
    return sum(each.held for each in verdicts)
