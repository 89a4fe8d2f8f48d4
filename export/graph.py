"""A model folder of transformers to one fused ONNX graph, and from token states to unit rows inside the graph.

The order matters: export through optimum, fuse, quantise (quantize.py), and only then add pooling. Pooling exported
with the model (library sentence-transformers) carries an Expand that breaks shape inference, and later fusions are
lost.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

log = logging.getLogger(__name__)

IDS, MASK, TYPES = "input_ids", "attention_mask", "token_type_ids"
STATES = "last_hidden_state"  # (n, tokens, d) float32, what optimum exports
_OUTPUT = "embedding"  # (n, d) float32 unit rows, what a worker reads


def export_plain(folder: Path, target: Path) -> Path:
    """Exports a model folder through optimum, float32, not yet fused: ids, mask (and token types) to STATES."""
    from optimum.exporters.onnx import main_export

    with quiet():
        main_export(str(folder), target, task="feature-extraction", library_name="transformers", do_validation=False)
    return target / "model.onnx"


def fuse(plain: Path, config: Any, attention: str) -> Any:
    """The fused float32 graph of a BERT-like encoder, an onnx ModelProto with the inputs and output of the plain one.

    `attention` "packed" gives one Attention node a layer with its projections inside; "split" leaves the projections as
    MatMul beside a MultiHeadAttention node, for schemes that quantise MatMul alone. `config` is transformers' own.
    """
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_model

    options = FusionOptions("bert")
    # The fused embedding node hides the table from quantisation, and saves nothing measurable.
    options.enable_embed_layer_norm = False
    options.use_multi_head_attention = attention == "split"
    with quiet():
        fused = optimize_model(
            str(plain),
            "bert",
            num_heads=config.num_attention_heads,
            hidden_size=config.hidden_size,
            optimization_options=options,
            opt_level=1,
        )
        fused.topological_sort()
    found = sum(node.op_type in {"Attention", "MultiHeadAttention"} for node in fused.model.graph.node)
    if found != config.num_hidden_layers:
        log.warning(
            "Of %s attention layers %s were fused: the graph is right, but slower than it could be",
            config.num_hidden_layers,
            found,
            extra={"action": "export_unfused"},
        )
    return fused.model


def add_pooling(model: Any, dim: int) -> None:
    """Appends mean pooling over real tokens and the L2 norm; derives token types, which are all zero for one text.

    Rows become (n, d) float32 unit rows under the name OUTPUT. The mean's division by the number of tokens cancels in
    the norm, so a sum is taken. float16 states are cast first: the sum runs in float32.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.array([-1], np.int64), "pool.last_axis"),
            numpy_helper.from_array(np.array([1], np.int64), "pool.token_axis"),
            numpy_helper.from_array(np.array(0, np.int64), "pool.zero"),
        ]
    )
    if any(value.name == TYPES for value in graph.input):
        graph.node.insert(0, helper.make_node("Mul", [IDS, "pool.zero"], [TYPES], "pool.types"))
    graph.node.extend(
        [
            helper.make_node("Cast", [STATES], ["pool.states"], "pool.states", to=TensorProto.FLOAT),
            helper.make_node("Cast", [MASK], ["pool.mask"], "pool.mask", to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["pool.mask", "pool.last_axis"], ["pool.column"], "pool.column"),
            helper.make_node("Mul", ["pool.states", "pool.column"], ["pool.real"], "pool.real"),
            helper.make_node("ReduceSum", ["pool.real", "pool.token_axis"], ["pool.sum"], "pool.sum", keepdims=0),
            helper.make_node("ReduceL2", ["pool.sum", "pool.last_axis"], ["pool.norm"], "pool.norm", keepdims=1),
            helper.make_node("Div", ["pool.sum", "pool.norm"], [_OUTPUT], "pool.unit"),
        ]
    )
    int64, float32 = TensorProto.INT64, TensorProto.FLOAT
    del graph.input[:], graph.output[:], graph.value_info[:]
    graph.input.extend(helper.make_tensor_value_info(name, int64, ["n", "tokens"]) for name in (IDS, MASK))
    graph.output.append(helper.make_tensor_value_info(_OUTPUT, float32, ["n", dim]))


_LOUD = ("optimum", "transformers", "onnxruntime", "torch.onnx", "fusion_base", "onnx_model")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silences what optimum, torch and onnxruntime report of their own insides while a graph is made.

    quantize_dynamic writes through the root logger, a line a tensor: hence logging.disable for everything below a
    warning.
    """
    levels = {name: logging.getLogger(name).level for name in _LOUD}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        for name in _LOUD:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
