"""What 1, 10 and 100 false users move, kind by kind, without the caps on users' influence and with them.

python -m benchmarks.abuse [--json FILE]
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import click
import msgspec

from benchmarks.abuse.moved import FARMS, Figures, Size, measure
from benchmarks.machine import describe

_CAPS = {"before": False, "after": True}


@click.command(epilog="Example: python -m benchmarks.abuse --json abuse.json")
@click.option("--users", type=click.IntRange(100), default=10_000, show_default=True, help="Beside the false ones.")
@click.option("--items", type=click.IntRange(100), default=1_000, show_default=True)
@click.option("--each", type=click.IntRange(1), default=50, show_default=True, help="Events of a false user.")
@click.option("--measured", type=click.IntRange(1), default=400, show_default=True, help="Users whose lists are read.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there, too.")
def main(users: int, items: int, each: int, measured: int, seed: int, file: Path | None) -> None:
    """Measure what false users move on the lists of others: before the caps, and after."""
    size, machine = Size(items, users, each, measured, seed), describe()
    with ProcessPoolExecutor(len(_CAPS), multiprocessing.get_context("spawn")) as processes:
        told = dict(zip(_CAPS, processes.map(partial(measure, size), _CAPS.values()), strict=True))
    click.echo(f"{users:,} users, {told['after'].events:,} events, {items:,} items; {each} events of each false user")
    click.echo("hit rate without an attack: " + ", ".join(f"{name} {each.hit_rate:.3f}" for name, each in told.items()))
    click.echo(f"{'':24}" + "".join(f"{name:^40}" for name in told))
    columns = f"{'places':>9}{'worst':>7}{'first 10':>10}{'lost':>8}{'':6}"
    click.echo(f"{'attack':12}{'false users':>12}" + columns * len(told))
    for kind in told["after"].attacks:
        for false in FARMS:
            click.echo(f"{kind:12}{false:12}" + "".join(_columns(each.attacks[kind][false]) for each in told.values()))
    if file is not None:
        written = {"machine": machine, **msgspec.to_builtins(size), **msgspec.to_builtins(told, str_keys=True)}
        file.write_bytes(msgspec.json.format(msgspec.json.encode(written)) + b"\n")


def _columns(moved: Figures) -> str:
    return f"{moved.places:9.0f}{moved.worst:7}{100 * moved.in_top:9.0f}%{100 * moved.lost:7.1f}%{'':6}"


if __name__ == "__main__":
    main()
