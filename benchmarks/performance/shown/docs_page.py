"""`python -m benchmarks.performance.shown.docs_page`: the tables of docs/performance.md, from what `make bench` left.

Between `<!-- NAME -->` and `<!-- end -->` stands the table of the file NAME.json, where that is there; the rest stays.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.performance.shown.figure_tables import spread

Figures = Mapping[str, Any]

_PERCENTILES = ("p50", "p90", "p99", "max")
_PLACE = re.compile(r"(<!-- (?!end )(?P<name>[a-z-]+) -->\n).*?(?=<!-- end -->)", re.DOTALL)


@click.command(epilog="Example: python -m benchmarks.performance.shown.docs_page --figures .cache/bench")
@click.option("--figures", type=click.Path(path_type=Path, file_okay=False), default=Path(".cache/bench"))
@click.option("--page", type=click.Path(path_type=Path, exists=True), default=Path("docs/performance.md"))
def main(figures: Path, page: Path) -> None:
    """Write the tables of a page anew."""
    page.write_text(filled(page.read_text("utf-8"), figures), "utf-8")
    if (plot := figures / "sweep.svg").exists():
        shutil.copy(plot, page.parent / "plots" / "latency-sweep.svg")


def filled(page: str, folder: Path) -> str:
    """The page with the tables of the files that are there."""

    def table(place: re.Match[str]) -> str:
        file = folder / f"{place['name']}.json"
        if not file.exists():
            return place[0]
        figures = json.loads(file.read_text("utf-8"))
        lines = [*TABLES[place["name"]](figures), "", f"{_where(figures)}", ""]
        return place[1] + "\n".join(lines)

    return _PLACE.sub(table, page)


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _where(figures: Figures) -> str:
    about = figures["machine"]
    apart = f"{spread(figures['spread_ms'])}. " if "spread_ms" in figures else ""
    return apart + (
        f"{about['cpu'].partition(' (')[0]}, {about['cores']} cores, load {about['load']} before the run, two million "
        f"additions in Python {about['python_s']:.3f} s."
    )


def _latencies(figures: Figures) -> Iterator[str]:
    head = ("events/s", *(f"{name} ms" for name in _PERCENTILES), "reviews p50", "p99", "sent", "received", "moved")
    costs = ("worker", "broker", "store", "generator")
    rows = []
    for run in figures.get("sweep", [figures]):
        rate = run.get("rate") or run["sent"] / figures["seconds"]
        cells = [*_cells(run["event_to_list_ms"], _PERCENTILES), *_cells(run["review_to_list_ms"], ("p50", "p99"))]
        counts = f"{run['sent']:,}", f"{run['received']:,}", f"{run['moved']:.1%}"
        rows.append((f"{rate:,.0f}", *cells, *counts, *(f"{run['cpu_us_per_event'][role]:,.0f}" for role in costs)))
    return _rows((*head, *(f"{role} µs" for role in costs)), rows)


def _throughput(figures: Figures) -> Iterator[str]:
    head = ("workers", "items", "Penchant", "heap", "naive agent", "ratio", "replay", "worker µs", "naive µs")
    rows = []
    for run in figures.get("runs", [figures]):
        penchant, naive = run["penchant"], run["naive"] or {}
        rates = (penchant["events_per_s"], penchant["heap"]["events_per_s"], naive.get("events_per_s"))
        costs = (each.get("cpu_us_per_event", {}).get("worker") for each in (penchant, naive))
        ratio = "–" if run["ratio_to_naive"] is None else f"{run['ratio_to_naive']:.2f}"
        cells = [*map(_number, rates), ratio, _number(run["replay"]["events_per_s"]), *map(_number, costs)]
        rows.append((str(run["workers"]), f"{run['items']:,}", *cells))
    return _rows(head, rows)


def _ranking(figures: Figures) -> Iterator[str]:
    head = ("items", "update µs", "list in a batch of 64 µs", "list alone µs", "recall@10", "bytes an item")
    rows = [
        (
            f"{int(items):,}",
            *(_number(size[name]) for name in ("update_us", "rank_us", "rank_alone_us")),
            f"{size['recall10_vs_exact']:.3f}",
            _number(size["bytes_per_item"]),
        )
        for items, size in figures["sizes"].items()
    ]
    return _rows(head, rows)


def _peers(figures: Figures) -> Iterator[str]:
    rows = [
        (
            f"{name} {each.get('version', '')}".strip(),
            *map(_number, (each["update_us"], each["list_us"])),
            f"{each['moved']:.0%}",
        )
        for name, each in figures["methods"].items()
    ]
    return _rows(("", "event µs", "list µs", "lists moved"), rows)


def _peers_over_http(figures: Figures) -> Iterator[str]:
    head = ("", "requests/s", "p50 ms", "p90 ms", "p99 ms", "errors", "CPU ms", "lists moved", "after p50 ms", "p90 ms")
    rows = []
    for each in figures["methods"].values():
        moved = each["event_to_moved_ms"]
        rows.append(
            (
                f"{each['name']} {each['version']}".strip(),
                _number(each["requests_per_s"]),
                *_cells(each, ("p50_ms", "p90_ms", "p99_ms")),
                f"{each['errors']:,}",
                f"{each['cpu_ms']:.2f}",
                f"{each['moved']:.0%}",
                *("–" if moved[name] is None else f"{moved[name]:,.1f}" for name in ("p50", "p90")),
            )
        )
    yield from _rows(head, rows)
    yield from (f"\n{name} was not measured: {why}" for name, why in figures["missing"].items())


def _soak(figures: Figures) -> Iterator[str]:
    yield from _rows(
        ("minute", *(f"{name} ms" for name in _PERCENTILES)),
        [(str(n), *_cells(minute, _PERCENTILES)) for n, minute in enumerate(figures["minutes"], 1)],
    )
    memory = ", ".join(f"{role} {before:,} → {after:,}" for role, (before, after) in figures["memory_mib"].items())
    yield ""
    yield f"At {figures['rate']:,.0f} of {figures['saturation_events_per_s']:,.0f} events/s; resident MiB: {memory}."


def _cells(found: Figures | None, names: Sequence[str]) -> list[str]:
    return [("–" if found is None else f"{found[name]:,.1f}") for name in names]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


TABLES: Mapping[str, Callable[[Figures], Iterator[str]]] = {
    "latency": _latencies,
    "latency-reviews": _latencies,
    "latency-one": _latencies,
    "latency-kafka": _latencies,
    "latency-half": _latencies,
    "latency-reviews-kafka": _latencies,
    "latency-one-kafka": _latencies,
    "sweep": _latencies,
    "throughput": _throughput,
    "throughput-kafka": _throughput,
    "throughput-reviews": _throughput,
    "throughput-scale": _throughput,
    "ranking": _ranking,
    "peers": _peers,
    "peers-http": _peers_over_http,
    "soak": _soak,
}


if __name__ == "__main__":
    main()
