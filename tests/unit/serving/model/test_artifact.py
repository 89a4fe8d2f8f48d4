"""A model folder is opened whole or refused by name."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penchant.errors import BrokenArtifact
from serving.model.artifact import CENTRE, FORMAT, MANIFEST, MODEL, PARTS, TOKENIZER, Probe, open_artifact
from serving.model.sentiment import SENTIMENT
from tests.support.folders import write_manifest


def saved(array: Any) -> bytes:
    """As `np.save` writes it."""
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def test_a_whole_folder_opens(folder: Path) -> None:
    opened = open_artifact(str(folder))
    assert opened.fingerprint.startswith("three-")
    assert len(opened.fingerprint) == len("three-") + 8
    assert (opened.dim, opened.max_tokens, opened.scheme, opened.providers) == (3, 8, "fp32", ("cpu",))
    assert opened.prefixes == {"query": "query: ", "passage": "passage: "}
    assert opened.centres["query"].tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert opened.centres["passage"].tolist() == pytest.approx([0.4, 0.5, 0.6])
    assert opened.model == folder / MODEL


def test_a_folder_may_be_moved(folder: Path, tmp_path: Path) -> None:
    before = open_artifact(folder).fingerprint
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    assert open_artifact(moved).fingerprint == before


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(BrokenArtifact, match=r"no model folder at .*nowhere.*make setup.*PENCHANT_MODEL"):
        open_artifact(tmp_path / "nowhere")


def test_a_file_in_place_of_a_folder(folder: Path) -> None:
    with pytest.raises(BrokenArtifact, match="no model folder"):
        open_artifact(folder / MODEL)


@pytest.mark.parametrize("name", [*PARTS, MANIFEST])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BrokenArtifact, match=rf"{name} is missing.*penchant export"):
        open_artifact(folder)


@pytest.mark.parametrize("name", PARTS)
def test_one_flipped_bit_is_found(folder: Path, name: str) -> None:
    path = folder / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(BrokenArtifact, match=rf"{name} was altered or cut short"):
        open_artifact(folder)


def test_a_download_cut_short_is_found(folder: Path) -> None:
    path = folder / MODEL
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BrokenArtifact, match="cut short"):
        open_artifact(folder)


def test_a_newer_format_asks_for_an_upgrade(folder: Path) -> None:
    write_manifest(folder, format=FORMAT + 1)
    with pytest.raises(BrokenArtifact, match=rf"format {FORMAT + 1}.*reads up to {FORMAT}.*upgrade"):
        open_artifact(folder)


def test_another_fingerprint_is_refused(folder: Path) -> None:
    write_manifest(folder, fingerprint="three-00000000")
    with pytest.raises(BrokenArtifact, match=r"three-00000000.*manifest was edited"):
        open_artifact(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "\ufeff{}", "{}", '{"format": "1"}'])
def test_a_manifest_that_is_none(folder: Path, content: str) -> None:
    (folder / MANIFEST).write_text(content, encoding="utf-8")
    with pytest.raises(BrokenArtifact, match=r"manifest.json (is not JSON|has no format number)"):
        open_artifact(folder)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"dim": "3"}, "dim"),
        ({"dim": True}, "dim"),
        ({"dim": -3}, r"dim \(-3\)"),
        ({"max_tokens": 0}, r"max_tokens \(0\)"),
        ({"pad_id": 2**40}, "pad_id"),
        ({"tag": "\ud800"}, "tag"),
        ({"providers": [1]}, "providers"),
        ({"prefixes": {"query": "\ud800", "passage": ""}}, r"prefixes\.query"),
        ({"files": dict.fromkeys(PARTS, "0") | {SENTIMENT: None}}, r"files\.sentiment"),
        ({"providers": None}, "providers"),
        ({"prefixes": {"query": ""}}, r"prefixes\.passage"),
        ({"files": {MODEL: "0"}}, r"files\.tokenizer"),
    ],
)
def test_a_field_that_is_missing_or_of_a_wrong_type_is_named(folder: Path, changes: dict[str, Any], named: str) -> None:
    write_manifest(folder, **changes)
    with pytest.raises(BrokenArtifact, match=named):
        open_artifact(folder)


def test_centres_of_another_shape_are_refused(folder: Path) -> None:
    write_manifest(folder, dim=4)
    with pytest.raises(BrokenArtifact, match=r"centre.npy is float32 \(2, 3\), not float32 \(2, 4\)"):
        open_artifact(folder)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "header that cannot be read"),
        (b"\x93NUMPY\x01\x00v\x00" + b"{" * 118, "header that cannot be read"),
        (b"\x93NUMPY\x09\x00v\x00", "version"),
        (b"\x93NUMPY\x01\x00\x10\x00(((((((((((((((\n", "header that cannot be read"),
        (saved(np.zeros((2, 3), np.float32))[:-1], "was cut short"),
        (saved(np.full((2, 3), np.nan, np.float32)), "numbers that are none"),
        (saved(np.array([{}])), "not float32"),
        (saved(np.zeros((2, 3), np.float32)).replace(b"(2, 3), ", b"(9**9,),"), "centre.npy"),
    ],
)
def test_a_centre_that_cannot_be_read_is_refused_though_its_hash_fits(folder: Path, content: bytes, says: str) -> None:
    (folder / CENTRE).write_bytes(content)
    write_manifest(folder)
    with pytest.raises(BrokenArtifact, match=says):
        open_artifact(folder)


def test_a_centre_stored_by_columns_is_the_same(folder: Path) -> None:
    before = open_artifact(folder).centres["passage"].tolist()
    np.save(folder / CENTRE, np.asfortranarray(np.load(folder / CENTRE)))
    write_manifest(folder)
    assert open_artifact(folder).centres["passage"].tolist() == before


def test_a_manifest_nested_too_deeply_is_refused(folder: Path) -> None:
    (folder / MANIFEST).write_bytes(b"[" * 100_000)
    with pytest.raises(BrokenArtifact, match="is not JSON"):
        open_artifact(folder)


@pytest.mark.parametrize(
    ("probe", "says"),
    [
        ("red", "probe that cannot be read"),
        ({"ids": "0 1"}, "probe that cannot be read"),
        ({"ids": "0 x", "row": ""}, "probe that cannot be read"),
        ({"ids": f"{2**70}", "row": ""}, "probe that cannot be read"),
        ({"ids": "0", "row": "*"}, "probe that cannot be read"),
        ({"ids": "0", "row": "AA=="}, "probe that cannot be read"),
        ({"ids": "0", "row": "AAA="}, "probe of another model"),
        ({"ids": "", "row": "AAAAAAAA"}, "probe of another model"),
        ({"ids": "0 " * 9, "row": "AAAAAAAA"}, "probe of another model"),
    ],
)
def test_a_probe_that_fits_no_model_of_this_kind_is_refused(folder: Path, probe: object, says: str) -> None:
    write_manifest(folder, probe=probe)
    with pytest.raises(BrokenArtifact, match=says):
        open_artifact(folder)


def test_a_probe_is_read_as_it_was_written(folder: Path) -> None:
    known = Probe(np.array([0, 7, 2]), np.array([0.5, -0.25, 1], np.float32))
    write_manifest(folder, probe=known.as_json())
    read = open_artifact(folder).probe
    assert read is not None
    assert read.ids.tolist() == [0, 7, 2]
    assert read.row.tolist() == [0.5, -0.25, 1]


def new_centre(folder: Path) -> None:
    np.save(folder / CENTRE, np.zeros((2, 3), np.float32))
    write_manifest(folder)


def new_tokenizer(folder: Path) -> None:
    (folder / TOKENIZER).write_text('{"other": 1}', encoding="utf-8")
    write_manifest(folder)


def new_graph(folder: Path) -> None:
    (folder / MODEL).write_bytes(b"another")
    write_manifest(folder)


@pytest.mark.parametrize("change", [new_centre, new_tokenizer, new_graph])
def test_what_changes_vectors_changes_the_fingerprint(folder: Path, change: Callable[[Path], None]) -> None:
    before = open_artifact(folder).fingerprint
    change(folder)
    assert open_artifact(folder).fingerprint != before


def test_what_leaves_vectors_alone_leaves_the_fingerprint(folder: Path) -> None:
    before = open_artifact(folder).fingerprint
    write_manifest(folder, model="renamed", versions={"onnx": "9"})
    assert open_artifact(folder).fingerprint == before


def test_weights_in_another_file_are_refused(folder: Path) -> None:
    """Given a graph whose hash is right and whose weights lie beside it, then they could be changed unseen."""
    from onnx import TensorProto, helper, numpy_helper, save_model

    weights = numpy_helper.from_array(np.arange(64, dtype=np.float32), "weights")
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, [64])
    node = helper.make_node("Identity", ["weights"], ["out"])
    graph = helper.make_graph([node], "one", [], [output], [weights])
    save_model(
        helper.make_model(graph),
        str(folder / MODEL),
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )
    write_manifest(folder)

    with pytest.raises(BrokenArtifact, match=r"keeps weights in another file \(weights\.bin\)"):
        open_artifact(folder)

    save_model(helper.make_model(graph), str(folder / MODEL))
    write_manifest(folder)
    assert open_artifact(folder).dim == 3
