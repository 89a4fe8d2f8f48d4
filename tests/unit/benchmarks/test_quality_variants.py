"""Penchant with one thing changed: lists that vary more, and reviews that are read."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality.list_measures import ListMeasures
from benchmarks.quality.run import PrequentialRun
from benchmarks.quality.variants import TextAndRatingReader, TextReader, Varied
from evaluation.prequential.data_sets import NO_TIME_MS, DatasetEvent, DatasetItem, read_events
from evaluation.prequential.offline_system import Penchant
from evaluation.prequential.positives import positive_by
from evaluation.prequential.protocol import CandidateFilter, of_events
from evaluation.prequential.steps import Step
from penchant.messages import ItemVector
from serving.catalogue import Catalogue, pack
from serving.model.sentiment import Sentiment
from stream.events.weights import Weight, load_weights
from tests.support.tiny import catalogue, pairs

PRAISE, BLAME = np.array([1, 0], np.float32), np.array([-1, 0], np.float32)
HEAD = Sentiment(np.array([8, 0], np.float32), np.zeros((2, 2), np.float32), bias=0.0)
TOLD = Weight(0.5, 0.5)


def alike(n: int) -> Catalogue:
    """`n` items of four kinds; those of a kind differ little."""
    random = np.random.default_rng(0)
    made = Catalogue(8, "f", n)
    for row in range(n):
        vector = 0.2 * random.standard_normal(8)
        vector[row % 4] += 1.0
        vector /= np.linalg.norm(vector)
        made.put(
            ItemVector(
                item_id=f"i{row}",
                title="",
                facets={},
                available=True,
                revision="",
                fingerprint="f",
                vector=pack(vector.astype(np.float32)),
            )
        )
    made.recentre()
    return made


def run_over(made: Catalogue, events: list[DatasetEvent], varieties: tuple[float, ...]) -> dict[str, ListMeasures]:
    penchant = Penchant(made, repeats=False)
    run = PrequentialRun(penchant, [Varied(penchant, variety) for variety in varieties])
    items = [DatasetItem(f"i{row}", "", "", {}, NO_TIME_MS) for row in range(len(made))]
    run.over(of_events(events, CandidateFilter("all", items), repeats=False), lambda: None)
    return run.lists


def test_without_variety_lists_are_penchant_s_own() -> None:
    lists = run_over(catalogue(40), pairs(40, 200), (0.0,))

    assert (np.array(lists["variety_0"].ranks) < 10).tolist() == (np.array(lists["penchant"].ranks) < 10).tolist()
    assert lists["variety_0"].exposure.tolist() == lists["penchant"].exposure.tolist()


def test_more_variety_gives_less_alike_lists() -> None:
    lists = run_over(alike(60), pairs(60, 300), (0.0, 0.3, 0.9))

    found = [lists[name].measures()["diversity@10"] for name in ("variety_0", "variety_0.3", "variety_0.9")]
    assert found[0] < found[1] < found[2]


def review(text: str) -> DatasetEvent:
    return DatasetEvent("u", 0, 0, TOLD, positive=True, text=text)


def test_a_text_counts_by_the_head_and_a_rating_wins_over_it() -> None:
    """Given praise, blame and no text, then the head moves the preference of a review, and leaves what has no text."""
    made, vectors = catalogue(2), {"good": PRAISE, "bad": BLAME}
    own, weight_range = load_weights().of("review", None), load_weights().weight_range
    assert weight_range is not None

    without = TextReader("without", made, vectors, repeats=True, head=None)
    head = TextReader("with", made, vectors, repeats=True, head=HEAD)
    told = TextAndRatingReader("told", made, vectors, repeats=True, head=None)

    assert [without.contribution(review(text)).weight for text in ("good", "bad", "")] == [own, own, TOLD]
    assert head.contribution(review("good")).weight.preference == pytest.approx(weight_range.highest, abs=1e-3)
    assert head.contribution(review("bad")).weight.preference == pytest.approx(weight_range.lowest, abs=1e-3)
    assert head.contribution(review("bad")).weight.covisit == own.covisit, "co-visits do not depend on the text"
    assert [told.contribution(review(text)).weight for text in ("good", "bad", "")] == [TOLD] * 3
    assert told.contribution(review("bad")).vector is BLAME


def test_a_review_moves_towards_its_text_and_stays_with_the_user() -> None:
    made = catalogue(2)
    reading = TextReader("with", made, {"good": PRAISE}, repeats=True, head=None)

    reading.learn(Step(review("good")))

    state = reading.state("u")
    assert len(state.texts) == 1
    assert state.long is not None
    assert state.long[0] > 0.0


def test_texts_are_kept_where_they_are_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(json.dumps({"ts": 1, "user": "u", "item": "a", "text": "<b>Good</b>  beer"}), encoding="utf-8")

    found = [
        read_events(file, {"a": 0}, positive_by(None), load_weights(), 0, texts=texts).events[0].text
        for texts in (True, False)
    ]

    assert found == ["Good beer", ""]
