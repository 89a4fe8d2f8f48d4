"""The quality of lists, prequentially: every positive event is looked for in the scores before it, then learned.

python -m benchmarks.quality cases --items F --cases F --split test
python -m benchmarks.quality stream --items F --events F --positive "rating>=4"
python -m benchmarks.quality cold --items F --events F --positive "rating>=4"
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import track

from benchmarks.baselines.all import NAMES
from benchmarks.drawing import check_drawing
from benchmarks.quality.cold import cold as cold_windows
from benchmarks.quality.cold import streams_of
from benchmarks.quality.lag import JOINED, lags, pairs_of
from benchmarks.quality.made_up import AFTER, RULES
from benchmarks.quality.made_up import measure as made_up_stream
from benchmarks.quality.methods import Effort, Method
from benchmarks.quality.study import CACHE, Setup, Study, bars, beside, measure
from benchmarks.quality.tables import show, show_made_up, show_windows
from evaluation.prequential.cached_vectors import catalogue_of
from evaluation.prequential.data_sets import (
    DatasetEvent,
    DatasetItem,
    EventLog,
    read_cases,
    read_events,
    read_items,
    rows_of,
)
from evaluation.prequential.offline_system import Penchant
from evaluation.prequential.positives import positive_by
from evaluation.prequential.protocol import CandidateFilter, of_cases, of_events
from evaluation.prequential.set_lines import number
from penchant.errors import Misconfigured, PenchantError
from serving.model.encoder import load_encoder
from stream.events.weights import load_weights

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
_OWN = ("penchant", "penchant_frozen")


class SentenceErrors(click.Group):
    """Commands whose errors are a sentence, not a trace."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run one."""
        try:
            return super().invoke(ctx)
        except PenchantError as error:
            click.echo(f"benchmarks.quality: {error}", err=True)
            sys.exit(error.exit_code)


@click.group(cls=SentenceErrors)
def main() -> None:
    """Measure how good the lists are, beside plain baselines in the same run."""


def _names_of(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    """The baselines that `--methods` names."""
    if value is None:
        return NAMES
    names = {name.strip() for name in value.split(",")} - {""}
    if unknown := names - {*NAMES, *_OWN}:
        raise click.BadParameter(f"{', '.join(sorted(unknown))}: choose among {', '.join((*_OWN, *NAMES))}")
    return tuple(name for name in NAMES if name in names)


def _varieties_of(_: click.Context, __: click.Parameter, value: str | None) -> list[float]:
    """The strengths that `--variety` names."""
    found = [number(part) for part in value.split(",")] if value else []
    wanted = [each for each in found if each is not None and 0.0 <= each <= 1.0]
    if len(wanted) < len(found):
        raise click.BadParameter(f"{value!r}: write numbers from 0 to 1 with commas between them, as 0.1,0.2,0.4")
    return wanted


def _common(command: Any) -> Any:
    """The options of all commands."""
    for option in (
        click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures here, too."),
        click.option("--limit", type=click.IntRange(1), help="Only so many cases or events, the first ones."),
        click.option("--only", is_flag=True, help="Without the baselines."),
        click.option(
            "--methods",
            "names",
            callback=_names_of,
            metavar="A,B,C",
            help=f"Beside Penchant only these of {', '.join(NAMES)}.",
        ),
        click.option(
            "--model",
            type=click.Path(path_type=Path),
            default=Path(".cache/models/default"),
            show_default=True,
            help="Folder of the encoder.",
        ),
        click.option("--items", "items_file", type=FILE, required=True, help="items.jsonl.gz"),
    ):
        command = option(command)
    return command


def _measuring(command: Any) -> Any:
    """The options of commands that measure."""
    for option in (
        click.option(
            "--most",
            type=click.IntRange(0),
            default=30_000,
            show_default=True,
            help="Of more that is looked for only every second, third … is; 0: all.",
        ),
        click.option(
            "--variety",
            "varieties",
            callback=_varieties_of,
            metavar="V,V",
            help="Lists of such PENCHANT_LIST_VARIETY beside.",
        ),
        click.option("--published", is_flag=True, help="Lists as they stand on the topic: made after the last event."),
        click.option("--caps/--no-caps", default=True, show_default=True, help="On one user's influence."),
    ):
        command = option(command)
    return _common(command)


@main.command(epilog="Example: python -m benchmarks.quality cases --items items.jsonl.gz --cases cases.jsonl.gz")
@_measuring
@click.option("--cases", "cases_file", type=FILE, required=True, help="cases.jsonl.gz")
@click.option("--split", type=click.Choice(["valid", "test"]), default="test", show_default=True)
def cases(items_file: Path, cases_file: Path, split: str, **options: Any) -> None:
    """Next-item cases: all items are ranked, the history among them."""
    items = read_items(items_file)
    read = read_cases(cases_file, rows_of(items), split)
    found = read.cases[: options["limit"]]
    steps = list(of_cases(found))
    measured = sum(case.test for case in found)
    study = Study(
        items=items,
        steps=steps,
        total=len(steps),
        repeats=True,
        effort=Effort.of(measured, len(found) - measured, options["most"]),
        told={"protocol": "cases", "split": split, "cases": str(cases_file), "unknown": read.unknown},
    )
    _finish(study, options)


@main.command(epilog="Example: python -m benchmarks.quality stream --items I --events E --positive 'rating>=4'")
@_measuring
@click.option("--events", "events_file", type=FILE, required=True, help="events.jsonl.gz")
@click.option("--positive", metavar="RULE", help="FIELD=VALUE[,VALUE] or FIELD>=NUMBER; default: every event.")
@click.option("--candidates", default="all", show_default=True, help="all, since:items or window:DAYS")
@click.option("--repeats", is_flag=True, help="A user's earlier items are candidates and targets, too.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the order of events at the same time.")
@click.option("--sentiment", is_flag=True, help="Read reviews, too: with their ratings, without, with the head.")
def stream(items_file: Path, events_file: Path, **options: Any) -> None:
    """A stream of events, the last half measured."""
    items = read_items(items_file)
    read = _events(events_file, rows_of(items), options, texts=options["sentiment"])
    events = read.events[: options["limit"]]
    candidates = CandidateFilter(options["candidates"], items, timed=read.timed)
    half = (len(events) + 1) // 2
    measured, before = (sum(event.positive for event in part) for part in (events[half:], events[:half]))
    study = Study(
        items=items,
        steps=of_events(events, candidates, repeats=options["repeats"]),
        total=len(events),
        repeats=options["repeats"],
        effort=Effort.of(measured, before, options["most"]),
        told={
            "protocol": "stream",
            "events": str(events_file),
            **{name: options[name] for name in ("positive", "candidates", "repeats", "seed")},
            "rating_scale": read.scale,
            "timed": read.timed,
            "unknown": read.unknown,
        },
    )
    _finish(study, options, events if options["sentiment"] else ())


@main.command(epilog="Example: python -m benchmarks.quality cold --items I --events E --positive 'rating>=4'")
@_common
@click.option("--events", "events_file", type=FILE, required=True, help="events.jsonl.gz")
@click.option("--positive", metavar="RULE", help="As for `stream`.")
@click.option("--candidates", default="all", show_default=True, help="As for `stream`.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the order of events at the same time.")
def cold(items_file: Path, events_file: Path, model: Path, **options: Any) -> None:
    """The first 3,000 events of a system: ten streams cut from a set, each of which begins with nothing."""
    items = read_items(items_file)
    read = _events(events_file, rows_of(items), options)
    streams = streams_of(read.events[: options["limit"]])
    encoder = load_encoder(model)
    catalogue = catalogue_of(items, encoder, CACHE)
    names = () if options["only"] else options["names"]
    rule = options["candidates"]

    def methods() -> list[Method]:
        catalogue.available[: len(items)] = True
        return [Penchant(catalogue, repeats=False), *beside(items, catalogue, names, 0)]

    filters = [CandidateFilter(rule, items, timed=read.timed) for _ in streams]
    steps = [of_events(own, each, repeats=False) for own, each in zip(streams, filters, strict=True)]
    with bars() as progress:
        task = progress.add_task("events", total=sum(map(len, streams)))
        windows = cold_windows(steps, methods, lambda: progress.advance(task))
    show_windows(windows)
    told = {name: options[name] for name in ("positive", "candidates", "seed")}
    _write({"protocol": "cold", "model": encoder.fingerprint, **told, "windows": windows}, options["file"])


@main.command("made-up", epilog="Example: python -m benchmarks.quality made-up --events-each 4000")
@click.option("--events-each", "each", default=4000, show_default=True, type=click.IntRange(AFTER + 1))
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures here, too.")
def made_up(each: int, seed: int, file: Path | None) -> None:
    """Streams in which one signal alone is right, and streams that change: hit rates beside that signal's."""
    names = list(RULES)
    changes = [[name] for name in names] + [list(pair) for pair in zip(names, names[1:] + names[:1], strict=True)]
    found = []
    for rules in track(changes, "streams", console=Console(stderr=True)):
        last = made_up_stream(rules, each, seed)[-1]
        found.append({**last, "after": rules[0] if len(rules) > 1 else None})
    show_made_up(found)
    _write({"protocol": "made-up", "events_each": each, "from": AFTER, "seed": seed, "streams": found}, file)


@main.command(epilog="Example: python -m benchmarks.quality lag --items I --events E --positive 'rating>=4'")
@_common
@click.option("--events", "events_file", type=FILE, required=True, help="events.jsonl.gz")
@click.option("--positive", metavar="RULE", help="As for `stream`.")
@click.option("--pairs", default=100, show_default=True, type=click.IntRange(1), help="Of users, drawn by --seed.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--joined", default=JOINED, show_default=True, type=click.IntRange(2), help="Events of each user.")
@click.option("--fresh", is_flag=True, help="Nothing was learned before: each pair is the first that a system sees.")
def lag(items_file: Path, events_file: Path, model: Path, **options: Any) -> None:
    """Adaptation lag: how fast lists follow a new interest, after the first half of the events was learned."""
    items = read_items(items_file)
    events = _events(events_file, rows_of(items), options).events[: options["limit"]]
    genres = [frozenset(map(str, item.facets.get("genre") or item.facets.get("category") or ())) for item in items]
    from_on = 0 if options["fresh"] else len(events) // 2
    joined = options["joined"]
    pairs = pairs_of(events[from_on:], genres, options["pairs"], options["seed"], joined)
    if not pairs:
        raise Misconfigured(
            f"no two users with {joined} positive events and different main genres: items need `genres` or `tags`"
        )
    catalogue = catalogue_of(items, load_encoder(model), CACHE)
    names = () if options["only"] else options["names"]

    def fresh() -> list[Method]:
        catalogue.available[: len(items)] = True
        return [Penchant(catalogue, repeats=False), *beside(items, catalogue, names, len(events))]

    methods = [] if options["fresh"] else _after(events[: len(events) // 2], items, fresh())
    by_pair = [
        lags(methods or fresh(), f"pair {n}", pair, genres)
        for n, pair in enumerate(track(pairs, "pairs", console=Console(stderr=True)))
    ]
    told = [method.name for method in methods or fresh()]
    found = {name: list(own) for name, own in zip(told, zip(*by_pair, strict=True), strict=True)}
    click.echo(f"{len(pairs)} pairs")
    for name, own in found.items():
        click.echo(f"{name:24s} median {np.median(own):4.1f}   never within {joined}: {own.count(joined + 1)}")
    medians = {name: {"median_lag": float(np.median(own)), "lags": own} for name, own in found.items()}
    kind = {"protocol": "lag", "fresh": options["fresh"], "joined": joined, "pairs": len(pairs)}
    _write({**kind, "methods": medians}, options["file"])


@main.command(epilog="Example: python -m benchmarks.quality report beer.json lag.json --out quality-report")
@click.argument("files", metavar="RESULTS.json...", nargs=-1, required=True, type=FILE)
@click.option("--out", type=FOLDER, default=Path("quality-report"), show_default=True, help="Where the page goes.")
def report(files: tuple[Path, ...], out: Path) -> None:
    """One page with tables and plots of what the other commands wrote with --json, and the plots as files."""
    check_drawing()
    from benchmarks.quality import page

    written = page.write(files, out)
    click.echo(f"{written[0]} and {len(written) - 1} files of plots")


def _after(events: Sequence[DatasetEvent], items: Sequence[DatasetItem], methods: list[Method]) -> list[Method]:
    """The methods, which have learned some events, and the first one's frozen copy behind it."""
    steps = of_events(events, CandidateFilter("all", items), repeats=False)
    for step in track(steps, "events", total=len(events), console=Console(stderr=True)):
        for method in methods:
            method.learn(step)
    frozen = [method.frozen() for method in methods if isinstance(method, Penchant)]
    return [methods[0], *frozen, *methods[1:]]


def _events(file: Path, rows: Mapping[str, int], options: Mapping[str, Any], *, texts: bool = False) -> EventLog:
    return read_events(file, rows, positive_by(options["positive"]), load_weights(), options["seed"], texts=texts)


def _finish(study: Study, options: Mapping[str, Any], texts: Sequence[DatasetEvent] = ()) -> None:
    names = () if options["only"] else options["names"]
    setup = Setup(
        model=options["model"],
        names=names,
        published=options["published"],
        capped=options["caps"],
        varieties=options["varieties"],
        texts=texts,
    )
    figures = measure(study, setup)
    show(figures)
    _write(figures, options["file"])


def _write(figures: Mapping[str, Any], file: Path | None) -> None:
    if file is not None:
        file.write_text(json.dumps(figures) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
