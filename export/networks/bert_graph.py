"""Writes the fused float32 graph of a BERT-like encoder with `onnx` alone: token ids and mask to token states.

The nodes are those that ONNX Runtime's own fusion ends in (com.microsoft: Attention, SkipLayerNormalization, BiasGelu).
`make test-export` holds that both ways give the same vectors.
"""

from dataclasses import dataclass

import numpy as np
from onnx import ModelProto, TensorProto

from export.networks.bert import Bert, Floats, Layer, Linear, Norm
from export.networks.graph import IDS, MASK, STATES, Graph
from export.networks.pooling import Pooling
from export.networks.pooling_graph import append
from serving.model.engines.onnx_runtime import OnnxRuntime
from serving.model.tokens import Run

__all__ = ("BertNetwork",)


def write(bert: Bert, attention: str) -> ModelProto:
    """The graph, IDS and MASK to STATES.

    attention: "packed" gives one Attention node a layer with its projections inside; "split" leaves the projections as
    MatMul beside a MultiHeadAttention node, for schemes that quantise MatMul alone.
    """
    writer = _Writer(Graph(), bert, attention)
    mask = writer.graph.node("Cast", [MASK], "mask", to=TensorProto.INT32)
    states = writer.embeddings()
    names = [f"layer.{index}" for index in range(len(bert.layers))]
    for name, layer in zip(names, bert.layers, strict=True):
        states = writer.layer(layer, name, states, mask, STATES if name == names[-1] else f"{name}.out")
    return writer.graph.model(bert.dim)


@dataclass(frozen=True)
class _Writer:
    """Adds the parts of an encoder to a graph; each method returns the name of what it computes."""

    graph: Graph
    bert: Bert
    attention: str

    def embeddings(self) -> str:
        """The first layer's input: rows of words, positions and the token type added up and normalised."""
        graph, bert = self.graph, self.bert
        words = graph.node("Gather", [graph.constant("words", bert.words), IDS], "words.rows")
        first, one, two = (graph.constant(f"axis.{number}", np.array([number])) for number in range(3))
        tokens = graph.node("Slice", [graph.node("Shape", [IDS], "shape"), one, two], "tokens")
        table = graph.constant("positions", bert.positions)
        rows = graph.node("Slice", [table, first, tokens, first], "positions.rows")
        row = graph.node("Unsqueeze", [rows, first], "positions.batch")
        return self.normalised(words, row, bert.kind, bert.norm, "embeddings")

    def layer(self, layer: Layer, name: str, states: str, mask: str, out: str) -> str:
        """One layer's states."""
        attend = self.packed if self.attention == "packed" else self.split
        added = self.multiplied(layer.attention_out, attend(layer.qkv, name, states, mask), f"{name}.attention_out")
        middle = self.normalised(added, states, layer.attention_out.bias, layer.attention_norm, f"{name}.middle")
        up = self.multiplied(layer.up, middle, f"{name}.up")
        bias = self.graph.constant(f"{name}.up.bias", layer.up.bias)
        down = self.multiplied(layer.down, self.graph.fused("BiasGelu", [up, bias], f"{name}.active"), f"{name}.down")
        return self.normalised(down, middle, layer.down.bias, layer.norm, out)

    def multiplied(self, linear: Linear, states: str, name: str) -> str:
        """`states @ weight`; the bias is added by the node that follows."""
        return self.graph.node("MatMul", [states, self.graph.constant(f"{name}.weight", linear.weight)], name)

    def normalised(self, added: str, states: str, bias: Floats, norm: Norm, name: str) -> str:
        """The norm of `added + states + bias`."""
        parts = {"gamma": norm.gamma, "beta": norm.beta, "bias": bias}
        names = [self.graph.constant(f"{name}.{part}", value) for part, value in parts.items()]
        return self.graph.fused("SkipLayerNormalization", [added, states, *names], name, epsilon=self.bert.epsilon)

    def packed(self, qkv: Linear, name: str, states: str, mask: str) -> str:
        """Attention with its projections."""
        weight = self.graph.constant(f"{name}.qkv.weight", qkv.weight)
        bias = self.graph.constant(f"{name}.qkv.bias", qkv.bias)
        inputs = [states, weight, bias, mask]
        return self.graph.fused("Attention", inputs, f"{name}.attention", num_heads=self.bert.heads)

    def split(self, qkv: Linear, name: str, states: str, mask: str) -> str:
        """Three projections apart, so that each is a MatMul that can be quantised; their biases in one."""
        rows = [
            self.graph.node("MatMul", [states, self.graph.constant(f"{name}.{part}.weight", weight)], f"{name}.{part}")
            for part, weight in zip("qkv", np.hsplit(qkv.weight, 3), strict=True)
        ]
        inputs = [*rows, self.graph.constant(f"{name}.qkv.bias", qkv.bias), mask]
        return self.graph.fused("MultiHeadAttention", inputs, f"{name}.attention", num_heads=self.bert.heads)


@dataclass(frozen=True)
class BertNetwork:
    """A BERT-like encoder whose graph is written here."""

    bert: Bert

    @property
    def dim(self) -> int:
        """Components of a token's state."""
        return self.bert.dim

    def fused(self, attention: str) -> ModelProto:
        """See `write`."""
        return write(self.bert, attention)

    def reference(self, pooling: Pooling) -> Run:
        """Ids and mask to unit rows in float32: the written graph's own, in ONNX Runtime.

        That they are torch's within 1e-6 is what `make test-export` shows.
        """
        model = self.fused("packed")
        append(model, self.dim, pooling)
        return OnnxRuntime(model.SerializeToString()).run
