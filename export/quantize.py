"""Float32 graph to a quantised one: a closed set of schemes, each with the providers that can run it."""

import tempfile
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from export.networks.quiet import quiet


class _Traits(NamedTuple):
    """What the rest of the export needs to know of a scheme."""

    providers: tuple[str, ...]  # "cpu", "cuda"
    attention: str  # the form of attention that it quantises, as `export.networks.bert_graph.write` takes it
    says: str
    # Engines of one folder agree within this, the largest difference of a component; None: only one has run it.
    tolerance: float | None = None


class Scheme(Enum):
    """How the graph's numbers are stored and multiplied. The value is its name, in the manifest too."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"
    INT8_WEIGHT_ONLY = "int8-weight-only"
    INT8_DYNAMIC = "int8-dynamic"
    INT4_WEIGHT_ONLY = "int4-weight-only"

    @property
    def traits(self) -> _Traits:
        """Providers, form of attention and a line of description."""
        return _TRAITS[self]


_TRAITS = {
    Scheme.FP32: _Traits(("cpu", "cuda"), "packed", "float32 throughout: the reference, the largest"),
    Scheme.FP16: _Traits(("cuda",), "packed", "float16 throughout, for a GPU; a CPU would convert at every step"),
    Scheme.BF16: _Traits(
        ("cpu",),
        "packed",
        "weights in bfloat16, word embeddings in 8 bits by block; computed in bfloat16 by OpenVINO",
        tolerance=5e-3,
    ),
    Scheme.INT8_WEIGHT_ONLY: _Traits(
        ("cpu", "cuda"), "split", "weights in 8 bits by block; on a CPU inputs too, by row and block (MatMulNBits)"
    ),
    Scheme.INT8_DYNAMIC: _Traits(
        ("cpu",),
        "packed",
        "weights in 8 bits per output channel, inputs with one scale a batch, so that texts disturb each other",
    ),
    Scheme.INT4_WEIGHT_ONLY: _Traits(
        ("cpu", "cuda"), "split", "weights in 4 bits by block (MatMulNBits): for models of billions of weights"
    ),
}


def quantise(model: Any, scheme: Scheme) -> Any:
    """The graph in this scheme, an onnx ModelProto; `model` is float32, fused in the scheme's form, without pooling.

    The model given may be changed on the way: fuse a fresh one for each scheme.
    """
    with quiet():
        match scheme:
            case Scheme.FP32:
                return model
            case Scheme.FP16:
                return _float16(model)
            case Scheme.BF16:
                return _bfloat16(model)
            case Scheme.INT8_WEIGHT_ONLY:
                return _weight_only(model)
            case Scheme.INT8_DYNAMIC:
                return _dynamic(model)
            case Scheme.INT4_WEIGHT_ONLY:
                return _weight_only(model, bits=4)


def _float16(model: Any) -> Any:
    """Every tensor in float16; the pooling added later casts the states back before it sums them."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    return convert_float_to_float16(model, keep_io_types=False, disable_shape_infer=True)


def _bfloat16(model: Any) -> Any:
    """The matrices in bfloat16, each behind a Cast that engines compute once, at load; word embeddings in 8 bits.

    OpenVINO rounds them so in any case, and multiplies in bfloat16; other engines compute in float32.
    """
    from onnx import TensorProto, helper, numpy_helper

    _compress_embeddings(model)
    graph = model.graph
    products = [node for node in graph.node if node.op_type in {"MatMul", "Gemm", "Attention"}]
    factors = {name for node in products for name in node.input[1:2]}
    for constant in [each for each in graph.initializer if each.name in factors and len(each.dims) == 2]:
        values = numpy_helper.to_array(constant)
        if values.dtype != np.float32:
            continue
        stored = f"{constant.name}.bf16"
        graph.initializer.remove(constant)
        raw = to_bfloat16(values).tobytes()
        graph.initializer.append(helper.make_tensor(stored, TensorProto.BFLOAT16, values.shape, raw, raw=True))
        cast = helper.make_node("Cast", [stored], [constant.name], f"{constant.name}.cast", to=TensorProto.FLOAT)
        graph.node.insert(0, cast)
    return model


def to_bfloat16(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """The upper halves of float32 numbers, to nearest, ties to even.

    >>> to_bfloat16(np.array([1.0, 1.00390625, 1.01171875, -2.0], np.float32)).tolist()  # the middle two are ties
    [16256, 16256, 16258, 49152]
    """
    bits = np.ascontiguousarray(values).view(np.uint32)
    rounded: npt.NDArray[np.uint16] = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return rounded


# Weights, and on a CPU inputs, that share a scale. On e5-small, top-10 overlap and ms at 32x64: block 32 .968 and 500,
# block 64 .960 and 460, block 128 .943 and 392 (and there a vector depends on its batch, by 5e-3).
_BLOCK = 32
_INT8_COMPUTE = 4  # MatMulNBits accuracy_level: the least precise type that may be computed in, 4 is int8


def _weight_only(model: Any, bits: int = 8, block: int = _BLOCK, accuracy_level: int = _INT8_COMPUTE) -> Any:
    """Symmetric weights of `bits` bits by block, and the word embeddings in 8 bits by block.

    With accuracy_level 4 a CPU also rounds each input row to 8 bits, by block of `block` values, so that an outlier
    costs precision only within its own block and row. Nothing is shared between the texts of a batch.
    """
    from onnxruntime.quantization.matmul_nbits_quantizer import (
        DefaultWeightOnlyQuantConfig,
        MatMulNBitsQuantizer,
    )

    config = DefaultWeightOnlyQuantConfig(block_size=block, is_symmetric=True, accuracy_level=accuracy_level, bits=bits)
    quantizer = MatMulNBitsQuantizer(model, algo_config=config)
    quantizer.process()
    quantised = quantizer.model.model
    _compress_embeddings(quantised)
    return quantised


def _compress_embeddings(model: Any, block: int = 32) -> None:
    """Replaces the table of word embeddings by int8 values and a float16 scale for each `block` of them, in place.

    table[id] becomes Cast(values[id]) * Cast(scales[id]), in ops that every engine has. The table is four fifths of a
    small multilingual model (384 of 470 MB at 250,000 words); 8 bits by block cost it less than 1e-3 in cosine.
    """
    from onnx import TensorProto, helper, numpy_helper

    from export.networks.graph import IDS

    graph = model.graph
    gather = next(node for node in graph.node if node.op_type == "Gather" and node.input[1] == IDS)
    table = next(each for each in graph.initializer if each.name == gather.input[0])
    weights = numpy_helper.to_array(table)
    values, scales = by_block(weights, block)
    graph.initializer.remove(table)
    graph.initializer.extend(
        [
            numpy_helper.from_array(values, "words.values"),
            numpy_helper.from_array(scales, "words.scales"),
            numpy_helper.from_array(np.array([0, 0, weights.shape[1]], np.int64), "words.shape"),
        ]
    )
    ids, out = gather.input[1], gather.output[0]
    at = list(graph.node).index(gather)
    graph.node.remove(gather)
    nodes = [
        helper.make_node("Gather", ["words.values", ids], ["words.v8"], "words.v8"),
        helper.make_node("Gather", ["words.scales", ids], ["words.s16"], "words.s16"),
        helper.make_node("Cast", ["words.v8"], ["words.v32"], "words.v32", to=TensorProto.FLOAT),
        helper.make_node("Cast", ["words.s16"], ["words.s32"], "words.s32", to=TensorProto.FLOAT),
        helper.make_node("Mul", ["words.v32", "words.s32"], ["words.blocks"], "words.blocks"),
        helper.make_node("Reshape", ["words.blocks", "words.shape"], [out], "words.rows"),
    ]
    for offset, node in enumerate(nodes):
        graph.node.insert(at + offset, node)


def by_block(weights: npt.NDArray[np.float32], block: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float16]]:
    """(v, d) float32 to values (v, d/block, block) int8 and scales (v, d/block, 1) float16, value * scale the nearest.

    >>> values, scales = by_block(np.array([[0.0, 2.54, -1.27, 0.02]], np.float32), 2)
    >>> values.tolist()
    [[[0, 127], [-127, 2]]]
    """
    blocks = weights.reshape(weights.shape[0], -1, block)
    scales = (np.abs(blocks).max(axis=2, keepdims=True) / 127).astype(np.float16)
    divisor = np.where(scales == 0, 1, scales).astype(np.float32)
    return np.clip(np.rint(blocks / divisor), -127, 127).astype(np.int8), scales


def _dynamic(model: Any) -> Any:
    """Weights int8 per output channel, inputs uint8 with one scale a batch, embeddings int8 with one scale."""
    import onnx
    from onnx import TensorProto
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.TemporaryDirectory(prefix="penchant-export-") as scratch:
        source, target = Path(scratch) / "float32.onnx", Path(scratch) / "int8.onnx"
        onnx.save(model, source)
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul", "Attention", "Gather"],
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True, "DefaultTensorType": TensorProto.FLOAT},
        )
        return onnx.load(target)
