"""`python -m benchmarks.throughput`: how many events a second are kept up with, beside the naive agent.

    python -m benchmarks.throughput
    python -m benchmarks.throughput --reviews .1
    python -m benchmarks.throughput --workers 1 2 --items 10000 100000

What is sustained is the highest rate of an open loop at which lists do not fall behind more and more. The naive agent
(benchmarks/performance/systems/naive_agent.py) is given the same events on the same machine afterwards.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import click

from benchmarks import machine
from benchmarks.performance.options import Bar, history_option, json_option, load_options, run_command
from benchmarks.performance.shown.figure_tables import show_throughput
from benchmarks.performance.sustained import find_sustained, work_off
from benchmarks.performance.systems.local_system import MeasuredSystem, SystemOptions, running_system
from benchmarks.performance.systems.naive_system import running_naive_agent
from benchmarks.performance.variadic import VariadicCommand
from penchant.errors import Unavailable

BIAS = (
    "Bias: everything runs on one machine, so generator, collector, broker and store take their share of the same "
    "cores; the naive agent does a fraction of the work (no reasons, no guarantees), on one core; a run of seconds "
    "says nothing of what comes after minutes: the embedded broker slows down with every batch that it keeps, so each "
    "rate is tried on a fresh one; stages are the clock's time of a micro-batch, waiting included, by event."
)


@click.command(cls=VariadicCommand, epilog="Example: python -m benchmarks.throughput --reviews .1 --json f.json")
@click.option("--workers", type=click.IntRange(1, 64), multiple=True, default=[1], show_default=True)
@click.option("--seconds", type=click.FloatRange(1), default=6.0, show_default=True, help="Of each rate that is tried.")
@click.option("--warm-up", type=click.FloatRange(0), default=2.0, show_default=True, help="Seconds before each.")
@click.option(
    "--linger-ms",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    help="How long the producer gathers a batch, as librdkafka and Kafka 4 have it by default.",
)
@click.option("--naive/--no-naive", default=True, show_default=True, help="Measure the naive agent, too.")
@history_option
@load_options(several_items=True)
@json_option
def main(file: Path | None, **wanted: Any) -> None:
    """Search for the highest rate of events that is sustained."""
    run_command(lambda bar: measure(wanted, bar), show_throughput, file)


def measure(wanted: dict[str, Any], bar: Bar) -> dict[str, Any]:
    """Each number of workers with each size of catalogue. Returns the figures; the first pair's stand on top."""
    about = {"machine": machine.describe(), **echoed(wanted)}
    naive: dict[int, dict[str, Any] | None] = {}
    runs = []
    for workers, items in product(wanted["workers"], wanted["items"]):
        options = SystemOptions(workers=workers, items=items, k=wanted["k"], kafka=wanted["kafka"])
        figures = {"workers": workers, "items": items, **_penchant(options, wanted, bar)}
        if items not in naive:
            naive[items] = _naive(options, wanted, bar) if wanted["naive"] else None
        runs.append(figures | _beside(figures["penchant"], naive[items]))
    first = runs[0]
    return about | first | ({"runs": runs} if len(runs) > 1 else {}) | {"bias": BIAS}


def echoed(wanted: dict[str, Any]) -> dict[str, Any]:
    """The options as they count, defaults among them, but for those that stand in each run."""
    told = {name: value for name, value in wanted.items() if name not in {"workers", "items", "kafka"}}
    return told | {"broker": "Apache Kafka" if wanted["kafka"] else "embedded"}


def _beside(penchant: dict[str, Any], naive: dict[str, Any] | None) -> dict[str, Any]:
    rates = penchant["events_per_s"], naive["events_per_s"] if naive else None
    return {"naive": naive, "ratio_to_naive": round(rates[0] / rates[1], 2) if rates[0] and rates[1] else None}


def _penchant(options: SystemOptions, wanted: dict[str, Any], bar: Bar) -> dict[str, Any]:
    @contextmanager
    def fresh() -> Iterator[MeasuredSystem]:
        with running_system(options) as system:
            system.fill(lambda share: bar("items", share))
            yield system

    with fresh() as system:
        heap = work_off(system, wanted, bar)
        replay = _replay(system, bar)
    return {"penchant": find_sustained(fresh, heap, wanted, bar), "replay": replay}


def _naive(options: SystemOptions, wanted: dict[str, Any], bar: Bar) -> dict[str, Any]:
    with running_naive_agent(options) as agent:
        heap = work_off(agent, wanted, bar)
    return find_sustained(lambda: running_naive_agent(options), heap, wanted, bar)


def _replay(system: MeasuredSystem, bar: Bar) -> dict[str, Any]:
    """The log of all that was sent, into another prefix, by the command that people use; workers stand idle."""
    bar("replay", 0.0)
    where = system.where
    connections = ["--bootstrap", where.bootstrap, "--redis", where.redis, "--prefix", where.prefix]
    command = [sys.executable, "-m", "deploy.cli", "replay", "--into-prefix", "replayed", "--json", *connections]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    if system.options.fetch_wait_ms is not None:
        environment["PENCHANT_FETCH_WAIT_MS"] = str(system.options.fetch_wait_ms)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise Unavailable(f"the replay ended with {done.returncode}: {done.stderr[-500:]}")
    replayed = json.loads(done.stdout)
    return {name: replayed[name] for name in ("events_per_s", "events", "users", "seconds")}
