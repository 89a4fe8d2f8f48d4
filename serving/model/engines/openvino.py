"""OpenVINO: one compiled model in bfloat16, on a processor that multiplies such numbers.

Of the engines tried it is the fastest there: on AMX 4.5 times torch in float32, where ONNX Runtime's int8 is 2.5 times
(docs/models.md). bfloat16 keeps 8 of float32's 24 bits, and its whole range: nothing has to be calibrated.
"""

import importlib.util
import mmap
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from penchant.errors import BrokenArtifact, ProviderMissing
from serving.model.engines import usable_cores
from serving.model.processor import BFLOAT16, instructions
from serving.model.tokens import Packing

_TABLE = 1 << 20  # bytes: what is smaller is not worth a look
_NEEDLE = 4096  # bytes: by which a table is looked for


def why_not() -> str:
    """Why this engine cannot be used here; empty where it can."""
    if not instructions() & BFLOAT16:
        return "this processor does not multiply bfloat16"
    if importlib.util.find_spec("openvino") is None:
        return "openvino is not installed (`pip install 'penchant[openvino]'`)"
    return ""


class OpenVino:
    """One compiled model and one request, which several threads take in turn."""

    provider = "cpu"
    packing = Packing()

    def __init__(self, model: Path, threads: int = 0) -> None:
        """Loads and compiles the graph. `threads` 0: as many as this process may use.

        Raises BrokenArtifact where it cannot be read, ProviderMissing where it does not end up in bfloat16: the
        precision is a hint, which OpenVINO may not follow.
        """
        import openvino

        settings = {
            "INFERENCE_PRECISION_HINT": "bf16",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads or usable_cores(),
            "ENABLE_CPU_PINNING": False,  # other processes share these cores
        }
        try:
            core = openvino.Core()
            graph = core.read_model(str(model))
            _take_weights_as_they_are(graph)
            self._tables = _leave_tables_in_file(graph, model)
            compiled = core.compile_model(graph, "CPU", settings)
        except RuntimeError as error:
            reason = str(error).strip().rpartition("\n")[2]  # above it stand lines of its own source
            raise BrokenArtifact(f"OpenVINO cannot load {model}: {reason}") from error
        if not _is_bfloat16(compiled):
            raise ProviderMissing(f"OpenVINO computes {model} in another precision than bfloat16 on this processor")
        self._request = compiled.create_infer_request()
        self._lock = threading.Lock()

    def run(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Token ids and mask, (n, tokens) int64, to (n, d) float32 unit rows."""
        with self._lock:
            rows: npt.NDArray[np.float32] = np.array(self._request.infer([ids, mask])[0])
        return rows


def _take_weights_as_they_are(graph: Any) -> None:
    """Have products multiply the file's bfloat16 weights, not a float32 copy that is made of them when it is compiled.

    It says the same: the copy is rounded to bfloat16 again. But it stays in memory, 85 MB of it for e5-small.
    """
    from openvino import Type, opset13

    for node in graph.get_ordered_ops():
        if node.get_type_name() != "MatMul":
            continue
        cast = node.input_value(1).get_node()
        if cast.get_type_name() != "Convert" or cast.get_input_element_type(0) != Type.bf16:
            continue
        sides = node.get_attributes()
        left = opset13.convert(node.input_value(0), Type.bf16)
        product = opset13.matmul(left, cast.input_value(0), sides["transpose_a"], sides["transpose_b"])
        node.output(0).replace(opset13.convert(product, Type.f32).output(0))


def _leave_tables_in_file(graph: Any, model: Path) -> list[Any]:
    """Have large tables of 8-bit numbers read where they lie in the file: of the words' rows few are ever needed.

    What is read is in the system's cache of files, once for all workers of a machine. A file that is replaced stays as
    it was for who has it open. Returns what must live as long as the graph is used: OpenVINO keeps no hold on it.
    """
    from openvino import Tensor, Type, opset13

    file = np.memmap(model, np.int8, mode="c")  # OpenVINO wants memory that it might write to, and never does
    kept: list[Any] = []
    with model.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for node in graph.get_ordered_ops():
            if node.get_type_name() != "Constant" or node.get_element_type() != Type.i8:
                continue
            table = node.data
            begin = _place(content, table.reshape(-1))
            if begin is not None:
                there = file[begin : begin + table.size].reshape(table.shape)
                kept.append(Tensor(there, shared_memory=True))
                node.output(0).replace(opset13.constant(kept[-1], shared_memory=True).output(0))
    return [file, *kept]


def _place(content: mmap.mmap, table: npt.NDArray[np.int8]) -> int | None:
    """Where a table, if it is large, stands in a file, byte by byte; None where it does not."""
    begin = content.find(table[:_NEEDLE].tobytes()) if table.size >= _TABLE else -1
    if begin < 0 or begin + table.size > len(content):
        return None
    return begin if np.array_equal(np.frombuffer(content, np.int8, table.size, begin), table) else None


def _is_bfloat16(compiled: Any) -> bool:
    """Whether the matrix products, which take nearly all of the time, were compiled in bfloat16."""
    kinds = [
        str(node.rt_info["runtimePrecision"].astype(str))
        for node in compiled.get_runtime_model().get_ops()
        if "layerType" in node.rt_info and node.rt_info["layerType"].astype(str) in {"FullyConnected", "MatMul"}
    ]
    return bool(kinds) and all(kind == "bf16" for kind in kinds)
