"""`python -m benchmarks.peers`: an event taken in and its user's list made anew, beside libraries that learn online.

    python3 -m venv .cache/peers && .cache/peers/bin/pip install rtrec==0.2.7 river==0.26.1
    python -m benchmarks.peers --python .cache/peers/bin/python --json peers.json

The same users, items and events for each, on one core, in processes one after the other; without a broker or a store,
which the others do not have. rtrec brings implicit along.

    python -m benchmarks.peers.over_http.builds
    python -m benchmarks.peers --http --rate 500 --seconds 10 --json peers-http.json

The same beside recommenders that answer over HTTP, Gorse and Serenade, ours as `penchant local` runs it.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.table import Table

from benchmarks import machine
from benchmarks.peers.over_http import comparison
from benchmarks.peers.peer_process import PEERS, Work, measure
from benchmarks.performance.load.workload import drawn, item_id
from benchmarks.performance.options import Bar, figures_console, json_option, run_command
from benchmarks.performance.ranking.warm_ranker import WarmRanker, warm_ranker
from penchant.errors import Misconfigured
from serving.state.user_state import UserState

BIAS = (
    "Bias: the peers' lists come from co-occurrence or factors alone, without texts, reasons, or what is new; ours "
    "without broker and store. Settings are those of the peers' own examples; how good lists are is not compared here."
)
_HERE = Path(__file__).with_name("peer_process.py")
_TIMEOUT_S = 600


class _Penchant:
    """The worker's ranker, with the statistics that it keeps current: every click is folded, counted, and ranked by."""

    def __init__(self, work: Work) -> None:
        self._warm: WarmRanker = warm_ranker(work.items, work.users, 0)
        self._k = work.k
        for user, item in work.history:
            self.update(user, item)
        self._warm.statistics.refit()

    def update(self, user: int, item: int) -> None:
        """See `Peer`."""
        self._warm.click(f"u{user}", item_id(item))

    def list_of(self, user: int) -> list[int]:
        """See `Peer`."""
        ranking = self._warm.ranker.rank(self._warm.states.get(f"u{user}", UserState()), self._k)
        return [int(item.item_id[1:]) for item in ranking.items]


@click.command(epilog="Example: python -m benchmarks.peers --python .cache/peers/bin/python")
@click.option("--python", default=sys.executable, help="An interpreter that has the peers.")
@click.option("--items", type=click.IntRange(100), default=2_000, show_default=True)
@click.option("--users", type=click.IntRange(10), default=1_000, show_default=True)
@click.option("--history", type=click.IntRange(100), default=20_000, show_default=True, help="Events before.")
@click.option("--events", type=click.IntRange(1), default=200, show_default=True, help="Events that are measured.")
@click.option("--k", type=click.IntRange(1), default=10, show_default=True, help="Items on a list.")
@click.option("--http", is_flag=True, help="Beside recommenders that answer over HTTP, instead.")
@click.option("--rate", type=click.FloatRange(1), default=500.0, show_default=True, help="Requests a second, --http.")
@click.option("--seconds", type=click.FloatRange(0.5), default=10.0, show_default=True, help="Of requests, --http.")
@json_option
def main(file: Path | None, **wanted: Any) -> None:
    """Time one event and one list of each."""
    load = {name: wanted.pop(name) for name in ("rate", "seconds")}
    if wanted.pop("http"):
        del wanted["python"]
        run_command(lambda bar: comparison.compared(made(**wanted), load, bar), comparison.show, file)
    else:
        run_command(lambda bar: compare(wanted, bar), show, file)


def compare(wanted: dict[str, Any], bar: Bar) -> dict[str, Any]:
    """The figures of all. Raises Misconfigured if the interpreter has none of the peers."""
    python = wanted.pop("python")
    about = {"machine": machine.describe(), **wanted}
    work = made(**wanted)
    bar("penchant", 0.0)
    figures: dict[str, Any] = {"penchant": measure(_Penchant(work), work)}
    for number, name in enumerate(PEERS, 1):
        bar(name, number / (len(PEERS) + 1))
        if (measured := _ask(python, name, work)) is not None:
            figures[name] = measured
    if len(figures) == 1:
        raise Misconfigured(f"{python} has no {', no '.join(PEERS)}: see `python -m benchmarks.peers --help`")
    return {**about, "methods": figures, "bias": BIAS}


def made(items: int, users: int, history: int, events: int, k: int) -> Work:
    """Users and items by Zipf's law with exponent 1."""
    random = np.random.default_rng(1)
    ranked = random.permutation(items)
    who, what = drawn(random, users, 1.0, history + events), ranked[drawn(random, items, 1.0, history + events)]
    pairs = list(zip(who.tolist(), what.tolist(), strict=True))
    return Work(items, users, k, pairs[:history], pairs[history:])


def _ask(python: str, name: str, work: Work) -> dict[str, Any] | None:
    """None if the interpreter does not have it."""
    given = json.dumps(work._asdict())
    command = [python, str(_HERE), name]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    if "ModuleNotFoundError" in done.stderr or "PackageNotFoundError" in done.stderr:
        return None
    if done.returncode:
        raise Misconfigured(f"{name} ended with {done.returncode}: {done.stderr[-500:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def show(figures: dict[str, Any]) -> None:
    """Print them beside each other."""
    out = figures_console()
    title = (
        f"an event and its list, {figures['items']:,} items, {figures['users']:,} users, {figures['history']:,} before"
    )
    table = Table(title=title, title_justify="left")
    for column in ("", "event µs", "list µs", "lists moved", "events"):
        table.add_column(column, justify="right" if column else "left")
    for name, each in figures["methods"].items():
        table.add_row(
            f"{name} {each.get('version', '')}".strip(),
            f"{each['update_us']:,.0f}",
            f"{each['list_us']:,.0f}",
            f"{each['moved']:.1%}",
            f"{each['events']:,}",
        )
    out.print(table)
    on = figures["machine"]
    out.print(
        f"{on['cpu']}, {on['cores']} cores, load {on['load']}, two million additions in Python {on['python_s']} s"
    )
    out.print(figures["bias"], soft_wrap=True)


if __name__ == "__main__":
    main()
