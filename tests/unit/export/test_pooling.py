"""What a folder says of its pooling: read, asked for, refused; and what the graph then does with states."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from export.networks.bert import Linear
from export.networks.graph import IDS, MASK, STATES, TYPES
from export.networks.pooling import Dense, Pooling, read_pooling
from export.networks.pooling_graph import append
from export.sources import Wanted, resolve
from penchant.errors import Misconfigured

STATES_OF = np.random.default_rng(20).normal(size=(3, 5, 4)).astype(np.float32)
LENGTHS = np.array([5, 1, 3])
MASKS = (np.arange(5) < LENGTHS[:, np.newaxis]).astype(np.int64)


def folder_of(path: Path, pooling: dict[str, Any], *modules: str, config: str = "{}") -> Path:
    """A folder that says how it pools, with further modules after the pooling."""
    (path / "config.json").write_text(config, encoding="utf-8")
    names = ["Transformer", "Pooling", *modules]
    told = [{"idx": i, "path": "" if i == 0 else f"{i}_{name}", "type": f"x.{name}"} for i, name in enumerate(names)]
    (path / "modules.json").write_text(json.dumps(told), encoding="utf-8")
    (path / "1_Pooling").mkdir()
    (path / "1_Pooling" / "config.json").write_text(json.dumps(pooling), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("said", "mode"),
    [
        ({"pooling_mode": "mean"}, "mean"),
        ({"pooling_mode": ["lasttoken"], "include_prompt": True}, "last"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"word_embedding_dimension": 8}, "mean"),
    ],
)
def test_what_the_folder_says_is_taken(tmp_path: Path, said: dict[str, Any], mode: str) -> None:
    assert read_pooling(folder_of(tmp_path, said, "Normalize"), None, None) == Pooling(mode)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "modules", "words"),
    [
        ({"pooling_mode": "max"}, (), "pools by max: known are mean, cls, lasttoken"),
        ({"pooling_mode_cls_token": True, "pooling_mode_max_tokens": True}, (), "pools by cls and pooling_mode_max"),
        ({"pooling_mode": "mean", "include_prompt": False}, (), "leaves the prompt's tokens out"),
        ({"pooling_mode": "mean"}, ("LayerNorm",), "a module LayerNorm after the layers"),
        ({"pooling_mode": "cls"}, (), r"--pooling mean, but .* says cls"),
    ],
)
def test_what_is_not_known_is_refused(
    tmp_path: Path, said: dict[str, Any], modules: tuple[str, ...], words: str
) -> None:
    folder = folder_of(tmp_path, said, *modules)
    with pytest.raises(Misconfigured, match=words):
        read_pooling(folder, "mean" if "--pooling" in words else None, None)


def test_a_folder_without_a_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"no config\.json"):
        resolve(Wanted(str(tmp_path), tmp_path), tmp_path)


def test_a_decoder_that_does_not_say_is_asked_about(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["Qwen3ForCausalLM"]}', encoding="utf-8")
    with pytest.raises(Misconfigured, match="--pooling last"):
        read_pooling(tmp_path, None, None)
    assert read_pooling(tmp_path, "last", 256) == Pooling("last", (), 256)


def pooled(pooling: Pooling) -> Any:
    """What a graph that passes STATES on gives with this pooling, (3, width)."""
    inputs = [
        helper.make_tensor_value_info(STATES, TensorProto.FLOAT, ["n", "tokens", 4]),
        *(helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "tokens"]) for name in (IDS, MASK, TYPES)),
    ]
    states = helper.make_node("Identity", ["given"], [STATES])
    inputs[0].name = "given"
    graph = helper.make_graph(
        [states], "g", inputs[1:], [helper.make_tensor_value_info(STATES, TensorProto.FLOAT, None)]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    append(model, 4, pooling)
    model.graph.input.append(inputs[0])
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {IDS: np.ones((3, 5), np.int64), MASK: MASKS, "given": STATES_OF})[0]


def unit(rows: Any) -> Any:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_rows_are_of_real_tokens() -> None:
    mean = np.stack([state[:length].mean(axis=0) for state, length in zip(STATES_OF, LENGTHS, strict=True)])
    last = np.stack([state[length - 1] for state, length in zip(STATES_OF, LENGTHS, strict=True)])

    assert pooled(Pooling("mean")) == pytest.approx(unit(mean), abs=1e-6)
    assert pooled(Pooling("cls")) == pytest.approx(unit(STATES_OF[:, 0]), abs=1e-6)
    assert pooled(Pooling("last")) == pytest.approx(unit(last), abs=1e-6)
    assert pooled(Pooling("cls", (), 2)) == pytest.approx(unit(STATES_OF[:, 0, :2]), abs=1e-6)


def test_dense_layers_follow_the_pooling() -> None:
    weight = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    bias = np.array([0.5, 0.0, -1.0], np.float32)
    mean = np.stack([state[:length].mean(axis=0) for state, length in zip(STATES_OF, LENGTHS, strict=True)])

    rows = pooled(Pooling("mean", (Dense(Linear(weight, bias), "Tanh"),)))

    assert rows == pytest.approx(unit(np.tanh(mean @ weight + bias)), abs=1e-6)


def test_more_components_than_there_are_is_refused() -> None:
    with pytest.raises(Misconfigured, match="--dim 5: this model's rows have 4"):
        pooled(Pooling("mean", (), 5))
