"""An engine in a process of its own answers as it would here."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.encoder.process.engine_process import EngineFailed, EngineProcess
from benchmarks.encoder.process.packing import WAYS
from benchmarks.encoder.process.static_vectors import StaticVectors
from serving.model.engines.onnx_runtime import OnnxRuntime
from serving.model.tokens import pad
from tests.support.folders import make_folder
from tests.support.tiny_encoder import WIDTH, write_tiny_folder

PYTHON = Path(sys.executable)
IDS, MASK = pad([[0, 6, 7, 2], [0, 8, 2]], 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def process(folder: Path) -> Iterator[EngineProcess]:
    with EngineProcess(PYTHON, ["onnx", str(folder), "1"], threads=1) as started:
        yield started


def test_its_rows_are_the_folder_s(process: EngineProcess, folder: Path) -> None:
    rows = process.run(IDS, MASK)

    assert process.name == "onnxruntime fp32"
    assert rows.shape == (2, WIDTH)
    np.testing.assert_array_equal(rows, OnnxRuntime(folder / "model.onnx", 1).run(IDS, MASK))


def test_it_times_itself(process: EngineProcess) -> None:
    assert 0 < process.time(IDS, MASK) < 10_000
    assert process.gflops(64) > 0
    assert all(process.encode([[0, 6, 2], [0, 7, 8, 2]], way, 1) > 0 for way in WAYS)


def test_static_vectors_have_a_process_too(tmp_path: Path) -> None:
    StaticVectors(np.array([0, 1, 2]), np.array([[0, 0], [1, 0], [0, 1]], np.float32)).save(tmp_path / "static.npz")

    with EngineProcess(PYTHON, ["static", str(tmp_path / "static.npz"), "1"], threads=1) as process:
        rows = process.run(np.array([[1, 1]]), np.array([[1, 1]]))

    assert process.name == "static vectors"
    assert rows.tolist() == [[1, 0]]


def test_one_that_does_not_load_says_why(tmp_path: Path) -> None:
    with (
        EngineProcess(PYTHON, ["onnx", str(make_folder(tmp_path / "broken")), "1"], threads=1) as process,
        pytest.raises(EngineFailed, match="ONNX Runtime cannot load"),
    ):
        process.run(IDS, MASK)
