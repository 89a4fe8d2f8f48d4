"""What was measured, as tables on the terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from benchmarks.performance.options import figures_console

Figures = Mapping[str, Any]
_PERCENTILES = ("p50", "p90", "p99", "max")


def show_latency(figures: Figures) -> None:
    """Print a run, or a sweep."""
    out = figures_console()
    rows = figures.get("sweep", [figures])
    out.print(_latencies(figures, rows))
    if "minutes" in figures:
        out.print(_minutes(figures["minutes"]))
        memory = ", ".join(f"{role} {before:,} → {after:,}" for role, (before, after) in figures["memory_mib"].items())
        out.print(
            f"saturation {figures['saturation_events_per_s']:,.0f} events/s; resident MiB: {memory}", soft_wrap=True
        )
    for row in rows if len(rows) == 1 else ():
        out.print(_costs(row))
    for line in notes(figures):
        out.print(line, soft_wrap=True)


def _latencies(figures: Figures, rows: Sequence[Figures]) -> Table:
    table = Table(title=f"from an event to its list, {title_of(figures)}", title_justify="left")
    columns = ["events/s", *(f"{each} ms" for each in _PERCENTILES), *(f"reviews {each}" for each in _PERCENTILES[:3])]
    for column in (*columns, "sent", "received", "lists moved", "worker us", "broker us", "store us"):
        table.add_column(column, justify="right")
    for row in rows:
        rate = row.get("rate", figures.get("rate"))
        table.add_row(
            f"{rate:,.0f}" if rate is not None else f"{row['sent'] / figures['seconds']:,.0f}",
            *_cells(row["event_to_list_ms"], _PERCENTILES),
            *_cells(row["review_to_list_ms"], _PERCENTILES[:3]),
            f"{row['sent']:,}",
            f"{row['received']:,}",
            f"{row['moved']:.1%}",
            *(f"{row['cpu_us_per_event'][role]:,.0f}" for role in ("worker", "broker", "store")),
        )
    return table


def show_throughput(figures: Figures) -> None:
    """Print what is sustained, by workers and items, beside the naive agent."""
    out = figures_console()
    broker = figures["broker"] + (" broker" if figures["broker"] == "embedded" else "")
    about = f"{broker}, {figures['users']:,} users, k = {figures['k']}, {figures['reviews']:.0%} reviews"
    title = f"events a second that are sustained, {about}"
    table = Table(title=title, title_justify="left")
    for column in ("workers", "items", "Penchant", "heap", "naive agent", "ratio", "replay", "worker us", "naive us"):
        table.add_column(column, justify="right")
    for run in figures.get("runs", [figures]):
        penchant, naive = run["penchant"], run["naive"] or {}
        table.add_row(
            f"{run['workers']}",
            f"{run['items']:,}",
            _number(penchant["events_per_s"]),
            _number(penchant["heap"]["events_per_s"]),
            _number(naive.get("events_per_s")),
            _number(run["ratio_to_naive"], ".2f"),
            _number(run["replay"]["events_per_s"]),
            _number(penchant["cpu_us_per_event"].get("worker")),
            _number(naive.get("cpu_us_per_event", {}).get("worker")),
        )
    out.print(table)
    for run in figures.get("runs", [figures]):
        stages = sorted(run["penchant"]["us_per_event"].items(), key=lambda pair: -pair[1])
        words = ", ".join(f"{name} {us:,.0f}" for name, us in stages)
        out.print(f"us an event by stage, {run['workers']} worker(s), {run['items']:,} items: {words}", soft_wrap=True)
    out.print("heap: how fast events that wait already are worked off; us: of CPU an event, at the rate sustained")
    for line in notes(figures):
        out.print(line, soft_wrap=True)


def show_ranking(figures: Figures) -> None:
    """Print each size of catalogue."""
    out = figures_console()
    past = f"after {figures['events']:,} clicks of {figures['users']:,} users"
    title = f"microseconds of CPU a user, k = {figures['k']}, {past}"
    table = Table(title=title, title_justify="left")
    columns = ("items", "update", "list in a batch of 64", "list alone", "recall@10", "bytes an item", "statistics")
    for column in columns:
        table.add_column(column, justify="right")
    for items, size in figures["sizes"].items():
        table.add_row(
            f"{int(items):,}",
            *(f"{size[name]:,.0f}" for name in ("update_us", "rank_us", "rank_alone_us")),
            f"{size['recall10_vs_exact']:.4f}",
            *(f"{size[name]:,.0f}" for name in ("bytes_per_item", "statistics_us")),
        )
    out.print(table)
    for step in figures["growth"]:
        out.print(
            f"from {step['from']:,} to {step['to']:,} items a list grows by the power {step['rank_us']:.2f} of the "
            f"catalogue in a batch, {step['rank_alone_us']:.2f} alone",
            soft_wrap=True,
        )
    for line in notes(figures):
        out.print(line, soft_wrap=True)


def title_of(figures: Figures) -> str:
    """What was run, in words."""
    loop = f"{figures['in_flight']} in flight" if figures.get("in_flight") else "open loop"
    broker = figures["broker"] + (" broker" if figures["broker"] == "embedded" else "")
    workers = f"{figures['workers']} worker" + ("s" if figures["workers"] > 1 else "")
    return (
        f"{loop}, {broker}, {workers}, {figures['items']:,} items, {figures['users']:,} users, k = {figures['k']}, "
        f"{figures['reviews']:.0%} reviews"
    )


def _minutes(minutes: Sequence[Figures]) -> Table:
    table = Table(title="by minute", title_justify="left")
    for column in ("minute", *(f"{each} ms" for each in _PERCENTILES)):
        table.add_column(column, justify="right")
    for number, minute in enumerate(minutes, 1):
        table.add_row(str(number), *_cells(minute, _PERCENTILES))
    return table


def _costs(row: Figures) -> Table:
    table = Table(title="microseconds an event", title_justify="left")
    table.add_column("CPU of")
    table.add_column("us", justify="right")
    table.add_column("stage of the worker")
    table.add_column("us", justify="right")
    cpu = list(row["cpu_us_per_event"].items())
    stages = sorted(row["stage_us_per_event"].items(), key=lambda pair: -pair[1])
    for n in range(max(len(cpu), len(stages))):
        pairs = (some[n] if n < len(some) else None for some in (cpu, stages))
        table.add_row(*(cell for pair in pairs for cell in ((pair[0], f"{pair[1]:,.0f}") if pair else ("", ""))))
    return table


def notes(figures: Figures) -> Iterable[str]:
    """What the tables alone do not say."""
    if "spread_ms" in figures:
        yield spread(figures["spread_ms"])
    about = figures["machine"]
    yield (
        f"{about['cpu']}, {about['cores']} cores, load {about['load']} before the run, two million additions in Python "
        f"{about['python_s']:.3f} s"
    )
    yield figures["bias"]


def spread(runs: Figures) -> str:
    """How far runs one after another lie apart, by the percentiles of each.

    >>> spread({"p50": [7.25, 7.0, 9.0], "p90": [12.0, 11.0, 14.0], "p99": [20.0, 19.0, 30.0]})
    '3 runs, of which the table has the median one: p50 7.0 to 9.0, p90 11.0 to 14.0, p99 19.0 to 30.0 ms'
    """
    ranges = (f"{name} {min(runs[name]):,.1f} to {max(runs[name]):,.1f}" for name in _PERCENTILES[:3])
    return f"{len(runs['p50'])} runs, of which the table has the median one: {', '.join(ranges)} ms"


def _number(value: float | None, form: str = ",.0f") -> str:
    return "–" if value is None else format(value, form)


def _cells(found: Figures | None, names: Sequence[str]) -> list[str]:
    return [("–" if found is None else f"{found[name]:,.1f}") for name in names]
