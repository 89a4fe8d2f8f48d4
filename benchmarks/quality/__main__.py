"""The quality of lists, prequentially: every positive event is looked for in the scores before it, then learned.

python -m benchmarks.quality cases --items F --cases F --split test
python -m benchmarks.quality stream --items F --events F --positive "rating>=4"
"""

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress, track

from benchmarks.baselines.all import baselines
from benchmarks.quality.lag import NEVER, pairs_of
from benchmarks.quality.lag import lag as lag_of
from benchmarks.quality.measures import report
from benchmarks.quality.methods import Method
from benchmarks.quality.protocol import Candidates, of_cases, of_events
from benchmarks.quality.run import Run
from benchmarks.quality.sets import Item, positive_by, read_cases, read_events, read_items
from benchmarks.quality.system import Penchant
from benchmarks.quality.tables import show
from benchmarks.quality.vectors import catalogue_of
from serving.catalogue import Catalogue
from serving.encoder import load_encoder
from stream.weights import load_weights

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def main() -> None:
    """Measure how good the lists are, beside plain baselines in the same run."""


def common(command: Any) -> Any:
    """The options of both commands."""
    for option in (
        click.option("--items", "items_file", type=FILE, required=True, help="items.jsonl.gz"),
        click.option("--model", type=click.Path(path_type=Path), default=Path(".cache/models/default"), help="Folder."),
        click.option("--published", is_flag=True, help="Lists as they stand on the topic: made after the last event."),
        click.option("--only", is_flag=True, help="Without the baselines."),
        click.option("--limit", type=click.IntRange(1), help="Only so many cases or events, the first ones."),
        click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures here, too."),
    ):
        command = option(command)
    return command


@main.command(epilog="Example: python -m benchmarks.quality cases --items items.jsonl.gz --cases cases.jsonl.gz")
@common
@click.option("--cases", "cases_file", type=FILE, required=True, help="cases.jsonl.gz")
@click.option("--split", type=click.Choice(["valid", "test"]), default="test", show_default=True)
def cases(items_file: Path, cases_file: Path, split: str, model: Path, **options: Any) -> None:
    """Next-item cases: all items are ranked, the history among them."""
    items = read_items(items_file)
    found = read_cases(cases_file, {item.item_id: row for row, item in enumerate(items)})[: options["limit"]]
    if split == "valid":  # the first half of valid is learned from, the other is measured
        valid = [case for case in found if not case.test]
        middle = len(valid) // 2
        found = [
            type(case)(case.seq, place >= middle, case.user, case.history, case.row) for place, case in enumerate(valid)
        ]
    steps = list(of_cases(found))
    told = {"protocol": "cases", "split": split, "cases": str(cases_file)}
    _measure(items, steps, model, repeats=True, told=told, **options)


@main.command(epilog="Example: python -m benchmarks.quality stream --items I --events E --positive 'rating>=4'")
@common
@click.option("--events", "events_file", type=FILE, required=True, help="events.jsonl.gz")
@click.option("--positive", metavar="RULE", help="FIELD=VALUE[,VALUE] or FIELD>=NUMBER; default: every event.")
@click.option("--candidates", default="all", show_default=True, help="all, since:items or window:DAYS")
@click.option("--repeats", is_flag=True, help="A user's earlier items are candidates and targets, too.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the order of events at the same time.")
def stream(items_file: Path, events_file: Path, model: Path, **options: Any) -> None:
    """A stream of events, the last half measured."""
    items = read_items(items_file)
    try:
        positive = positive_by(options["positive"])
        candidates = Candidates(options["candidates"], items)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    rows = {item.item_id: row for row, item in enumerate(items)}
    events = read_events(events_file, rows, positive, load_weights(), options["seed"])[: options["limit"]]
    steps = of_events(events, candidates, repeats=options["repeats"])
    names = ("positive", "candidates", "repeats", "seed")
    told = {"protocol": "stream", "events": str(events_file), **{name: options.pop(name) for name in names}}
    _measure(items, steps, model, repeats=told["repeats"], told=told, total=len(events), **options)


@main.command(epilog="Example: python -m benchmarks.quality lag --items I --events E --positive 'rating>=4'")
@common
@click.option("--events", "events_file", type=FILE, required=True, help="events.jsonl.gz")
@click.option("--positive", metavar="RULE", help="As for `stream`.")
@click.option("--pairs", default=100, show_default=True, type=click.IntRange(1), help="Of users, drawn by --seed.")
@click.option("--seed", type=int, default=0, show_default=True)
def lag(items_file: Path, events_file: Path, model: Path, **options: Any) -> None:
    """Adaptation lag: how fast lists follow a new interest, after the first half of the events was learned."""
    items = read_items(items_file)
    rows = {item.item_id: row for row, item in enumerate(items)}
    positive = positive_by(options["positive"])
    events = read_events(events_file, rows, positive, load_weights(), options["seed"])[: options["limit"]]
    genres = [frozenset(map(str, item.facets.get("genre", ()))) for item in items]
    pairs = pairs_of(events[len(events) // 2 :], genres, options["pairs"], options["seed"])
    if not pairs:
        raise click.UsageError("no two users with 20 positive events and different main genres: items need genres")
    catalogue = catalogue_of(items, load_encoder(model), Path(".cache/quality"))
    penchant = Penchant(catalogue, repeats=False)
    methods: list[Method] = [
        penchant,
        *([] if options["only"] else beside(items, catalogue)),
    ]
    for step in track(list(of_events(events[: len(events) // 2], Candidates("all", items), repeats=False))):
        for method in methods:
            method.learn(step)
    methods[0] = penchant.frozen()
    found: dict[str, list[int]] = {}
    for method in methods:
        joined = enumerate(track(pairs, method.name))
        found[method.name] = [lag_of(method, method.settings[0], f"pair {n}", pair, genres) for n, pair in joined]
    for name, lags in found.items():
        click.echo(f"{name:24s} median {np.median(lags):4.1f}   never within 20: {sum(each == NEVER for each in lags)}")
    if options["file"] is not None:
        medians = {name: {"median_lag": float(np.median(lags)), "lags": lags} for name, lags in found.items()}
        options["file"].write_text(json.dumps({"pairs": len(pairs), "methods": medians}) + "\n", encoding="utf-8")


def beside(items: Sequence[Item], catalogue: Catalogue) -> list[Method]:
    """The baselines of a set."""
    return baselines([item.title or item.text for item in items], catalogue.vectors[: len(items)])


def _measure(
    items: list[Item], steps: Any, model: Path, *, repeats: bool, told: Mapping[str, Any], **options: Any
) -> None:
    encoder = load_encoder(model)
    catalogue = catalogue_of(items, encoder, Path(".cache/quality"))
    penchant = Penchant(catalogue, repeats=repeats, published=options["published"])
    run = Run(
        penchant,
        [] if options["only"] else beside(items, catalogue),
    )
    total = options.get("total") or len(steps)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("events", total=total)
        run.over(steps, lambda: progress.advance(task))
    about = {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": _cpu(),
        "model": encoder.fingerprint,
        "items": len(items),
        **told,
        "published": options["published"],
        "settings": {tuned.name: tuned.setting for tuned in run.methods},
    }
    figures = report(run.steps, run.lists, {tuned.name: tuned.us() for tuned in run.methods})
    show(figures, about)
    if options["file"] is not None:
        options["file"].write_text(json.dumps({**about, **figures}) + "\n", encoding="utf-8")


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


if __name__ == "__main__":
    main()
