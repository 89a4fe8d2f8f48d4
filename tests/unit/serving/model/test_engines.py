"""The engine of a folder: by scheme and by what is here; and that engines of one scheme agree."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from export.networks.bert import Bert, Layer, Linear, Norm
from export.networks.bert_graph import write
from export.networks.pooling import Pooling
from export.networks.pooling_graph import append
from export.quantize import Scheme, quantise
from serving.model.engines import choice, openvino
from serving.model.engines.onnx_runtime import OnnxRuntime
from serving.model.engines.openvino import OpenVino
from serving.model.processor import CLASSES, instructions, processor_class

WIDTH, VOCABULARY = 64, 200
IDS = np.random.default_rng(1).integers(0, VOCABULARY, (5, 12))
MASK = (np.arange(12) < np.array([12, 1, 7, 3, 12])[:, np.newaxis]).astype(np.int64)


def encoder() -> Bert:
    """Two layers of random weights."""
    draw = np.random.default_rng(20)

    def linear(rows: int, columns: int) -> Linear:
        weight = draw.normal(0, rows**-0.5, (rows, columns)).astype(np.float32)
        return Linear(weight, draw.normal(0, 0.1, columns).astype(np.float32))

    def norm() -> Norm:
        return Norm(draw.normal(1, 0.1, WIDTH).astype(np.float32), draw.normal(0, 0.1, WIDTH).astype(np.float32))

    def layer() -> Layer:
        parts = linear(WIDTH, 3 * WIDTH), linear(WIDTH, WIDTH), norm()
        return Layer(*parts, linear(WIDTH, 4 * WIDTH), linear(4 * WIDTH, WIDTH), norm())

    words, positions, kind = (
        draw.normal(0, 1, shape).astype(np.float32) for shape in ((VOCABULARY, WIDTH), (32, WIDTH), (WIDTH,))
    )
    return Bert(words, positions, kind, norm(), (layer(), layer()), heads=4, epsilon=1e-6)


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The encoder in each scheme."""
    import onnx

    folder = tmp_path_factory.mktemp("graphs")
    paths = {}
    for scheme in Scheme:
        model = quantise(write(encoder(), scheme.traits.attention), scheme)
        append(model, WIDTH, Pooling("mean"))
        paths[scheme.value] = folder / f"{scheme.value}.onnx"
        onnx.save(model, paths[scheme.value])
    return paths


@pytest.mark.parametrize(
    ("scheme", "least"), [("fp16", 0.9999), ("bf16", 0.999), ("int8-weight-only", 0.999), ("int4-weight-only", 0.97)]
)
def test_a_scheme_keeps_the_direction(graphs: dict[str, Path], scheme: str, least: float) -> None:
    whole = OnnxRuntime(graphs["fp32"]).run(IDS, MASK)

    rows = choice.on_cpu(graphs[scheme], scheme).run(IDS, MASK)

    assert np.sum(whole * rows, axis=1).min() > least


def test_without_bfloat16_the_same_folder_is_computed_in_float32(
    graphs: dict[str, Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(openvino, "why_not", lambda: "there is none")
    with caplog.at_level(logging.WARNING):
        engine = choice.on_cpu(graphs["bf16"], "bf16")

    assert isinstance(engine, OnnxRuntime)
    assert "float32, since there is none" in caplog.text


@pytest.mark.skipif(processor_class() is CLASSES[-1], reason="this processor does not multiply bfloat16")
def test_both_engines_agree_on_a_folder_in_bfloat16(graphs: dict[str, Path]) -> None:
    engine = choice.on_cpu(graphs["bf16"], "bf16")
    assert isinstance(engine, OpenVino)

    rows, whole = engine.run(IDS, MASK), OnnxRuntime(graphs["bf16"]).run(IDS, MASK)

    assert rows == pytest.approx(whole, abs=Scheme.BF16.traits.tolerance)
    assert not np.array_equal(rows, whole)  # it was bfloat16
    alone = np.concatenate([engine.run(IDS[[i], : MASK[i].sum()], MASK[[i], : MASK[i].sum()]) for i in range(5)])
    assert alone == pytest.approx(rows, abs=5e-3)


@pytest.mark.skipif(processor_class() is CLASSES[-1], reason="this processor does not multiply bfloat16")
def test_a_table_that_is_left_in_its_file_gives_the_same_rows_also_when_the_file_is_replaced(
    graphs: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Given a table large enough to be left, when another folder takes the place of this one, then rows stay."""
    whole = OpenVino(graphs["bf16"]).run(IDS, MASK)
    model = Path(shutil.copy(graphs["bf16"], tmp_path / "model.onnx"))
    monkeypatch.setattr(openvino, "_TABLE", 1024)
    engine = OpenVino(model)
    assert len(engine._tables) == 2, "the file, and the words' table"

    (tmp_path / "other").write_bytes(bytes(model.stat().st_size))
    (tmp_path / "other").replace(model)

    assert np.array_equal(engine.run(IDS, MASK), whole)


def test_a_processor_says_what_it_has() -> None:
    assert instructions() <= {"amx_bf16", "amx_int8", "avx2", "avx512_bf16", "avx512_vnni", "avx512f", "avx_vnni"}
