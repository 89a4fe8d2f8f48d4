"""The engine for a GPU on the CPU's provider: binding, shapes, memory that is short, self-test and fall-back.

What a GPU alone shows is in tests/gpu.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import ProviderMissing
from serving.model.artifact import MODEL, Probe, open_artifact
from serving.model.encoder import load_encoder
from serving.model.engines import choice, onnx_runtime
from serving.model.engines.bound import BoundRuntime
from serving.model.engines.choice import open_engine
from serving.model.engines.onnx_runtime import OnnxRuntime, open_session
from serving.model.tokens import Ids, Packing, pad, run_in_batches
from tests.support.folders import write_manifest
from tests.support.tiny_encoder import TOKENS, WIDTH, WORDS, write_tiny_folder

SHAPES = Packing.in_shapes(TOKENS, tokens=256)
draw = np.random.default_rng(20)
ROWS = [draw.integers(0, len(WORDS), length).tolist() for length in draw.integers(1, TOKENS + 1, 90)]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny_folder(tmp_path / "model")


def bound(session: Any, packing: Packing = SHAPES) -> BoundRuntime:
    return BoundRuntime(session, "cpu", WIDTH, packing, "cpu")


def test_rows_in_shapes_are_those_of_texts_as_they_are(tiny: Path) -> None:
    plain, engine = OnnxRuntime(tiny / MODEL), bound(open_session(tiny / MODEL, "cpu"))

    for packing in (SHAPES, Packing(256)):  # also in shapes that are none of its own
        rows = run_in_batches(engine.run, ROWS, 1, packing)
        assert rows == pytest.approx(run_in_batches(plain.run, ROWS, 1), abs=1e-6)


def test_a_row_is_not_overwritten_by_the_next_batch_of_its_shape(tiny: Path) -> None:
    engine = bound(open_session(tiny / MODEL, "cpu"))
    first = engine.run(*pad([[0, 6, 2]], 1, SHAPES))
    kept = first.copy()

    engine.run(*pad([[0, 7, 2]], 1, SHAPES))

    assert np.array_equal(first, kept)


@given(st.lists(st.integers(1, TOKENS), min_size=1, max_size=300))
def test_there_are_few_shapes_whatever_texts_come(lengths: list[int]) -> None:
    seen: set[tuple[int, ...]] = set()

    def run(ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
        seen.add(ids.shape)
        counts: npt.NDArray[np.float32] = mask.sum(axis=1, keepdims=True).astype(np.float32)
        return counts

    rows = run_in_batches(run, [[1] * length for length in lengths], 1, SHAPES)

    assert rows[:, 0].tolist() == lengths
    assert {tokens for _, tokens in seen} <= {16, 32, 64}
    assert {texts for texts, _ in seen} <= {1, 2, 4, 8, 16}
    assert all(texts * tokens <= 256 for texts, tokens in seen)


@pytest.fixture(scope="module")
def short_of_memory() -> onnxruntime.SessionOptions:
    """Options of sessions that share an arena of 2 MB: ONNX Runtime's own error comes out of it."""
    info = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    arena = onnxruntime.OrtArenaCfg(
        {"max_mem": 2_000_000, "arena_extend_strategy": 1, "initial_chunk_size_bytes": 65_536}
    )
    onnxruntime.create_and_register_allocator(info, arena)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.use_env_allocators", "1")
    return options


def test_a_batch_for_which_memory_is_short_is_run_in_halves(
    tiny: Path, short_of_memory: onnxruntime.SessionOptions, caplog: pytest.LogCaptureFixture
) -> None:
    session = onnxruntime.InferenceSession(tiny / MODEL, short_of_memory, providers=["CPUExecutionProvider"])
    wide = Packing.in_shapes(TOKENS, tokens=8192)
    engine = bound(session, wide)
    ids, mask = pad(ROWS, 1, wide)

    with caplog.at_level(logging.WARNING):
        rows = engine.run(ids, mask)[: len(ROWS)]

    assert rows == pytest.approx(run_in_batches(OnnxRuntime(tiny / MODEL).run, ROWS, 1), abs=1e-6)
    assert 0 < engine.packing.tokens < 8192
    assert "no memory for a batch of 128 texts of 64 tokens: batches are at most 4096 tokens" in caplog.messages[0]
    said = len(caplog.messages)
    engine.run(ids, mask)
    assert len(caplog.messages) == said  # it is not tried again


def test_another_error_is_no_lack_of_memory(tiny: Path) -> None:
    engine = bound(open_session(tiny / MODEL, "cpu"))
    with pytest.raises(RuntimeError, match="indices element out of data bounds"):
        engine.run(*pad([[0, 9_999], [1]], 1))
    assert engine.packing == SHAPES


@pytest.fixture
def on_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU's provider stands where CUDA's does: all but the device is what a GPU's machine runs."""
    monkeypatch.setitem(onnx_runtime.TARGETS, "cuda", onnx_runtime.TARGETS["cpu"])


def give_probe(folder: Path, off: float = 0.0) -> Path:
    """Have the folder run on both, and know the row of a text, or one that is off."""
    ids = np.array([0, 4, 6, 2])
    row = OnnxRuntime(folder / MODEL).run(ids[np.newaxis], np.ones((1, 4), np.int64))[0]
    known = Probe(ids, row + np.float32(off)).as_json()
    write_manifest(folder, dim=WIDTH, providers=["cpu", "cuda"], probe=known)
    return folder


@pytest.mark.usefixtures("on_gpu")
class TestAuto:
    """Which of the two is taken, and what is said."""

    def test_takes_the_gpu_that_gives_a_known_text_its_vector(
        self, tiny: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        texts = ["red film", "green shoes " * 20, "bread"]
        before = load_encoder(tiny).embed(texts, "query")

        with caplog.at_level(logging.INFO):
            encoder = load_encoder(give_probe(tiny))

        assert encoder.provider == "cuda"
        assert encoder.batch_tokens > 10_000
        assert "Texts are encoded on CUDA" in caplog.text
        assert encoder.embed(texts, "query") == pytest.approx(before, abs=1e-3)

    @pytest.mark.parametrize("off", [0.05, float("nan")])
    def test_takes_the_cpu_where_that_vector_is_another(
        self, tiny: Path, off: float, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING):
            encoder = load_encoder(give_probe(tiny, off))

        assert encoder.provider == "cpu"
        (said,) = caplog.messages
        assert "encoded on the CPU, since the vector of a known text is off by" in said

    def test_takes_the_cpu_where_no_text_is_known(
        self, tiny: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(choice, "_NVIDIA", tiny)  # there is a device
        write_manifest(tiny, dim=WIDTH, providers=["cpu", "cuda"])

        assert open_engine(open_artifact(tiny), "auto").provider == "cpu"

        assert "has no known text to test it by" in caplog.text

    def test_asked_for_a_gpu_that_computes_another_vector_it_refuses(self, tiny: Path) -> None:
        with pytest.raises(ProviderMissing, match=r"off by 0\.05 in a component on cuda, above 0\.01"):
            load_encoder(give_probe(tiny, 0.05), "cuda")

    def test_a_folder_s_own_tolerance_counts(self, tiny: Path) -> None:
        give_probe(tiny, 0.05)
        probe = open_artifact(tiny).manifest["probe"]
        write_manifest(tiny, dim=WIDTH, providers=["cpu", "cuda"], probe=probe, tolerance=0.1)
        assert load_encoder(tiny, "cuda").provider == "cuda"

    def test_a_text_that_fails_is_told(self, tiny: Path) -> None:
        probe = Probe(np.array([9_999]), np.zeros(WIDTH, np.float32)).as_json()
        write_manifest(tiny, dim=WIDTH, providers=["cpu", "cuda"], probe=probe)
        with pytest.raises(ProviderMissing, match="a first text fails on cuda"):
            load_encoder(tiny, "cuda")
