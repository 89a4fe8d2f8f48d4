"""Texts to centred unit vectors: the arithmetic with an engine done in the head, the rest with the real folder."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.errors import BrokenArtifact, ProviderMissing
from serving.model.artifact import CENTRE, MANIFEST, MODEL, PARTS, TOKENIZER, file_hash, fingerprint
from serving.model.encoder import Encoder, load_encoder
from tests.support.colours import Colours, colours


def test_rows_come_in_the_order_given_though_batches_are_sorted_by_length() -> None:
    texts = ["green green green green", "red", "blue blue", "red"]
    rows = colours(Colours()).embed(texts, "query")
    assert rows.tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0]]
    assert rows.dtype == np.float32


def test_the_centre_of_the_kind_is_subtracted_and_the_row_is_unit_again() -> None:
    rows = colours(Colours()).embed(["green"], "passage")
    # (0, 1, 0) - (1, 0, 0) has length sqrt(2)
    assert rows[0] == pytest.approx([-(0.5**0.5), 0.5**0.5, 0], abs=5e-4)


def test_a_row_at_the_centre_has_no_direction_and_is_no_nan() -> None:
    assert colours(Colours()).embed(["red"], "passage").tolist() == [[0, 0, 0]]


def test_rows_are_what_half_precision_holds() -> None:
    rows = colours(Colours()).embed(["red green blue blue", "green red red"], "passage")
    assert (rows == rows.astype(np.float16).astype(np.float32)).all()
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=5e-4)


def test_no_text_gives_no_row() -> None:
    engine = Colours()
    assert colours(engine).embed([], "query").shape == (0, 3)
    assert engine.shapes == []


def test_a_text_is_run_once_within_a_call_and_across_calls() -> None:
    engine = Colours()
    encoder = colours(engine)
    first = encoder.embed(["red", "red", "blue"], "query")
    second = encoder.embed(["blue", "red"], "query")
    assert engine.shapes == [(2, 2)]
    assert (second == first[[2, 0]]).all()


def test_a_query_is_not_answered_with_a_passage() -> None:
    encoder = colours(Colours())
    assert encoder.embed(["green"], "query").tolist() != encoder.embed(["green"], "passage").tolist()


def test_the_text_unused_longest_is_forgotten() -> None:
    engine = Colours()
    encoder = colours(engine, cache_texts=2)
    for text in ("red", "green", "red", "blue", "red", "green"):
        encoder.embed([text], "query")
    assert len(engine.shapes) == 4  # red, green, blue, and green again


def test_a_cache_of_nothing_remembers_nothing() -> None:
    engine = Colours()
    encoder = colours(engine, cache_texts=0)
    encoder.embed(["red"], "query")
    assert encoder.embed(["red"], "query").tolist() == [[1, 0, 0]]
    assert len(engine.shapes) == 2


def test_what_the_caller_does_to_a_row_does_not_reach_the_cache() -> None:
    encoder = colours(Colours())
    encoder.embed(["red"], "query")[:] = 9
    assert encoder.embed(["red"], "query").tolist() == [[1, 0, 0]]


def test_threads_do_not_disturb_each_other() -> None:
    texts = [" ".join(["red"] * (1 + i % 3) + ["green"] * (1 + i % 5)) for i in range(60)]
    alone = colours(Colours()).embed(texts, "query")
    shared = colours(Colours(), cache_texts=5)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda begin: shared.embed(texts[begin : begin + 30], "query"), range(30)))
    for begin, rows in enumerate(together):
        assert (rows == alone[begin : begin + 30]).all()


def test_half_a_surrogate_pair_is_no_error() -> None:
    assert colours(Colours()).embed(["red \ud83d"], "query").tolist() == [[1, 0, 0]]


FOLDER = Path(os.environ.get("PENCHANT_MODEL") or Path(__file__).parents[4] / ".cache" / "models" / "default")
needs_model = pytest.mark.skipif(not (FOLDER / MANIFEST).is_file(), reason=f"no model folder at {FOLDER}: `make setup`")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(FOLDER, "cpu")


@pytest.mark.model
@needs_model
class TestRealFolder:
    """What only the real graph can show."""

    TEXTS = (
        "我喜欢看电影，尤其是科幻片",
        "I like films",
        "",
        "A long one. " * 40,
        "房间很大，早餐不错，服务员也很热情，下次还会来。",
        "👍",
        "\x00\u200d",
    )

    def test_rows_are_unit_and_of_the_manifest_s_dimension(self, encoder: Encoder) -> None:
        rows = encoder.embed(self.TEXTS, "passage")
        assert rows.shape == (len(self.TEXTS), encoder.dim)
        assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-3)

    def test_a_text_alone_is_the_text_in_a_batch(self, encoder: Encoder) -> None:
        together = encoder.embed(self.TEXTS, "query")
        lonely = load_encoder(FOLDER, "cpu", cache_texts=0)
        for text, row in zip(self.TEXTS, together, strict=True):
            assert lonely.embed([text], "query")[0] == pytest.approx(row, abs=2e-3)  # the gate's 1e-3 before centring

    def test_what_is_beyond_the_limit_is_not_read(self, encoder: Encoder) -> None:
        rows = encoder.embed(["word " * 2_000, "word " * 9_000 + "other end"], "query")
        assert rows[0] == pytest.approx(rows[1], abs=2e-3)

    def test_a_statement_is_nearer_to_its_genre_in_the_other_language(self, encoder: Encoder) -> None:
        wish = encoder.embed(["我喜欢看电影，尤其是科幻片", "想看浪漫喜剧"], "query")
        films = encoder.embed(["Sci-Fi, Adventure film", "Romance, Comedy film"], "passage")
        assert (wish @ films.T).argmax(axis=1).tolist() == [0, 1]

    def test_warm_up_leaves_nothing_behind(self, encoder: Encoder) -> None:
        before = encoder.embed(["warm"], "query")
        encoder.warm_up()
        assert (encoder.embed(["warm"], "query") == before).all()

    def test_says_where_it_runs(self, encoder: Encoder) -> None:
        assert encoder.provider == "cpu"
        assert encoder.fingerprint == json.loads((FOLDER / MANIFEST).read_text("utf-8"))["fingerprint"]


def altered(target: Path, **changes: Any) -> Path:
    """The real folder by links, with another manifest."""
    target.mkdir()
    manifest = json.loads((FOLDER / MANIFEST).read_text("utf-8")) | changes
    for name in manifest["files"]:
        (target / name).symlink_to((FOLDER / name).resolve())
    (target / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return target


def rehash(folder: Path) -> None:
    """Makes the manifest fit what now lies in the folder, as an exporter with a defect would."""
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    manifest["files"] = {name: file_hash(folder / name) for name in PARTS}
    manifest["fingerprint"] = fingerprint(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.model
@needs_model
class TestRefusals:
    """What a worker refuses at start, and what it says."""

    def test_cuda_asked_and_not_had(self, tmp_path: Path) -> None:
        import onnxruntime

        if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
            pytest.skip("onnxruntime-gpu is installed; test-gpu covers it")
        with pytest.raises(ProviderMissing, match=r"onnxruntime-gpu.*CUDA 13.*cuDNN 9"):
            load_encoder(altered(tmp_path / "both", providers=["cpu", "cuda"]), "cuda")

    def test_a_scheme_that_the_provider_cannot_run_names_one_that_can(self, tmp_path: Path) -> None:
        folder = altered(tmp_path / "gpu", providers=["cuda"], scheme="fp16")
        with pytest.raises(ProviderMissing, match=r"fp16 .* does not run on cpu, it runs on cuda"):
            load_encoder(folder, "cpu")

    def test_auto_refuses_what_only_a_gpu_could_run(self, tmp_path: Path) -> None:
        folder = altered(tmp_path / "gpu", providers=["cuda"], scheme="fp16")
        with pytest.raises(ProviderMissing, match="runs on CUDA only"):
            load_encoder(folder, "auto")

    def test_auto_takes_the_cpu(self, tmp_path: Path) -> None:
        assert load_encoder(altered(tmp_path / "cpu", providers=["cpu"]), "auto").provider == "cpu"

    @pytest.mark.parametrize(("name", "words"), [(MODEL, "(me|VINO) cannot load"), (TOKENIZER, "cannot be read")])
    def test_a_part_that_is_whole_but_nonsense(self, tmp_path: Path, name: str, words: str) -> None:
        folder = altered(tmp_path / "broken")
        (folder / name).unlink()
        (folder / name).write_bytes(b"{}")
        rehash(folder)
        with pytest.raises(BrokenArtifact, match=words):
            load_encoder(folder, "cpu")

    def test_another_centre_is_another_fingerprint(self, tmp_path: Path, encoder: Encoder) -> None:
        folder = altered(tmp_path / "moved")
        (folder / CENTRE).unlink()
        shutil.copy((FOLDER / CENTRE).resolve(), folder / CENTRE)
        np.save(folder / CENTRE, np.zeros((2, encoder.dim), np.float32))
        with pytest.raises(BrokenArtifact, match=r"centre\.npy was altered"):
            load_encoder(folder, "cpu")
        rehash(folder)
        assert load_encoder(folder, "cpu").fingerprint != encoder.fingerprint
