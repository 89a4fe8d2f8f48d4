"""Options that the commands share, and the progress bar."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.local.signals import stopping_signals
from penchant.errors import PenchantError
from serving.terminal.printing import Console, complain, console

_WIDTH = 150
_ITEMS = 10_000
_Command = Callable[..., None]
Bar = Callable[[str, float], None]  # what is under way, and the share of it that is done

_LOAD = (
    click.option("--users", type=click.IntRange(1), default=10_000, show_default=True),
    click.option("--zipf", type=click.FloatRange(0), default=1.0, show_default=True,
                 help="Users and items are drawn by Zipf's law with this exponent."),
    click.option("--reviews", type=click.FloatRange(0, 1), default=0.0, show_default=True,
                 help="Their share of the events; each has a text of its own, of 32 to 64 tokens."),
    click.option("--k", type=click.IntRange(1, 1000), default=20, show_default=True, help="Items on a list."),
    click.option("--kafka", is_flag=True, help="Apache Kafka instead of the embedded broker (Java 17, Maven)."),
)  # fmt: skip

history_option = click.option(
    "--history",
    type=click.IntRange(0),
    default=3000,
    show_default=True,
    help="Events taken in before anything is measured, so that users and items have a past.",
)
json_option = click.option(
    "--json", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures here, too."
)


def load_options(*, several_items: bool = False) -> Callable[[_Command], _Command]:
    """Give a command --items, --users, --zipf, --reviews, --k and --kafka. several_items: --items takes several."""
    many: dict[str, Any] = {"multiple": True, "default": [_ITEMS]} if several_items else {"default": _ITEMS}
    items = click.option("--items", type=click.IntRange(1), show_default=True, help="Of the made catalogue.", **many)

    def decorate(command: _Command) -> _Command:
        for option in reversed((items, *_LOAD)):
            command = option(command)
        return command

    return decorate


def figures_console() -> Console:
    """Where tables go."""
    return console(width=_WIDTH)


@contextmanager
def bar() -> Iterator[Bar]:
    """A bar on standard error, where that is a terminal."""
    err = console(err=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as shown:
        task = shown.add_task("", total=1.0)
        yield lambda what, share: shown.update(task, description=what, completed=share)


def run_command(
    measure: Callable[[Bar], dict[str, Any]], show: Callable[[dict[str, Any]], None], file: Path | None
) -> None:
    """Measure, print, write; stopped by a signal it stops what it started."""
    for number in stopping_signals():
        signal.signal(number, signal.default_int_handler)
    try:
        with bar() as told:
            figures = measure(told)
    except PenchantError as error:
        complain(f"benchmarks: {error}")
        sys.exit(error.exit_code)
    show(figures)
    if file is not None:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=1) + b"\n")
