"""What a run has found, as tables on the terminal."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.quality.report import SLICES

_WIDTH = 150
ACCURACY = ("hr@5", "hr@10", "ndcg@5", "ndcg@10", "mrr@10", "coverage@10")
CHARACTER = ("coverage@10", "novelty@10", "diversity@10", "gini@10", "long_tail@10")


def show_windows(windows: Mapping[str, Any]) -> None:
    """Print how right the first lists of a system are, by how many events it has seen."""
    console = Console(width=_WIDTH)
    measured = {window: found for window, found in windows.items() if found["n"]}
    columns = tuple(f"{window} (n {found['n']:,})" for window, found in measured.items())
    for measure in ("hr@10", "ndcg@10"):
        table = {
            name: [f"{found['methods'][name][measure]:.4f}" for found in measured.values()]
            for name in windows["1-100"]["methods"]
        }
        _show(console, measure, columns, table, table.__getitem__)


def show_made_up(streams: Sequence[Mapping[str, Any]]) -> None:
    """Print how right lists are beside the signal that is right, once the rule has held for a while."""
    table = {
        (each["rule"] if each["after"] is None else f"{each['after']}, then {each['rule']}"): [
            f"{each['n']:,}",
            *(f"{each[column]:.3f}" for column in ("signal", "penchant", "ratio")),
        ]
        for each in streams
    }
    _show(Console(width=_WIDTH), "hr@10", ("n", "the signal alone", "penchant", "ratio"), table, table.__getitem__)


def show(figures: Mapping[str, Any]) -> None:
    """Print how right the lists are, in slices too, what they are like beside, and what was left out."""
    console = Console(width=_WIDTH)
    methods, slices = figures["methods"], figures["slices"]
    title = f"n = {figures['n']:,}, {figures['items']:,} items, {figures['cpu']}; slices show hr@10"
    _show(
        console,
        title,
        (*ACCURACY, *SLICES),
        methods,
        lambda name: [
            *(f"{methods[name][column]:.4f}" for column in ACCURACY),
            *(f"{slices[each]['methods'][name]['hr@10']:.4f}" for each in SLICES),
        ],
    )
    _show(
        console,
        "what the lists are like; processor time in microseconds",
        (*CHARACTER, "us per event", "us per list"),
        methods,
        lambda name: [
            *(f"{methods[name][column]:.4f}" for column in CHARACTER),
            *(f"{methods[name][key]:,.0f}" for key in ("us_per_event", "us_per_list")),
        ],
    )
    low, high = methods["penchant"]["hr@10_interval"]
    console.print(f"penchant hr@10 95 % interval {low:.4f} to {high:.4f}")
    for note in notes(figures):
        console.print(note)


def notes(figures: Mapping[str, Any]) -> list[str]:
    """What a reader must know who sees the tables alone."""
    found = [f"{name} was left out: {why}" for name, why in figures["left_out"].items()]
    if figures["unknown"]:
        found.append(
            f"{figures['unknown']:,} {figures['protocol']} lines were left out: their items are not in the set"
        )
    if figures["measured_every"] > 1:
        found.append(f"one in {figures['measured_every']} of what is looked for was measured: --most 0 measures all")
    if not figures.get("timed", True):
        found.append("the events have no `ts`: they were taken in the file's order")
    return found


def _show(
    console: Console,
    title: str,
    columns: tuple[str, ...],
    methods: Mapping[str, Any],
    cells: Callable[[str], list[str]],
) -> None:
    table = Table(title=title, title_justify="left")
    for column in ("method", *columns):
        table.add_column(column, justify="left" if column == "method" else "right")
    for name in methods:
        table.add_row(name, *cells(name))
    console.print(table)
