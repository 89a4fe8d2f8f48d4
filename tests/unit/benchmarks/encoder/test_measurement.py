"""A small measurement from beginning to end, of a folder whose origin is unknown here."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.encoder.__main__ import main
from benchmarks.encoder.measurement import Options, measure
from benchmarks.encoder.process.packing import WAYS
from benchmarks.encoder.turns import SHAPES
from export.candidates import Progress
from export.gate.texts import Texts
from tests.support.tiny_encoder import write_tiny_folder

COLOURS = ("red", "green", "blue")
TEXTS = Texts(
    {"goods": [f"{colour} {thing}" for colour in COLOURS for thing in ("film", "shoes", "bread", "green film")]},
    {"wishes": [*COLOURS, "blue bread"]},
)


def test_a_folder_of_unknown_origin_is_timed_and_told_what_to_compare_with(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "tiny")

    told = measure(Options(folder, None, tmp_path, seconds=0, threads=1, schemes=False), TEXTS, Progress())

    assert json.loads(json.dumps(told)) == told
    assert list(told["ms"]) == ["onnxruntime fp32", "static vectors"]
    assert all(list(by) == list(SHAPES) and min(by.values()) > 0 for by in told["ms"].values())
    assert list(told["texts_per_s"]) == list(WAYS)
    assert told["ratio_to_torch_fp32"] is None
    assert "--torch-folder" in told["left_out"]["float32 to compare with"]
    assert "torch" in told["left_out"]
    assert told["model"] == "tests/three-numbers"
    assert told["cpu"]
    assert told["python_s"] > 0


@pytest.mark.parametrize("options", [["--model", "nowhere"]])
def test_a_folder_that_is_not_there_is_named(options: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [*options, "--json", str(tmp_path / "out.json")])

    assert done.exit_code == 78
    assert "no model folder at nowhere" in done.output
    assert not (tmp_path / "out.json").exists()
