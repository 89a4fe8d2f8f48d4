"""From token states to one row a text: what a model does after its layers, read from its folder.

A folder of sentence-transformers says it in `modules.json`: a Transformer, a Pooling, perhaps Dense layers and a
Normalize, each with its `config.json`. What is said there and not known here is refused by name: pooled another way, a
model still gives vectors, only not its own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from export.networks.bert import Linear, read_safetensors
from penchant.errors import Misconfigured

__all__ = ("MODES", "Mode", "Pooling", "read_pooling")

Mode = Literal["mean", "cls", "last"]
MODES: tuple[Mode, ...] = get_args(Mode)

# A folder's words for the modes; before release 5.4 sentence-transformers wrote a flag a mode instead.
_MODES: Mapping[str, Mode] = {"mean": "mean", "cls": "cls", "lasttoken": "last"}
_FLAGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_lasttoken": "lasttoken",
}
_ACTIVATIONS = {"Identity": "", "Tanh": "Tanh", "ReLU": "Relu", "Sigmoid": "Sigmoid"}


@dataclass(frozen=True, slots=True)
class Dense:
    """A layer after pooling. activation: an ONNX operator, or "" for none."""

    linear: Linear
    activation: str


@dataclass(frozen=True, slots=True)
class Pooling:
    """mode: which states make the row. dense: layers after it. dim: how many components are kept, None for all.

    Fewer than all is for models that were trained so that their first components stand alone (Matryoshka
    representation learning, Kusupati et al., 2022); the row is made unit again.
    """

    mode: Mode
    dense: tuple[Dense, ...] = ()
    dim: int | None = None

    def width(self, states: int) -> int:
        """Components of a row, of a model whose token states have `states`."""
        whole = self.dense[-1].linear.bias.shape[0] if self.dense else states
        return whole if self.dim is None else self.dim


def read_pooling(folder: Path, wanted: Mode | None, dim: int | None) -> Pooling:
    """What the folder says, `wanted` where it says nothing, else the mean.

    Raises Misconfigured where the folder and `wanted` differ, and where it says something that is not known here.
    """
    modules = folder / "modules.json"
    if not modules.is_file():
        return Pooling(wanted or _default(folder), (), dim)
    mode: Mode | None = None
    dense: list[Dense] = []
    for module in json.loads(modules.read_text(encoding="utf-8")):
        name, place = str(module["type"]).rpartition(".")[2], folder / str(module.get("path", ""))
        match name:
            case "Transformer" | "Normalize":
                pass
            case "Pooling":
                mode = _mode(place / "config.json")
            case "Dense":
                dense.append(_dense(place))
            case _:
                raise Misconfigured(f"{modules} has a module {name} after the layers: such models are not exported")
    if mode is None:
        raise Misconfigured(f"{modules} has no Pooling: such models are not exported")
    if wanted not in {None, mode}:
        raise Misconfigured(f"--pooling {wanted}, but {modules} says {mode}: leave the option out")
    return Pooling(mode, tuple(dense), dim)


def _default(folder: Path) -> Mode:
    """The mean for an encoder, as is the custom. A decoder's states see only what stands before them: no custom."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    names = " ".join(config.get("architectures") or [])
    if "CausalLM" in names:
        raise Misconfigured(
            f"{folder} is a decoder ({names}) and has no modules.json that says how its states become one vector: "
            "name it, --pooling last or --pooling mean"
        )
    return "mean"


def _mode(path: Path) -> Mode:
    config = json.loads(path.read_text(encoding="utf-8"))
    if config.get("include_prompt", True) is False:
        raise Misconfigured(f"{path} leaves the prompt's tokens out of the pooling: such models are not exported")
    named = config.get("pooling_mode") or [
        _FLAGS.get(key, key) for key, value in config.items() if key.startswith("pooling_mode_") and value is True
    ]
    modes = [named] if isinstance(named, str) else list(named) or ["mean"]  # the library's own default
    if len(modes) != 1 or modes[0] not in _MODES:
        raise Misconfigured(f"{path} pools by {' and '.join(modes)}: known are {', '.join(_MODES)}, one at a time")
    return _MODES[modes[0]]


def _dense(place: Path) -> Dense:
    config = json.loads((place / "config.json").read_text(encoding="utf-8"))
    activation = str(config.get("activation_function", "Identity")).rpartition(".")[2]
    if activation not in _ACTIVATIONS:
        raise Misconfigured(f"{place} has the activation {activation}: known are {', '.join(_ACTIVATIONS)}")
    if config.get("module_input_name", "sentence_embedding") != "sentence_embedding":
        raise Misconfigured(f"{place} is a dense layer on token states: such models are not exported")
    if not (place / "model.safetensors").is_file():
        raise Misconfigured(
            f"{place} has no model.safetensors: save the model again with a newer sentence-transformers"
        )
    tensors = read_safetensors(place / "model.safetensors")
    weight = tensors["linear.weight"].T
    bias = tensors.get("linear.bias", np.zeros(weight.shape[1], np.float32))
    return Dense(Linear(np.ascontiguousarray(weight), bias), _ACTIVATIONS[activation])
