"""What the demo's lists hit, beside the same code fed the same ratings in the same order without Kafka.

    python -m deploy.demo --seconds 20 --sent sent.jsonl.gz
    python -m benchmarks.quality.as_live sent.jsonl.gz

The two differ in when things happen: live, the blend learns from at most 20 events a second, a list is ranked by item
statistics that may lack the last events, and the trending list that a new user is shown is up to a second old.
"""

import gzip
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
import numpy as np
from rich.console import Console
from rich.progress import track

from deploy.demo import films
from deploy.demo.films import RATING_SCALE
from deploy.demo.rating_replay import SentRating
from evaluation.measures import bootstrap_interval
from evaluation.prequential.cached_vectors import catalogue_of
from evaluation.prequential.data_sets import NO_TIME_MS, DatasetEvent, DatasetItem
from evaluation.prequential.offline_system import Penchant
from evaluation.prequential.steps import Step
from penchant.errors import PenchantError
from penchant.fields import unit_rating
from penchant.messages import Item as Published
from serving.arrays import Doubles
from serving.catalogue import Catalogue
from serving.model.encoder import load_encoder
from serving.ranking.ranker import TOP
from stream.events.weights import load_weights


@click.command(epilog="Example: python -m benchmarks.quality.as_live sent.jsonl.gz")
@click.argument("sent_file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--model", type=click.Path(path_type=Path), default=Path(".cache/models/default"), help="Folder.")
@click.option("--cache", type=click.Path(path_type=Path), default=Path(".cache/wheels"), help="Where the wheels lie.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures here, too.")
def main(sent_file: Path, model: Path, cache: Path, file: Path | None) -> None:
    """Score the ratings in SENT_FILE, which the demo wrote, offline; ends with 1 if the live rate lies outside."""
    try:
        films.fetch(cache)
        catalogue = film_catalogue(cache, model)
    except PenchantError as error:
        click.echo(f"benchmarks.quality.as_live: {error}", err=True)
        sys.exit(error.exit_code)
    sent = read_sent(sent_file)
    figures = compare(sent, offline_hits(catalogue, sent))
    for name, value in figures.items():
        click.echo(f"{name:18s} {value}")
    if file is not None:
        file.write_text(json.dumps(figures) + "\n", encoding="utf-8")
    sys.exit(not figures["within"])


def film_catalogue(cache: Path, model: Path) -> Catalogue:
    """The demo's films, embedded as its worker does it."""
    published = [msgspec.convert(film.message(), Published) for film in films.films(cache)]
    items = [DatasetItem(each.item_id, each.title, each.text, each.facets, NO_TIME_MS) for each in published]
    return catalogue_of(items, load_encoder(model), Path(".cache/quality"))


def read_sent(file: Path) -> list[SentRating]:
    """The ratings that a demo sent, in that order."""
    lines = gzip.decompress(file.read_bytes()).splitlines()
    return [msgspec.json.decode(line, type=SentRating) for line in lines]


def offline_hits(catalogue: Catalogue, sent: Sequence[SentRating]) -> Doubles:
    """`(n,)`, 1 where a positive rating's item stood among the first ten of the list that was made last."""
    lists = PublishedLists(Penchant(catalogue, repeats=False, published=True))
    hits: list[bool] = []
    for event in track(events_of(catalogue, sent), "offline", console=Console(stderr=True)):
        if event.positive:
            hits.append(lists.have(event))
        lists.learn(Step(event, asked=event.positive))
    return np.array(hits, np.float64)


class PublishedLists:
    """The lists as they stand on the topic: of a user, made right after the last event; else the trending one."""

    def __init__(self, penchant: Penchant) -> None:
        self._penchant = penchant
        self._first: dict[str, set[str]] = {}

    def have(self, event: DatasetEvent) -> bool:
        """Whether the event's item stands among the first ten of its user's list."""
        first = self._first.get(event.user)
        if first is None:
            first = {item.item_id for item in self._penchant.ranker.trending(TOP).items}
        return self._penchant.catalogue.ids[event.row] in first

    def learn(self, step: Step) -> None:
        """Fold the event, and make its user's list again."""
        self._penchant.learn(step)
        user = step.event.user
        listed = self._penchant.ranker.rank(self._penchant.state(user), TOP).items
        self._first[user] = {item.item_id for item in listed}


def events_of(catalogue: Catalogue, sent: Sequence[SentRating]) -> list[DatasetEvent]:
    """The ratings as events of the benchmarks."""
    weights = load_weights()
    return [
        DatasetEvent(
            each.user,
            catalogue.row(each.item),
            1000 * each.ts,
            weights.of("rate", unit_rating(each.rating, RATING_SCALE)),
            positive=each.hit is not None,
        )
        for each in sent
    ]


def compare(sent: Sequence[SentRating], offline: Doubles) -> dict[str, float | bool | list[float]]:
    """The two hit rates, and whether the live one lies in the bootstrap interval of the offline one."""
    live = np.array([each.hit for each in sent if each.hit is not None], np.float64)
    low, high = bootstrap_interval(offline)
    rate = float(live.mean()) if len(live) else 0.0
    return {
        "ratings": len(sent),
        "positives": len(live),
        "live_hr@10": round(rate, 5),
        "offline_hr@10": round(float(offline.mean()) if len(offline) else 0.0, 5),
        "offline_interval": [round(low, 5), round(high, 5)],
        "within": low <= rate <= high,
    }


if __name__ == "__main__":
    main()
