"""The encoder on CUDA: `make test-gpu`, in an environment that has onnxruntime-gpu instead of onnxruntime."""

import logging
from pathlib import Path

import numpy as np
import pytest

from serving.model.artifact import open_artifact
from serving.model.encoder import Encoder, load_encoder
from serving.model.engines.bound import BoundRuntime
from serving.model.engines.choice import open_engine
from serving.model.engines.onnx_runtime import open_session
from serving.model.tokens import Packing, pad, run_in_batches

MODELS = Path(__file__).parents[2] / ".cache" / "models"
FOLDER = MODELS / "default-fp16"
TEXTS = ("我喜欢看电影，尤其是科幻片", "I like films", "", "A long one. " * 40, "👍")

pytestmark = [pytest.mark.gpu, pytest.mark.model]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(FOLDER, "cuda", cache_texts=0)


def test_it_really_runs_there(encoder: Encoder) -> None:
    assert encoder.provider == "cuda"


def test_auto_takes_the_gpu_after_a_known_text_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    assert open_artifact(FOLDER).probe is not None
    with caplog.at_level(logging.INFO):
        assert load_encoder(FOLDER, "auto").provider == "cuda"
    assert "Texts are encoded on CUDA" in caplog.text


def test_rows_are_those_of_the_default_model_on_the_cpu(encoder: Encoder) -> None:
    on_cpu = load_encoder(MODELS / "default", "cpu").embed(TEXTS, "query")

    cosines = np.sum(encoder.embed(TEXTS, "query") * on_cpu, axis=1)

    assert cosines.min() > 0.99  # the default is quantised; both are centred, which magnifies an angle


def test_a_text_alone_is_the_text_in_a_batch(encoder: Encoder) -> None:
    together = encoder.embed(TEXTS, "passage")

    for text, row in zip(TEXTS, together, strict=True):
        assert encoder.embed([text], "passage")[0] == pytest.approx(row, abs=5e-3)


def test_rows_in_shapes_are_those_of_texts_as_they_are() -> None:
    artifact = open_artifact(FOLDER)
    engine = open_engine(artifact, "cuda")
    draw = np.random.default_rng(20)
    rows = [draw.integers(5, 9_000, length).tolist() for length in draw.integers(1, artifact.max_tokens + 1, 300)]

    found = run_in_batches(engine.run, rows, artifact.manifest["pad_id"], engine.packing)

    assert found == pytest.approx(run_in_batches(engine.run, rows, artifact.manifest["pad_id"]), abs=5e-3)


def test_a_batch_for_which_memory_is_short_is_run_in_halves() -> None:
    """Given eight million tokens, for which a card of 80 GB has no memory, then every row comes."""
    artifact = open_artifact(FOLDER)
    wide = Packing.in_shapes(artifact.max_tokens, tokens=1 << 24)
    engine = BoundRuntime(open_session(artifact.model, "cuda"), "cuda", artifact.dim, wide)
    ids, mask = pad([[0, 100 + place % 50, *[7] * 250, 2] for place in range(1 << 15)], 1, wide)

    rows = engine.run(ids, mask)

    assert rows.shape == (1 << 15, artifact.dim)
    assert np.isfinite(rows).all()
