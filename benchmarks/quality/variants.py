"""Penchant with one thing changed, in the same run: how unlike the items of a list are, and what reviews count."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from evaluation.prequential.cached_vectors import embedded
from evaluation.prequential.data_sets import DatasetEvent
from evaluation.prequential.offline_system import Contribution, Penchant
from evaluation.prequential.steps import Step
from penchant.errors import Misconfigured
from serving.arrays import Floats
from serving.catalogue import Catalogue
from serving.model.encoder import Encoder
from serving.model.sentiment import Sentiment
from serving.ranking.rules import Rules
from serving.ranking.slate import Slate
from serving.state.user_state import Vector
from stream.events.weights import Weight, load_weights
from stream.interest.sentiment_adjustment import moved

VARIETY = "variety_"
_K = 20  # of a list, as PENCHANT_K has it by default


class Varied:
    """Lists of what Penchant has learned, as unlike as `variety` says; the setting is PENCHANT_LIST_VARIETY."""

    settings = (0.0,)

    def __init__(self, penchant: Penchant, variety: float) -> None:
        self.name = f"{VARIETY}{variety:g}"
        self._penchant = penchant
        self._slate = Slate(penchant.catalogue, Rules(penchant.catalogue), variety)

    def score(self, step: Step, _: float) -> Floats:
        """Penchant's points, those on the list raised above all others in its order."""
        points = self._penchant.score(step, 0.0)
        listed = self._slate.choose(points, _K)
        if len(listed):
            points[listed] = points.max() + np.arange(len(listed), 0, -1, dtype=np.float32)
        return points

    def learn(self, step: Step) -> None:
        """Penchant learns."""


class TextReader(Penchant):
    """Penchant that reads what was written, as the worker does: a review moves towards its text, too.

    vectors: text -> `(d,) float32`. head: what moves the preference of a review; None: it stands as `weight` says.
    """

    def __init__(
        self, name: str, catalogue: Catalogue, vectors: Mapping[str, Vector], *, repeats: bool, head: Sentiment | None
    ) -> None:
        super().__init__(catalogue, repeats=repeats)
        self.name = name
        weights = load_weights()
        self._review, self._weight_range = weights.of("review", None), weights.weight_range
        self._vectors = vectors
        self._head = head

    def contribution(self, event: DatasetEvent) -> Contribution:
        """A text counts as a review without a rating, whatever the set knows beside; the rest as it is."""
        if not event.text:
            return Contribution(event.weight)
        vector = self._vectors[event.text]
        if self._head is None or self._weight_range is None:
            return Contribution(self._review, vector)
        liking = float(self._head.of(vector[np.newaxis])[0])
        return Contribution(
            Weight(self._review.covisit, moved(self._review.preference, self._weight_range, liking)), vector
        )


class TextAndRatingReader(TextReader):
    """The same, but a rating or label of the set counts, and wins over the text."""

    def contribution(self, event: DatasetEvent) -> Contribution:
        """The weight that the set tells, and the text."""
        return Contribution(event.weight, self._vectors[event.text] if event.text else None)


def readers(
    events: Sequence[DatasetEvent], catalogue: Catalogue, encoder: Encoder, cache: Path, *, repeats: bool
) -> list[Penchant]:
    """Penchant with texts read: counting what the set tells, without that, and without it but with the model's head.

    Raises Misconfigured if there are no texts, or no head.
    """
    texts = list(dict.fromkeys(event.text for event in events if event.text))
    if not texts:
        raise Misconfigured("--sentiment: no event has a `text`")
    if encoder.sentiment is None:
        raise Misconfigured("--sentiment: the model folder has no head: make one with `penchant export sentiment`")
    vectors = dict(zip(texts, embedded(texts, encoder, cache, "query"), strict=True))
    return [
        TextAndRatingReader("texts_and_ratings", catalogue, vectors, repeats=repeats, head=None),
        TextReader("texts_without_head", catalogue, vectors, repeats=repeats, head=None),
        TextReader("texts_with_head", catalogue, vectors, repeats=repeats, head=encoder.sentiment),
    ]
