"""A model folder of transformers to one fused ONNX graph, and from token states to unit rows inside the graph.

The order matters: export through optimum, fuse, quantise (quantize.py), and only then add pooling. Pooling exported with the
model (library sentence-transformers) carries an Expand that breaks shape inference, and later fusions are lost.
"""

import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

IDS, MASK, TYPES = "input_ids", "attention_mask", "token_type_ids"
STATES = "last_hidden_state"  # (n, tokens, d) float32, what optimum exports
OUTPUT = "embedding"  # (n, d) float32 unit rows, what a worker reads


def export_fused(folder: Path, attention: str = "packed") -> Any:
    """The float32 graph of a BERT-like encoder, an onnx ModelProto: ids, mask (and token types) to STATES.

    `attention` "packed" gives one Attention node a layer with its projections inside, the fastest in float32; "split" leaves
    the projections as MatMul beside a MultiHeadAttention node, for schemes that quantise MatMul alone.
    """
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_model
    from optimum.exporters.onnx import main_export
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder)
    options = FusionOptions("bert")
    # The fused embedding node hides the table from quantisation, and saves nothing measurable.
    options.enable_embed_layer_norm = False
    options.use_multi_head_attention = attention == "split"
    with tempfile.TemporaryDirectory(prefix="penchant-export-") as scratch, quiet():
        main_export(
            str(folder), scratch, task="feature-extraction", library_name="transformers", do_validation=False
        )
        fused = optimize_model(
            str(Path(scratch) / "model.onnx"),
            "bert",
            num_heads=config.num_attention_heads,
            hidden_size=config.hidden_size,
            optimization_options=options,
            opt_level=1,
        )
        fused.topological_sort()
        return fused.model


def add_pooling(model: Any, dim: int) -> None:
    """Appends mean pooling over real tokens and the L2 norm; derives token types, which are all zero for one text.

    Rows become (n, d) float32 unit rows under the name OUTPUT. The mean's division by the number of tokens cancels in the norm, so a
    sum is taken. float16 states are cast first: the sum runs in float32.
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
            helper.make_node("Div", ["pool.sum", "pool.norm"], [OUTPUT], "pool.unit"),
        ]
    )
    int64, float32 = TensorProto.INT64, TensorProto.FLOAT
    del graph.input[:], graph.output[:], graph.value_info[:]
    graph.input.extend(helper.make_tensor_value_info(name, int64, ["n", "tokens"]) for name in (IDS, MASK))
    graph.output.append(helper.make_tensor_value_info(OUTPUT, float32, ["n", dim]))


class quiet(warnings.catch_warnings):  # noqa: N801 - used as a function, like contextlib's own
    """Silences what optimum, torch and onnxruntime say about their own insides while a graph is made."""

    NAMES = ("optimum", "transformers", "onnxruntime", "torch.onnx", "root", "fusion_base", "onnx_model")

    def __enter__(self) -> None:
        """Raises the level of the libraries' loggers."""
        super().__enter__()
        warnings.simplefilter("ignore")
        self._levels = {name: logging.getLogger(name).level for name in self.NAMES}
        for name in self.NAMES:
            logging.getLogger(name).setLevel(logging.ERROR)

    def __exit__(self, *exc: object) -> None:
        """Puts the levels back."""
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)
        super().__exit__(*exc)
