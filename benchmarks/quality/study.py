"""One measurement: a set's steps through Penchant and the baselines, and what is told of it."""

import platform
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks.baselines.all import EASE_EVERY, baselines, left_out
from benchmarks.quality.methods import Effort, Method
from benchmarks.quality.report import report
from benchmarks.quality.run import PrequentialRun
from benchmarks.quality.variants import Varied, readers
from evaluation.prequential.cached_vectors import catalogue_of
from evaluation.prequential.data_sets import DatasetEvent, DatasetItem
from evaluation.prequential.offline_system import Penchant
from evaluation.prequential.steps import Step
from penchant.errors import Misconfigured
from serving.catalogue import Catalogue
from serving.model.encoder import load_encoder

CACHE = Path(".cache/quality")
_EASE_FITS = 40  # times that EASE is fitted at most


@dataclass(frozen=True, kw_only=True)
class Study:
    """What is measured. total: how many steps there are. told: what the figures' reader is to know of the set."""

    items: list[DatasetItem]
    steps: Iterable[Step]
    total: int
    repeats: bool
    effort: Effort
    told: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What it is measured with.

    names: of the baselines. published: lists as they stand on the topic. capped: as of `Penchant`. varieties: of lists,
    beside those by points alone. texts: the events whose texts are read, beside Penchant, which reads none
    (`benchmarks.quality.variants`).
    """

    model: Path
    names: Collection[str]
    published: bool = False
    capped: bool = True
    varieties: Sequence[float] = ()
    texts: Sequence[DatasetEvent] = ()


def measure(study: Study, setup: Setup) -> dict[str, Any]:
    """All figures of a run. Raises Misconfigured if there was nothing to measure."""
    encoder = load_encoder(setup.model)
    catalogue = catalogue_of(study.items, encoder, CACHE)
    penchant = Penchant(catalogue, repeats=study.repeats, published=setup.published, capped=setup.capped)
    methods = beside(study.items, catalogue, setup.names, study.total)
    methods[:0] = [Varied(penchant, variety) for variety in setup.varieties]
    if setup.texts:
        methods[:0] = readers(setup.texts, catalogue, encoder, CACHE, repeats=study.repeats)
    run = PrequentialRun(penchant, methods, study.effort)
    with bars() as progress:
        task = progress.add_task("events", total=study.total)
        run.over(study.steps, lambda: progress.advance(task))
    if not run.steps:
        raise Misconfigured(
            "nothing was measured: in the last half no user takes a candidate that is new to them; "
            "look at --positive, --candidates and --repeats"
        )
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": _cpu(),
        "model": encoder.fingerprint,
        "items": len(study.items),
        **study.told,
        "published": setup.published,
        "capped": setup.capped,
        "measured_every": study.effort.measured,
        "tuned_every": study.effort.tuned,
        "left_out": {name: why for name, why in left_out(len(study.items)).items() if name in setup.names},
        "settings": {tuned.name: tuned.setting for tuned in run.methods},
        **report(run.steps, run.lists, {tuned.name: tuned.us() for tuned in run.methods}),
    }


def beside(items: list[DatasetItem], catalogue: Catalogue, names: Collection[str], events: int) -> list[Method]:
    """The baselines of a set of so many events."""
    titles = [item.title or item.text for item in items]
    return baselines(titles, catalogue.vectors[: len(items)], max(EASE_EVERY, events // _EASE_FITS), names)


def bars() -> Progress:
    """A progress bar on standard error, with what is done, what is left and how long it takes."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    return Progress(TextColumn("{task.description}"), *columns, console=Console(stderr=True))


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
