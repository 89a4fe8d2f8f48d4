"""The table, for people and as lines of text."""

from collections.abc import Iterable, Sequence
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.faults.runs import FaultRun
from tests.faults.table import KINDS


def print_table(runs: Sequence[FaultRun]) -> None:
    """One line a kind and broker."""
    table = Table()
    for name in ("fault", "broker"):
        table.add_column(name)
    for name in ("runs", "messages", "recovery, median", "most", "lost", "twice"):
        table.add_column(name, justify="right")
    for title, broker, these in grouped(runs):
        recovery = [run.recovery_s for run in these]
        figures = [len(these), sum(run.messages for run in these)]
        table.add_row(
            escape(title),
            broker,
            *(f"{each:,}" for each in figures),
            f"{median(recovery):.1f} s",
            f"{max(recovery):.1f} s",
            str(sum(run.lost for run in these)),
            str(sum(run.twice for run in these)),
        )
    Console(width=None if Console().is_terminal else 120).print(table)


def grouped(runs: Sequence[FaultRun]) -> Iterable[tuple[str, str, list[FaultRun]]]:
    """The runs by kind, in the table's order, and broker."""
    for kind in KINDS:
        for broker in ("Kafka", "embedded"):
            these = [run for run in runs if (run.kind, run.broker) == (kind.name, broker)]
            if these:
                yield kind.title, broker, these


def last_line(runs: Sequence[FaultRun]) -> str:
    """What scripts read."""
    kinds = len({run.kind for run in runs})
    lost, twice = sum(run.lost for run in runs), sum(run.twice for run in runs)
    return f"faults: {kinds} kinds, {len(runs)} runs, {lost} lost, {twice} counted twice"
