"""By content alone: the decayed mean of the vectors of the last items, and TF-IDF of titles."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.baselines.history import Histories, decayed
from evaluation.prequential.steps import Step
from serving.arrays import Floats


class ContentMean:
    """Cosine with the decayed mean of the last 20 items' vectors; the setting is the decay per event."""

    name = "content_float32"
    settings = (0.8, 0.5, 0.95)

    def __init__(self, vectors: Floats) -> None:
        self._vectors = vectors
        self._histories = Histories()

    def score(self, step: Step, setting: float) -> Floats:
        """Cosines, but for the length of the mean."""
        past = self._histories.of(step.event.user)
        mean = decayed(len(past), setting) @ self._vectors[past]
        scores: Floats = self._vectors @ mean
        return scores

    def learn(self, step: Step) -> None:
        """Remember the item."""
        self._histories.add(step.event.user, step.event.row)


class ContentInt8(ContentMean):
    """The same with vectors rounded to 8 bits, each by its own largest component."""

    name = "content_int8"

    def __init__(self, vectors: Floats) -> None:
        peaks = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), 1e-9)
        super().__init__((np.rint(vectors / peaks * 127.0) * (peaks / 127.0)).astype(np.float32))


class TitleTfIdf:
    """Cosine of the titles' TF-IDF vectors with the decayed mean of the last 20; the setting is the decay per event."""

    name = "title_tfidf"
    settings = (0.7, 0.5, 0.9)

    def __init__(self, titles: Sequence[str]) -> None:
        bags = [Counter(words(title)) for title in titles]
        documents = Counter(word for bag in bags for word in bag)
        places = {word: place for place, word in enumerate(documents)}
        self._starts = np.cumsum([0, *map(len, bags)])
        self._words = np.array([places[word] for bag in bags for word in bag], np.intp)
        values = [(1 + np.log(n)) * np.log(len(bags) / documents[word]) for bag in bags for word, n in bag.items()]
        self._values = np.array(values, np.float32)
        self._owners = np.repeat(np.arange(len(bags)), np.diff(self._starts))
        lengths = np.sqrt(np.bincount(self._owners, self._values**2, minlength=len(bags)))
        self._values /= np.maximum(lengths, 1e-9)[self._owners].astype(np.float32)
        self._size, self._n = len(places), len(bags)
        self._histories = Histories()

    def score(self, step: Step, setting: float) -> Floats:
        """Cosines, but for the length of the mean."""
        past = self._histories.of(step.event.user)
        mean: npt.NDArray[np.float32] = np.zeros(self._size, np.float32)
        for row, weight in zip(past, decayed(len(past), setting), strict=True):
            part = slice(self._starts[row], self._starts[row + 1])
            mean[self._words[part]] += weight * self._values[part]
        return np.bincount(self._owners, self._values * mean[self._words], minlength=self._n).astype(np.float32)

    def learn(self, step: Step) -> None:
        """Remember the item."""
        self._histories.add(step.event.user, step.event.row)


def words(title: str) -> list[str]:
    """Words of a title, lower case; Chinese characters in pairs.

    >>> words("The Matrix 2: 流浪地球")
    ['the', 'matrix', '2', '流浪', '浪地', '地球']
    """
    found = []
    for run in re.findall(r"[^\W_]+", title.lower()):
        wide = any("\u4e00" <= character <= "\u9fff" for character in run)
        found += [run[at : at + 2] for at in range(len(run) - 1)] if wide and len(run) > 1 else [run]
    return found
