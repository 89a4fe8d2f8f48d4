"""An ONNX graph that grows node by node, and the names that every graph of a model folder has."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

__all__ = ("IDS",)

IDS, MASK, TYPES, POSITIONS = "input_ids", "attention_mask", "token_type_ids", "position_ids"
STATES = "last_hidden_state"  # (n, tokens, d) float32, what a graph ends in before pooling
EMBEDDING = "embedding"  # (n, d) float32 unit rows, what a worker reads

_WHOLE = {STATES, EMBEDDING, TYPES, POSITIONS}  # names that no prefix is put before

_MICROSOFT = "com.microsoft"
_OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid(_MICROSOFT, 1)]
_IR = 9


class Graph:
    """Nodes and constants in the order in which they run. Methods return the name of what they add."""

    def __init__(self, prefix: str = "") -> None:
        """prefix: what every name begins with, where the nodes join a graph that stands."""
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self._prefix = prefix

    def constant(self, name: str, value: npt.ArrayLike) -> str:
        """A constant, of the array's own type."""
        self.constants.append(numpy_helper.from_array(np.array(value, order="C"), self._prefix + name))
        return self._prefix + name

    def node(self, kind: str, inputs: Sequence[str], output: str, *, domain: str = "", **attributes: Any) -> str:
        """A node with one output. domain: "" for the standard's operators."""
        output = output if output in _WHOLE else self._prefix + output
        self.nodes.append(helper.make_node(kind, inputs, [output], output, domain=domain, **attributes))
        return output

    def fused(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """A node of an operator that ONNX Runtime adds to the standard."""
        return self.node(kind, inputs, output, domain=_MICROSOFT, **attributes)

    def model(self, dim: int) -> ModelProto:
        """The graph whole: IDS and MASK, (n, tokens) int64, to STATES, (n, tokens, dim) float32."""
        output = helper.make_tensor_value_info(STATES, TensorProto.FLOAT, ["n", "tokens", dim])
        graph = helper.make_graph(self.nodes, "encoder", inputs(), [output], self.constants)
        return helper.make_model(graph, opset_imports=_OPSETS, ir_version=_IR, producer_name="penchant")


def inputs(names: Iterable[str] = (IDS, MASK)) -> list[Any]:
    """Declarations of inputs, (n, tokens) int64 each."""
    return [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "tokens"]) for name in names]
