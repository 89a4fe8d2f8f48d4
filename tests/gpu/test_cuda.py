"""The encoder on CUDA: `make test-gpu`, in an environment that has onnxruntime-gpu instead of onnxruntime."""

from pathlib import Path

import numpy as np
import pytest

from serving.model.encoder import Encoder, load_encoder

MODELS = Path(__file__).parents[2] / ".cache" / "models"
TEXTS = ("我喜欢看电影，尤其是科幻片", "I like films", "", "A long one. " * 40, "👍")

pytestmark = [pytest.mark.gpu, pytest.mark.model]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(MODELS / "default-fp16", "cuda", cache_texts=0)


def test_it_really_runs_there(encoder: Encoder) -> None:
    assert encoder.provider == "cuda"


def test_auto_finds_the_gpu() -> None:
    assert load_encoder(MODELS / "default-fp16", "auto").provider == "cuda"


def test_rows_are_those_of_the_default_model_on_the_cpu(encoder: Encoder) -> None:
    on_cpu = load_encoder(MODELS / "default", "cpu").embed(TEXTS, "query")

    cosines = np.sum(encoder.embed(TEXTS, "query") * on_cpu, axis=1)

    assert cosines.min() > 0.99  # the default is quantised; both are centred, which magnifies an angle


def test_a_text_alone_is_the_text_in_a_batch(encoder: Encoder) -> None:
    together = encoder.embed(TEXTS, "passage")

    for text, row in zip(TEXTS, together, strict=True):
        assert encoder.embed([text], "passage")[0] == pytest.approx(row, abs=5e-3)
