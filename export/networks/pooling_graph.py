"""Puts pooling, dense layers and the L2 norm at the end of a graph: token states to unit rows."""

import numpy as np
from onnx import ModelProto, TensorProto, helper

from export.networks.graph import EMBEDDING, IDS, MASK, POSITIONS, STATES, TYPES, Graph, inputs
from export.networks.pooling import Dense, Pooling
from penchant.errors import Misconfigured


def append(model: ModelProto, states: int, pooling: Pooling) -> None:
    """Appends the pooling and the L2 norm to a graph that ends in STATES, `states` components each, in place.

    Rows become (n, width) float32 unit rows under the name EMBEDDING. What the layers take beside IDS and MASK is made
    from these: token types, all zero for one text, and positions, which count from a text's first token, since rows
    are filled up at their end. float16 states are cast first: the sum runs in float32.
    """
    graph = Graph("pool.")
    _inputs_derived(model)
    rows = _POOLED[pooling.mode](graph, graph.node("Cast", [STATES], "states", to=TensorProto.FLOAT))
    for index, dense in enumerate(pooling.dense):
        rows = _applied(graph, dense, rows, f"dense.{index}")
    last = graph.constant("last_axis", np.array([-1]))
    if pooling.dim is not None:
        whole = Pooling(pooling.mode, pooling.dense).width(states)
        if not 1 <= pooling.dim <= whole:
            raise Misconfigured(f"--dim {pooling.dim}: this model's rows have {whole} components")
        begin, end = graph.constant("begin", np.array([0])), graph.constant("end", np.array([pooling.dim]))
        rows = graph.node("Slice", [rows, begin, end, last], "cut")
    norm = graph.node("ReduceL2", [rows, last], "norm", keepdims=1)
    graph.node("Div", [rows, norm], EMBEDDING)
    model.graph.node.extend(graph.nodes)
    model.graph.initializer.extend(graph.constants)
    del model.graph.input[:], model.graph.output[:], model.graph.value_info[:]
    model.graph.input.extend(inputs())
    row = ["n", pooling.width(states)]
    model.graph.output.append(helper.make_tensor_value_info(EMBEDDING, TensorProto.FLOAT, row))


def _mean(graph: Graph, states: str) -> str:
    """The mean over real tokens."""
    last, axis = graph.constant("mask_axis", np.array([-1])), graph.constant("token_axis", np.array([1]))
    mask = graph.node("Unsqueeze", [graph.node("Cast", [MASK], "mask", to=TensorProto.FLOAT), last], "column")
    total = graph.node("ReduceSum", [graph.node("Mul", [states, mask], "real"), axis], "sum", keepdims=0)
    return graph.node("Div", [total, graph.node("ReduceSum", [mask, axis], "count", keepdims=0)], "mean")


def _cls(graph: Graph, states: str) -> str:
    return graph.node("Gather", [states, graph.constant("first", np.array(0))], "cls", axis=1)


def _last(graph: Graph, states: str) -> str:
    """The state of each text's last real token."""
    last, one = graph.constant("count_axis", np.array([-1])), graph.constant("one", np.array(1))
    count = graph.node("ReduceSum", [MASK, last], "count", keepdims=1)
    return graph.node("GatherND", [states, graph.node("Sub", [count, one], "place")], "last", batch_dims=1)


_POOLED = {"mean": _mean, "cls": _cls, "last": _last}


def _applied(graph: Graph, dense: Dense, rows: str, name: str) -> str:
    weight = graph.constant(f"{name}.weight", dense.linear.weight)
    rows = graph.node("Gemm", [rows, weight, graph.constant(f"{name}.bias", dense.linear.bias)], name)
    return graph.node(dense.activation, [rows], f"{name}.active") if dense.activation else rows


def _inputs_derived(model: ModelProto) -> None:
    """Puts nodes before the layers that make token types and positions of the ids."""
    taken = {value.name for value in model.graph.input}
    before = Graph("pool.")
    if TYPES in taken:
        before.node("Mul", [IDS, before.constant("zero", np.array(0))], TYPES)
    if POSITIONS in taken:
        one, axis = before.constant("each", np.array(1)), before.constant("along", np.array(1))
        nothing = before.node("Mul", [IDS, before.constant("none", np.array(0))], "nothing")
        before.node("CumSum", [before.node("Add", [nothing, one], "ones"), axis], POSITIONS, exclusive=1)
    further = taken - {IDS, MASK, TYPES, POSITIONS}
    if further:
        raise Misconfigured(f"the exported graph asks for {', '.join(sorted(further))}: such models are not exported")
    for node in reversed(before.nodes):
        model.graph.node.insert(0, node)
    model.graph.initializer.extend(before.constants)
