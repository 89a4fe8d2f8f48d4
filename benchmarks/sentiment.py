"""How well the model folder's head tells praise from blame.

    python -m benchmarks.sentiment --texts F.tsv     lines of 0 (blame) or 1 (praise), a tab, the text
    python -m benchmarks.sentiment --held-out        1,000 texts of each set that the head was not shown
    python -m benchmarks.sentiment --curve           heads learned from more and more texts, judged by those

Texts go the way a worker's go: cleaned, cut to what the encoder reads, embedded as queries.
"""

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt

from export.candidates import Progress
from export.labelled import TERMS, Labelled, draw, held_out, load_sets, read_file
from export.sentiment import SAMPLE, embed, learn, samples
from penchant.errors import Misconfigured, PenchantError
from serving.model.encoder import load_encoder
from serving.model.sentiment import Sentiment
from stream.events.weights import WeightRange, load_weights
from stream.interest.sentiment_adjustment import moved

HELD_OUT = 1000  # texts of each set
CURVE = (250, 500, 1000, 2000, 3000, 4500, 6600)


@dataclass(frozen=True, slots=True)
class SentimentFigures:
    """accuracy: the share on the right side of 0. auc: how often praise is above blame. us: of the head, per text.

    preference_error: mean distance of what a review counts from what the best rating does, if its label is 1, or the
    worst, if it is 0. preference_error_without: the same without a head.
    """

    n: int
    accuracy: float
    auc: float
    preference_error: float
    preference_error_without: float
    us: float

    def __str__(self) -> str:
        return (
            f"n {self.n:6,}  accuracy {self.accuracy:.4f}  auc {self.auc:.4f}  head {self.us:.1f} µs  "
            f"preference off by {self.preference_error:.3f} (without a head {self.preference_error_without:.3f})"
        )


@click.command(epilog="Example: python -m benchmarks.sentiment --held-out --json sentiment.json")
@click.option("--texts", type=click.Path(path_type=Path), help="Your own: lines of 0 or 1, a tab, the text.")
@click.option("--held-out", "from_packages", is_flag=True, help="Texts from PyPI that no head was ever shown.")
@click.option("--curve", is_flag=True, help="How much a head gains from more texts; the folder's own is not asked.")
@click.option("--model", type=click.Path(path_type=Path), default=Path(".cache/models/default"), show_default=True)
@click.option("--cache", type=click.Path(path_type=Path), default=Path(".cache/wheels"), help="Where the wheels lie.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Write the figures there, too.")
def main(texts: Path | None, *, from_packages: bool, curve: bool, model: Path, cache: Path, file: Path | None) -> None:
    """Measure accuracy and AUC of the head of a model folder."""
    if (texts is not None) + from_packages + curve != 1:
        raise click.UsageError("name a file with --texts, or ask for --held-out or --curve")
    try:
        if curve:
            figures = measure_curve(model, load_sets(cache))
        else:
            figures = measure(model, {"texts": read_file(texts)} if texts is not None else _held_out_sets(cache))
    except PenchantError as error:
        click.echo(f"benchmarks.sentiment: {error}", err=True)
        sys.exit(error.exit_code)
    for name, each in figures.items():
        click.echo(f"{name:15} {each}")
    if file is not None:
        told = {name: asdict(each) for name, each in figures.items()}
        file.write_text(json.dumps(told["texts"] if texts is not None else told, indent=1) + "\n", encoding="utf-8")


def _held_out_sets(cache: Path) -> dict[str, list[Labelled]]:
    """A seeded thousand of what is held out of each set."""
    click.echo(TERMS, err=True)
    return _judged(load_sets(cache))


def _judged(sets: dict[str, list[Labelled]]) -> dict[str, list[Labelled]]:
    return {name: draw(texts, HELD_OUT, held_out) for name, texts in sets.items()}


def measure_curve(model: Path, sets: dict[str, list[Labelled]]) -> dict[str, SentimentFigures]:
    """By "texts set" the figures of heads from CURVE texts, drawn from the sets in the shares of SAMPLE."""
    encoder = load_encoder(model, "cpu", cache_texts=0)
    learned = {name: embed(encoder, {name: texts}) for name, texts in samples(sets, _counts(max(CURVE))).items()}
    judged = {name: embed(encoder, {name: texts}) for name, texts in _judged(sets).items()}
    figures: dict[str, SentimentFigures] = {}
    for total in CURVE:
        some = [(learned[name].vectors[:n], learned[name].labels[:n]) for name, n in _counts(total).items()]
        vectors, labels = (np.concatenate(parts) for parts in zip(*some, strict=True))
        head, _ = learn(vectors, labels)
        for name, lesson in judged.items():
            figures[f"{total} {name}"] = evaluate(head, lesson.vectors, lesson.labels)
    return figures


def _counts(total: int) -> dict[str, int]:
    """So many texts, in the shares of SAMPLE.

    >>> _counts(1000)
    {'chinese': 600, 'imdb': 100, 'sentences': 300}
    """
    return {name: total * many // sum(SAMPLE.values()) for name, many in SAMPLE.items()}


def measure(model: Path, sets: dict[str, list[Labelled]]) -> dict[str, SentimentFigures]:
    """Each set's figures. Raises Misconfigured if the folder has no head."""
    encoder = load_encoder(model, "cpu", cache_texts=0)
    if encoder.sentiment is None:
        raise Misconfigured(f"{model} has no head: make one with `penchant export sentiment --model {model}`")
    progress = Progress()
    figures: dict[str, SentimentFigures] = {}
    with progress.bars:
        for name, texts in sets.items():
            with progress.step(name, len(texts)) as tell:
                lesson = embed(encoder, {name: texts}, tell)
            figures[name] = evaluate(encoder.sentiment, lesson.vectors, lesson.labels)
    return figures


def evaluate(head: Sentiment, vectors: npt.NDArray[np.float32], labels: npt.NDArray[np.float64]) -> SentimentFigures:
    """A head's figures on vectors `(n, d)` with labels `(n,)`. The head is timed as a worker asks it: one by one."""
    began = time.perf_counter()
    said = np.array([head.of(vector[np.newaxis])[0] for vector in vectors])
    us = (time.perf_counter() - began) / len(vectors) * 1e6
    right = float(np.mean((said > 0) == (labels == 1)))
    weights = load_weights()
    preference, weight_range = weights.of("review", None).preference, weights.weight_range or WeightRange(0.0, 0.0)
    rated = np.where(labels == 1, weight_range.highest, weight_range.lowest)
    counted = np.array([moved(preference, weight_range, float(liking)) for liking in said])
    return SentimentFigures(
        n=len(labels),
        accuracy=round(right, 4),
        auc=round(auc(said, labels), 4),
        preference_error=round(float(np.abs(counted - rated).mean()), 4),
        preference_error_without=round(float(np.abs(preference - rated).mean()), 4),
        us=round(us, 1),
    )


def auc(points: npt.NDArray[np.float64], labels: npt.NDArray[np.float64]) -> float:
    """The share of pairs of a 1 and a 0 in which the 1 has more points; a tie counts half.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([0.0, 0.0, 1.0, 1.0]))
    0.875
    """
    _values, places, counts = np.unique(points, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    ones = labels == 1
    above = ranks[ones].sum() - ones.sum() * (ones.sum() + 1) / 2
    return float(above / (ones.sum() * (~ones).sum()))


if __name__ == "__main__":
    main()
