"""`python -m benchmarks.ranking`: what a user's update and list cost, by the size of the catalogue.

    python -m benchmarks.ranking --items 10000 100000 1000000

The ranker is the worker's own, with statistics of as many clicks as `--events`, in a process without broker and store.
"""

import json
import math
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from benchmarks import machine
from benchmarks.performance.options import Bar, json_option, run_command
from benchmarks.performance.shown.figure_tables import show_ranking
from benchmarks.performance.variadic import VariadicCommand
from penchant.errors import Unavailable

BIAS = (
    "Bias: times are of CPU, not of the clock, medians of rounds in one warm process: caches are warmer than in a "
    "worker that does all else between two lists; users come as often as they have events; the "
    "catalogue's vectors are made up; update is a record decoded and encoded and one click folded, without Redis; the "
    "memory of users is taken off by the size of their records."
)


@click.command(cls=VariadicCommand, epilog="Example: python -m benchmarks.ranking --items 10000 100000 1000000")
@click.option("--items", type=click.IntRange(100), multiple=True, default=[10_000, 100_000], show_default=True)
@click.option("--users", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--events", type=click.IntRange(0), default=20_000, show_default=True, help="Clicks before, by Zipf 1.0.")
@click.option("--seconds", type=click.FloatRange(0.1), default=5.0, show_default=True, help="Of timing each figure.")
@click.option("--k", type=click.IntRange(1, 1000), default=20, show_default=True, help="Items on a list.")
@json_option
def main(file: Path | None, **wanted: Any) -> None:
    """Time updates and lists of users over catalogues of several sizes."""
    run_command(lambda bar: measure(wanted, bar), show_ranking, file)


def measure(wanted: dict[str, Any], bar: Bar) -> dict[str, Any]:
    """Each size in a process of its own. growth: by what power of the catalogue a figure grows between two sizes."""
    about = {"machine": machine.describe(), **{name: wanted[name] for name in ("users", "events", "k")}}
    sizes = {}
    for done, items in enumerate(wanted["items"]):
        bar(f"{items:,} items", done / len(wanted["items"]))
        sizes[str(items)] = _one_size(items, wanted)
    return about | {"sizes": sizes, "growth": growth(sizes), "bias": BIAS}


def growth(sizes: dict[str, dict[str, float]]) -> list[dict[str, float]]:
    """0: it does not grow; 1: twice the catalogue takes twice as long.

    >>> growth({"100": {"rank_us": 10.0, "rank_alone_us": 10.0}, "1000": {"rank_us": 100.0, "rank_alone_us": 10.0}})
    [{'from': 100, 'to': 1000, 'rank_us': 1.0, 'rank_alone_us': 0.0}]
    """
    told = []
    for (small, before), (large, after) in pairwise(sizes.items()):
        times = math.log(int(large) / int(small))
        powers = {name: round(math.log(after[name] / before[name]) / times, 2) for name in ("rank_us", "rank_alone_us")}
        told.append({"from": int(small), "to": int(large), **powers})
    return told


def _one_size(items: int, wanted: dict[str, Any]) -> dict[str, float]:
    arguments = [str(each) for each in (items, wanted["users"], wanted["events"], wanted["seconds"], wanted["k"])]
    command = [sys.executable, "-m", "benchmarks.performance.ranking", *arguments]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # as a worker has it
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise Unavailable(f"{items:,} items: the process ended with {done.returncode}: {done.stderr[-500:]}")
    return {name: round(value, 4) for name, value in json.loads(done.stdout).items()}
