"""What the demo prints: lists side by side, answers to statements, the summary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import rich.console
from rich.table import Table
from rich.text import Text

from penchant.messages import Item, ListItem, RecommendationList
from serving.ranking.ranker import TOP
from serving.terminal import printing
from serving.terminal.printing import theirs

__all__ = ()

_PLAIN_WIDTH = 118


@dataclass(frozen=True, slots=True)
class DemoPrinter:
    """Prints lists of items that `items` describes."""

    console: rich.console.Console
    items: Mapping[str, Item]

    def side_by_side(
        self, user: str, before: tuple[str, RecommendationList], after: tuple[str, RecommendationList]
    ) -> None:
        """Two lists of one user, each under its heading."""
        table = Table(title=theirs(f"User {user}"), title_justify="left")
        table.add_column("#", justify="right")
        table.add_column(before[0], overflow="fold", ratio=1)
        table.add_column(after[0], overflow="fold", ratio=1)
        pairs = zip(before[1].items[:TOP], after[1].items[:TOP], strict=False)
        for rank, (first, last) in enumerate(pairs, start=1):
            table.add_row(str(rank), self._short(first), self._short(last))
        self.console.print(table)

    def answer(self, text: str, made: RecommendationList, milliseconds: float) -> None:
        """The list that answers a statement, with genres and reasons."""
        table = Table(title=theirs(f"“{text}” → {milliseconds:.0f} ms"), title_justify="left")
        table.add_column("#", justify="right")
        table.add_column("title", overflow="fold", ratio=4)
        table.add_column("genres", overflow="fold", ratio=3)
        table.add_column("why", overflow="fold", ratio=5)
        for rank, item in enumerate(made.items[:TOP], start=1):
            why = "; ".join(f"{reason.words} ({reason.share:.0%})" for reason in item.reasons)
            table.add_row(str(rank), theirs(self._title(item)), theirs(", ".join(self.genres(item))), theirs(why))
        self.console.print(table)

    def genres(self, item: ListItem) -> list[str]:
        """The genres of a list's entry."""
        genres = self.items[item.item_id].facets.get("genre", [])
        return [genres] if isinstance(genres, str) else genres

    def _title(self, item: ListItem) -> str:
        return self.items[item.item_id].title

    def _short(self, item: ListItem) -> Text:
        return Text.assemble(theirs(self._title(item)), " ", theirs(", ".join(self.genres(item)), "dim"))


def console(*, err: bool = False) -> printing.Console:
    """Where the demo prints: as wide as the terminal, or wide enough for its tables in a file."""
    terminal = printing.console(err=err)
    return terminal if terminal.is_terminal else printing.console(err=err, width=_PLAIN_WIDTH)


def table_of(title: str, rows: Sequence[tuple[str, str]]) -> Table:
    """A table of two columns: what, and how much."""
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column("what")
    table.add_column("how much", justify="right")
    for what, how_much in rows:
        table.add_row(what, how_much)
    return table
