"""The measurement of a GPU's schemes, on the CPU's provider, and what is said where there is no GPU."""

import io
import json
from pathlib import Path

import onnxruntime
import pytest
from click.testing import CliRunner
from rich.console import Console
from tokenizers import Tokenizer

from benchmarks.encoder.__main__ import main
from benchmarks.encoder.gpu import Setup, measure_schemes, show_gpu
from export.candidates import Progress
from export.networks.bert_graph import BertNetwork
from export.networks.pooling import Pooling
from export.quantize import Scheme
from export.sources import Source
from serving.model.artifact import TOKENIZER
from tests.support.tiny_encoder import TOKENS, tiny_bert, write_tiny_folder
from tests.unit.benchmarks.encoder.test_measurement import TEXTS


def test_a_scheme_is_timed_at_each_number_of_texts(tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(write_tiny_folder(tmp_path / "tiny") / TOKENIZER))
    no_prefixes = {"query": "", "passage": ""}
    network, pooling = BertNetwork(tiny_bert()), Pooling("mean")
    source = Source("tests/tiny", "a test", "tiny", network, pooling, tokenizer, no_prefixes, TOKENS, 1)  # type: ignore[arg-type]

    told = measure_schemes(Setup(source, "cpu", 1, 0), [Scheme.FP32], TEXTS, Progress())

    assert json.loads(json.dumps(told)) == told
    assert list(told["texts_per_s"]["fp32"]) == ["1", "32", "256", "many lengths"]
    assert min(told["texts_per_s"]["fp32"].values()) > 0
    assert told["engines"]["fp32"]["top10_overlap"] == 1
    shown = io.StringIO()
    show_gpu(told, Console(file=shown, width=120))
    assert "fp32" in shown.getvalue()


def test_without_cuda_it_says_so_in_a_sentence(tmp_path: Path) -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("onnxruntime-gpu is installed")
    folder = write_tiny_folder(tmp_path / "tiny")

    done = CliRunner().invoke(main, ["--device", "cuda", "--model", str(folder), "--wheels", str(tmp_path)])

    assert done.exit_code == 78
    assert done.output.count("\n") == 1
    assert "--device cuda: this onnxruntime was built without CUDA; it needs onnxruntime-gpu" in done.output
