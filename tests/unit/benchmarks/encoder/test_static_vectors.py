"""Static vectors, on an encoder whose arithmetic can be done in the head."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.encoder.loss import Loss, static_loss
from benchmarks.encoder.process.static_vectors import StaticVectors, Vocabulary, distil, principal, rarity
from export.gate.reference import Reference
from export.gate.texts import Texts
from tests.support.colours import Colours

STATIC = StaticVectors(np.array([0, 1, 2, 0]), np.array([[0, 0], [3, 0], [0, 4]], np.float32))


def test_a_text_is_the_mean_of_its_known_tokens() -> None:
    rows = STATIC.run(np.array([[1, 2, 3], [2, 1, 1], [3, 3, 3]]), np.array([[1, 1, 1], [1, 0, 0], [1, 1, 1]]))

    assert rows.tolist() == [pytest.approx([0.6, 0.8]), [0, 1], [0, 0]]


def test_they_are_kept_in_a_file(tmp_path: Path) -> None:
    STATIC.save(tmp_path / "static.npz")

    found = StaticVectors.load(tmp_path / "static.npz")

    assert (found.places.tolist(), found.vectors.tolist()) == (STATIC.places.tolist(), STATIC.vectors.tolist())
    assert found.bytes == 4 * 2 * 2


def test_each_token_has_the_direction_that_the_encoder_gives_it_alone() -> None:
    """Red, green and blue are unit vectors at right angles: less their mean, in two components, 120 degrees apart."""
    static = distil(Colours().run, Vocabulary(size=6, tokens={1, 2, 3}, around=(4, 5), pad_id=0))

    rows = static.run(np.array([[1], [2], [3]]), np.ones((3, 1), np.int64))

    assert static.places.tolist() == [0, 1, 2, 3, 0, 0]
    np.testing.assert_allclose(rows @ rows.T, 1.5 * np.eye(3) - 0.5, atol=1e-5)


def test_a_rare_token_weighs_more() -> None:
    common, rare = rarity(np.array([0, 99]), 100)

    shares = 1 / np.arange(2, 102)
    assert common == pytest.approx(1e-4 / (1e-4 + 0.5 / shares.sum()))
    assert rare > 40 * common


def test_no_more_components_than_there_are() -> None:
    assert principal(np.eye(3, dtype=np.float32), 256).shape == (3, 3)


def test_lists_are_compared_by_kind_of_query() -> None:
    """Ten of twenty passages have each token, so the ten nearest are those; the second group's are turned around."""
    texts = Texts({"all": [f"{n}" for n in range(20)]}, {"kept": ["a", "b"], "turned": ["c", "d"]})
    red, blue = np.eye(2, dtype=np.float32)
    zero = np.zeros(2, np.float32)
    truth = Reference(
        ids={"query": [[1], [2], [1], [2]], "passage": [[1]] * 10 + [[2]] * 10},
        pad_id=0,
        rows={"query": np.stack([red, blue, blue, red]), "passage": np.stack([red] * 10 + [blue] * 10)},
        centres={"query": zero, "passage": zero},
    )

    assert static_loss(STATIC.run, truth, texts) == Loss(0.5, None, None, {"kept": 1.0, "turned": 0.0})
