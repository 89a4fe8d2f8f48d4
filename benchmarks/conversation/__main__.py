"""What a clarifying question is worth: the rank of the wanted film with and without it, where a need is ambiguous.

    python -m benchmarks.conversation [--json FILE]

200 needs are drawn from the films of `benchmarks/statements`, half in English and half in Chinese: each is a film that
somebody has in mind, and a statement that leaves open what it is: one of two genres, something good, or no more than
the country. Whoever is asked chooses the first value that the film has, or says that it is none of them. Beside it
stands how many of the unambiguous film statements of `benchmarks/statements` are followed by a question, of which
there should be few.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec
import numpy as np

from benchmarks.conversation.needs import LANGUAGES, Need, needs
from benchmarks.statements.judged import OpenShop
from benchmarks.statements.shops import shops, statements
from serving.arrays import Floats
from serving.conversation.ambiguity import Doubt, doubt
from serving.conversation.questions import turned_down
from serving.model.encoder import load_encoder
from serving.state.user_state import UserState


class Ranks(msgspec.Struct):
    """Mean ranks of the wanted film, from 1: after the statement, and after the answer where there was a question."""

    n: int
    asked: int
    without: float
    with_question: float


class Asked(msgspec.Struct):
    """Unambiguous statements, and how many were followed by a question."""

    n: int
    asked: int


class Figures(msgspec.Struct):
    """What was measured."""

    ambiguous: Ranks
    by_language: dict[str, Ranks]
    by_kind: dict[str, Ranks]
    unambiguous: dict[str, Asked]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The ranks of one need."""

    need: Need
    asked: bool
    without: float
    after: float


class Dialogue:
    """A newcomer writes, is asked perhaps, and answers."""

    def __init__(self, shop: OpenShop) -> None:
        self._shop = shop

    def play(self, need: Need) -> Outcome:
        """One need."""
        asked = self.asked(need.text)
        without = self._rank([need.text], need.wanted)
        if asked is None:
            return Outcome(need, asked=False, without=without, after=without)
        return Outcome(need, True, without, self._rank([need.text, self._answer(need, asked)], need.wanted))

    def asked(self, text: str) -> Doubt | None:
        """What is asked after a statement."""
        return doubt(self._points([text]), self._shop.catalogue)

    def _answer(self, need: Need, asked: Doubt) -> str:
        item = self._shop.catalogue.about(need.wanted)
        has = item.facets.get(asked.facet, []) if item is not None else []
        known = [value for value in asked.values if value in ([has] if isinstance(has, str) else has)]
        return known[0] if known else turned_down(asked.values, need.language)

    def _rank(self, texts: Sequence[str], wanted: str) -> float:
        """Mid-rank on ties."""
        points, row = self._points(texts), self._shop.catalogue.find(wanted)
        if row is None:
            raise TypeError("this is a bug: the film was drawn from the catalogue")
        return float((points > points[row]).sum() + ((points == points[row]).sum() + 1) / 2)

    def _points(self, texts: Sequence[str]) -> Floats:
        state = UserState()
        for number, text in enumerate(texts):
            self._shop.hear(state, text, number)
        return self._shop.ranker.points(state)


def figures_of(shop: OpenShop) -> Figures:
    """Play all needs, and all unambiguous statements."""
    dialogue = Dialogue(shop)
    played = [dialogue.play(need) for need in needs(shop.shop.items)]
    clear: dict[str, Asked] = {}
    for statement in statements():
        if statement.shop == "films":
            counted = clear.setdefault(statement.language, Asked(0, 0))
            counted.n += 1
            counted.asked += dialogue.asked(statement.text) is not None
    return Figures(
        _ranks(played),
        {each: _ranks([one for one in played if one.need.language == each]) for each in LANGUAGES},
        {each: _ranks([one for one in played if one.need.kind == each]) for each in ("genres", "open", "country")},
        clear,
    )


def _ranks(played: Sequence[Outcome]) -> Ranks:
    return Ranks(
        n=len(played),
        asked=sum(each.asked for each in played),
        without=round(float(np.mean([each.without for each in played])), 2),
        with_question=round(float(np.mean([each.after for each in played])), 2),
    )


@click.command(epilog="Example: python -m benchmarks.conversation --json conversation.json")
@click.option("--model", type=click.Path(path_type=Path), default=Path(".cache/models/default"), show_default=True)
@click.option(
    "--cache", type=click.Path(path_type=Path), default=Path(".cache/quality"), help="Where vectors are kept."
)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there, too.")
def main(model: Path, cache: Path, file: Path | None) -> None:
    """Measure what a clarifying question is worth, by language and kind of need."""
    figures = figures_of(OpenShop(shops()["films"], load_encoder(model, "cpu"), cache))
    groups = {"all": figures.ambiguous, **figures.by_language, **figures.by_kind}
    for name, ranks in groups.items():
        told = f"mean rank {ranks.without:6.2f} without, {ranks.with_question:6.2f} with"
        click.echo(f"{name:8} {ranks.n:4} needs, {ranks.asked:4} asked: {told}")
    for language, counted in figures.unambiguous.items():
        click.echo(f"{language:8} {counted.n:4} clear statements, {counted.asked:4} asked")
    if file is not None:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")


if __name__ == "__main__":
    main()
