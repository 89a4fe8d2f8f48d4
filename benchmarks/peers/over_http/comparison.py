"""All of them on the same work, one after the other, and their table."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks import machine
from benchmarks.peers.over_http.builds import program
from benchmarks.peers.over_http.gorse import gorse
from benchmarks.peers.over_http.measuring import moves, reads
from benchmarks.peers.over_http.penchant_served import penchant
from benchmarks.peers.over_http.serenade import serenade
from benchmarks.peers.over_http.server import Server
from benchmarks.peers.peer_process import Work
from benchmarks.performance.options import Bar, figures_console
from penchant.errors import Unavailable

__all__ = ()

BIAS = (
    "Bias: server and load generator share one machine's cores; settings are those of the peers' own examples. Ours "
    "has a broker, a store and a worker beside, whose lists have texts, reasons and what is new; theirs are items "
    "alone. How good lists are is not compared here."
)
_PATIENCE_S = 2.0
_MOVES_S = 25.0
Start = Callable[[], AbstractContextManager[Server]]


def compared(work: Work, wanted: dict[str, Any], bar: Bar) -> dict[str, Any]:
    """The figures of all that are there. wanted: rate, seconds."""
    about = {"machine": machine.describe(), "items": work.items, "users": work.users, "history": len(work.history)}
    figures: dict[str, Any] = {}
    missing: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="penchant-peers-") as folder:
        starts = list(_starts(work, Path(folder)))
        for number, (name, needed, start) in enumerate(starts):
            bar(name, number / len(starts))
            if needed is not None and not needed.exists():
                missing[name] = f"{needed.name} is not built: python -m benchmarks.peers.over_http.builds"
                continue
            try:
                figures[name] = _measured(start, work, wanted)
            except Unavailable as error:
                missing[name] = str(error)
    return {**about, **wanted, "k": work.k, "methods": figures, "missing": missing, "bias": BIAS}


def _starts(work: Work, folder: Path) -> Iterator[tuple[str, Path | None, Start]]:
    """Name, the program that it needs, and how it is started."""
    of_gorse, of_serenade = program("gorse"), program("serenade")
    yield "penchant", None, lambda: penchant(work)
    yield "gorse", of_gorse, lambda: gorse(of_gorse, work, folder / "ahead", at_read=False)
    yield "gorse at read", of_gorse, lambda: gorse(of_gorse, work, folder / "at-read", at_read=True)
    yield "serenade", of_serenade, lambda: serenade(of_serenade, work, folder / "serenade")


def _measured(start: Start, work: Work, wanted: dict[str, Any]) -> dict[str, Any]:
    with start() as server:
        read = reads(server, work, wanted["rate"], wanted["seconds"])
        moved = moves(server, work, _PATIENCE_S, _MOVES_S)
        return {"name": server.name, "version": server.version, "note": server.note, **read, **moved}


def show(figures: dict[str, Any]) -> None:
    """Print them beside each other."""
    out = figures_console()
    title = (
        f"lists over HTTP at {figures['rate']:g} requests/s for {figures['seconds']:g} s, {figures['items']:,} items, "
        f"{figures['users']:,} users, {figures['history']:,} events before"
    )
    table = Table(title=title, title_justify="left")
    columns = ("requests/s", "p50 ms", "p90 ms", "p99 ms", "errors", "CPU ms a request", "moved", "event to it ms p50")
    for column in ("", *columns, "p90"):
        table.add_column(column, justify="right" if column else "left")
    for each in figures["methods"].values():
        moved = each["event_to_moved_ms"]
        table.add_row(
            f"{each['name']} {each['version']}",
            f"{each['requests_per_s']:,.0f}",
            *(f"{each[name]:,.1f}" for name in ("p50_ms", "p90_ms", "p99_ms")),
            f"{each['errors']:,}",
            f"{each['cpu_ms']:.2f}",
            f"{each['moved']:.0%} of {each['events']}",
            *("–" if moved[at] is None else f"{moved[at]:,.1f}" for at in ("p50", "p90")),
        )
    out.print(table)
    for each in figures["methods"].values():
        out.print(f"{each['name']}: {each['note']}.", soft_wrap=True)
    for name, why in figures["missing"].items():
        out.print(f"{name} was not measured: {why}", soft_wrap=True)
    on = figures["machine"]
    out.print(
        f"{on['cpu']}, {on['cores']} cores, load {on['load']}, two million additions in Python {on['python_s']} s"
    )
    out.print(figures["bias"], soft_wrap=True)
