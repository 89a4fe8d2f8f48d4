"""What --json writes and what is printed, from times that can be divided in the head."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks.encoder.figures import Measured, figures_of
from benchmarks.encoder.loss import Loss
from benchmarks.encoder.operations import operations
from benchmarks.encoder.printed import show
from benchmarks.encoder.turns import SHAPES, Times
from export.networks.bert_graph import BertNetwork
from tests.support.tiny_encoder import INNER, LAYERS, WIDTH, tiny_bert

KIND = "onnxruntime int8-weight-only"


def times(ms: float) -> dict[str, Times]:
    return {shape: Times(ms * texts, 0.5 * ms * texts, 9) for shape, (texts, _) in SHAPES.items()}


MEASURED = Measured(
    default=KIND,
    times={"torch fp32": times(12), KIND: times(4), "static vectors": times(0.01)},
    losses={KIND: Loss(0.97, 0.999, 7e-8), "static vectors": Loss(0.5, by_queries={"statements": 0.25})},
    bytes={"torch fp32": 470_000_000, KIND: 127_000_000, "static vectors": 128_000_000},
    gflops={"float32": 200.0},
    operations=6.4e9,
    texts_per_s={"token budget": 330.0, "one by one": 229.0},
)


def test_the_contract_s_keys_are_those_of_the_default() -> None:
    told = figures_of(MEASURED)

    assert told["ms"][KIND] == {"1x16": 4, "1x64": 4, "8x64": 32, "32x64": 128}
    assert told["ratio_to_torch_fp32"] == {"32x64": 3, "1x16": 3}
    assert told["top10_overlap"] == 0.97
    assert told["batch_max_difference"] == 7e-8


def test_a_share_is_of_the_best_run() -> None:
    """6.4 billion operations in 64 ms are 100 GFLOP/s, of 200."""
    told = figures_of(MEASURED)

    assert told["share_of_peak"] == 0.5
    assert told["engines"]["static vectors"]["share_of_peak"] is None
    assert figures_of(replace(MEASURED, operations=None))["share_of_peak"] is None


def test_without_torch_there_is_no_ratio() -> None:
    alone = replace(MEASURED, times={KIND: times(4)}, losses={})

    told = figures_of(alone)

    assert told["ratio_to_torch_fp32"] is None
    assert (told["top10_overlap"], told["batch_max_difference"]) == (None, None)


def test_an_encoder_s_operations_are_counted(tmp_path: Path) -> None:
    weights = WIDTH * 3 * WIDTH + WIDTH * WIDTH + 2 * WIDTH * INNER
    attention = 2 * 2 * 5 * WIDTH  # scores and weighted values, of one token with five

    assert operations(BertNetwork(tiny_bert()), 2, 5) == LAYERS * 2 * 5 * (2 * weights + attention)


def printed(figures: dict[str, Any]) -> list[str]:
    file = io.StringIO()
    show(figures, Console(file=file, width=150))
    return file.getvalue().splitlines()


@pytest.fixture
def whole() -> dict[str, Any]:
    about = {"model": "intfloat/e5", "cpu": "a processor (avx2)", "threads": 2, "cores": 2, "load": 0.4}
    more = {"folder": "models/x", "fingerprint": "e5s-1", "python_s": 0.1, "seconds": 200.0}
    return about | more | figures_of(MEASURED) | {"left_out": {"torch bf16": "no room"}}


def test_the_table_lines_up_and_is_plain(whole: dict[str, Any]) -> None:
    lines = printed(whole)

    table = [line for line in lines if line[:1] in "┏┃┡│└"]
    assert len({len(line) for line in table[:7]}) == 1
    assert not any("\x1b" in line for line in lines)
    (row,) = [line for line in lines if KIND in line]
    assert row.replace("│", " ").split() == [
        *KIND.split(), "*", "4.0", "4.0", "32.0", "128", "3.0", "3.0", "0.970", "7e-08", "50%", "127",
    ]  # fmt: skip


def test_what_the_table_does_not_say_stands_below_it(whole: dict[str, Any]) -> None:
    text = "\n".join(printed(whole))

    assert "torch bf16 was left out: no room" in text
    assert "static vectors: of the ten nearest to statements 25% stay" in text
    assert "float32 200 GFLOP/s" in text
    assert "load 0.4 before the run" in text
    assert "Bias: engines took turns" in text
