"""`python -m benchmarks.capacity`: what a number of users, items and events a second takes, worked out from costs.

    python -m benchmarks.capacity --users 1e8 --items 1e6 --events 1e6
    python -m benchmarks.capacity --costs .cache/bench/throughput-kafka.json --json capacity.json

Arithmetic, not a measurement: costs are those of one run (docs/performance.md), and are taken to grow with what is
asked for alone. Every worker applies every event's item statistics, so of N workers each has

    E/N · worker + E · statistics     microseconds a second, of E events a second

and however many there are, together they do less than `busy / statistics` events a second. From there on item
statistics have to be sharded (docs/capacity.md has the design), and the second term becomes E/N · sharded.
"""

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.table import Table

from benchmarks.performance.options import figures_console, json_option

_BUSY = 0.7  # of a core: the rest is for bursts, rebalances, and whoever died
_SECOND_US = 1_000_000
_GIB = 1024**3
_STORE_CORE_EVENTS = 60_000  # events a second that a Redis takes on a core: 11 µs each at 500/s, less in large batches
_STORE_GIB = 64.0  # of users' records on one Redis node
_BROKER_MIB_S = 100.0  # written by a broker, replicas included: a disk of 300 MB/s with room for readers


class Listed(NamedTuple):
    """What a list takes in a batch, by the size of the catalogue."""

    items: float
    us: float


_LISTS = (Listed(1e4, 648.0), Listed(1e5, 2_069.0), Listed(1e6, 28_231.0))


@dataclass(frozen=True)
class Costs:
    """Of one event, user or item, as measured; CPU in microseconds, sizes in bytes.

    worker: all that a worker does for an event of its own but item statistics, with `_LISTS[0].items`; a list of more
    items takes longer, as measured (`_LISTS`). statistics: of anybody's event.
    sharded: of an event whose item statistics stand elsewhere: rows that changed, read once a second. event, list,
    covisit: of a message. user: of a record in Redis. vector: of an item in each worker, with its rows of co-visits.
    """

    worker: float = 560.0
    statistics: float = 65.0
    sharded: float = 40.0
    broker: float = 64.0
    event: float = 150.0
    list: float = 4_400.0
    covisit: float = 900.0
    user: float = 2_500.0
    vector: float = 3_990.0


@dataclass(frozen=True)
class Load:
    """What is asked for. events: a second, of which each causes a list."""

    users: float
    items: float
    events: float
    replicas: int = 3


@click.command(epilog="Example: python -m benchmarks.capacity --users 1e8 --events 1e6")
@click.option("--users", type=click.FloatRange(1), default=1e8, show_default=True)
@click.option("--items", type=click.FloatRange(1), default=1e6, show_default=True)
@click.option("--events", type=click.FloatRange(1), default=1e6, show_default=True, help="A second.")
@click.option("--replicas", type=click.IntRange(1), default=3, show_default=True, help="Of each topic.")
@click.option(
    "--costs",
    "measured",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Take an event's costs from a file of `benchmarks.throughput --json`.",
)
@json_option
def main(file: Path | None, measured: Path | None, **wanted: Any) -> None:
    """Work out how many workers, brokers and stores it takes, and what breaks first."""
    costs, load = Costs() if measured is None else costs_of(json.loads(measured.read_text())), Load(**wanted)
    figures = {"load": asdict(load), "costs": asdict(costs), **worked_out(load, costs)}
    show(figures)
    if file is not None:
        file.write_text(json.dumps(figures, indent=2) + "\n")


def costs_of(run: dict[str, Any]) -> Costs:
    """With the CPU of an event as `benchmarks.throughput` measured it, on one worker."""
    cpu = run["penchant"]["cpu_us_per_event"] or run["penchant"]["heap"]["cpu_us_per_event"]
    stages = run["penchant"]["us_per_event"]
    shared = stages.get("statistics", 0.0) + stages.get("blend", 0.0)
    statistics = stages.get("statistics", Costs.statistics)
    return replace(Costs(), worker=cpu["worker"] - shared, statistics=statistics, broker=cpu["broker"])


def worked_out(load: Load, costs: Costs) -> dict[str, Any]:
    """What it takes, with item statistics in every worker (None where no number of workers will do) and sharded."""
    own = costs.worker + list_us(load.items) - _LISTS[0].us
    written = load.events * (costs.event + costs.list + costs.covisit) * load.replicas
    return {
        "most_events_per_s_unsharded": _BUSY * _SECOND_US / costs.statistics,
        "workers_unsharded": workers(load.events, own, costs.statistics),
        "workers_sharded": workers(load.events, own + costs.sharded, 0.0),
        "workers_sharded_with_candidates": workers(load.events, costs.worker + costs.sharded, 0.0),
        "list_us": list_us(load.items),
        "statistics_shards": math.ceil(load.events * costs.statistics / (_BUSY * _SECOND_US)),
        "covisits_mib_s_for_each_worker": load.events * costs.covisit / 1024**2,
        "item_gib_in_each_worker": load.items * costs.vector / _GIB,
        "broker_cores": math.ceil(load.events * costs.broker / (_BUSY * _SECOND_US)),
        "brokers": math.ceil(max(written / 1024**2 / _BROKER_MIB_S, load.replicas)),
        "written_mib_s": written / 1024**2,
        "store_gib": load.users * costs.user / _GIB,
        "stores": math.ceil(max(load.users * costs.user / _GIB / _STORE_GIB, load.events / _STORE_CORE_EVENTS)),
        "lists_gib": load.users * costs.list * load.replicas / _GIB,
    }


def list_us(items: float) -> float:
    """Microseconds of a list over so many items, between what was measured and beyond it by the power of its growth.

    >>> round(list_us(1e4)), round(list_us(1e5)), round(list_us(1e3))
    (648, 2069, 648)
    """
    points = _LISTS[:2] if items <= _LISTS[1].items else _LISTS[1:]
    (few, low_us), (many, high_us) = points
    growth = math.log(high_us / low_us) / math.log(many / few)
    return float(low_us * max(items / few, 1.0) ** growth)


def workers(events: float, own_us: float, everybodys_us: float) -> int | None:
    """How many cores of workers keep up, each busy for `_BUSY`; None if no number does.

    >>> workers(1_000, 600.0, 60.0), workers(10_000, 600.0, 60.0), workers(1_000_000, 600.0, 60.0)
    (1, 60, None)
    """
    left = _BUSY * _SECOND_US - events * everybodys_us
    return math.ceil(events * own_us / left) if left > 0 else None


def show(figures: dict[str, Any]) -> None:
    """Print what it takes, largest doubt first."""
    load, out = figures["load"], figures_console()
    title = f"{load['users']:,.0f} users, {load['items']:,.0f} items, {load['events']:,.0f} events/s"
    table = Table(title=title, title_justify="left")
    table.add_column("what")
    table.add_column("how many", justify="right")
    unsharded, sharded = figures["workers_unsharded"], figures["workers_sharded"]
    by_candidates = figures["workers_sharded_with_candidates"]
    most = figures["most_events_per_s_unsharded"]
    rows = [
        (f"workers, each applying everybody's item statistics (at most {most:,.0f} events/s)", unsharded),
        (f"workers, a core each, item statistics sharded; a list takes {figures['list_us']:,.0f} µs", sharded),
        ("workers, a core each, sharded, lists by candidates as of 10,000 items", by_candidates),
        ("shards of item statistics, a core each", figures["statistics_shards"]),
        ("MiB/s of co-visits that each worker would read, unsharded", figures["covisits_mib_s_for_each_worker"]),
        ("GiB of items in each worker", figures["item_gib_in_each_worker"]),
        ("brokers", figures["brokers"]),
        ("MiB/s written to the log, with its replicas", figures["written_mib_s"]),
        ("nodes of Redis", figures["stores"]),
        ("GiB of users' records", figures["store_gib"]),
        ("GiB of lists on their topic, with its replicas", figures["lists_gib"]),
    ]
    for words, value in rows:
        table.add_row(words, "no number will do" if value is None else f"{value:,.0f}")
    out.print(table)
    out.print("costs: " + ", ".join(f"{each.name} {figures['costs'][each.name]:,.0f}" for each in fields(Costs)))
