"""Tuned settings as files and words: an experiment that a worker runs, a table for people."""

from collections.abc import Iterator, Mapping

from rich.table import Table

from evaluation.tuning.comparison import BETTER, Accuracy
from evaluation.tuning.grid import HALF_LIFE, Choice
from evaluation.tuning.tune import Tuned
from serving.terminal.printing import console


def experiment_of(changed: Mapping[str, float]) -> str:
    """Default against tuned, for half of the users each, as PENCHANT_EXPERIMENT reads it.

    Empty if there is nothing to vary: the half-life of the states is one for everybody, so it is no variant.
    """
    ranking = Choice(changed).ranking
    return "\n".join(_lines(ranking, changed.get(HALF_LIFE))) + "\n" if ranking else ""


def _lines(ranking: Mapping[str, float], half_life_days: float | None) -> Iterator[str]:
    yield "# Made by `penchant tune`: the default against what was found better, for half of the users each."
    if half_life_days is not None:
        yield f"# It was found with PENCHANT_HALF_LIFE_DAYS={half_life_days:g}, which is for everybody."
    settings = ", ".join(f"{name} = {value:g}" for name, value in ranking.items())
    yield from ('name = "tuned"', "", "[[variant]]", 'name = "default"', "share = 0.5", "")
    yield from ("[[variant]]", 'name = "tuned"', "share = 0.5", f"settings = {{ {settings} }}")


def print_tuned(tuned: Tuned) -> None:
    """The trials, and what the held-back part says."""
    out = console()
    out.print("Chosen on the middle of the log:")
    table = _table()
    for trial in tuned.trials:
        best = "  ←" if trial.changed == tuned.changed else ""
        table.add_row(_words(trial.changed) + best, *_numbers(trial.reached))
    out.print(table)
    judged = tuned.judged
    out.print(f"Judged on its last quarter, {judged.events:,} events of {judged.users:,} users:")
    table = _table()
    table.add_row("default", *_numbers(judged.default))
    if tuned.changed:
        table.add_row(_words(tuned.changed), *_numbers(judged.tuned))
        table.add_row("difference, 95 %", _between(judged.ndcg_difference), _between(judged.hr_difference))
    out.print(table)
    out.print(f"{_words(tuned.changed)}: {tuned.verdict}" if tuned.changed else "nothing tried was better: default")
    if tuned.verdict == BETTER and HALF_LIFE in tuned.changed:
        out.print(f"PENCHANT_HALF_LIFE_DAYS={tuned.changed[HALF_LIFE]:g} belongs to it, and is for everybody")


def _table() -> Table:
    table = Table()
    for column in ("settings", "NDCG@10", "HR@10"):
        table.add_column(column)
    return table


def _words(changed: Mapping[str, float]) -> str:
    return ", ".join(f"{name} = {value:g}" for name, value in changed.items()) or "default"


def _numbers(accuracy: Accuracy) -> tuple[str, str]:
    return f"{accuracy.ndcg:.4f}", f"{accuracy.hr:.4f}"


def _between(interval: tuple[float, float]) -> str:
    return f"{interval[0]:+.4f} to {interval[1]:+.4f}"
