"""ONNX Runtime: one session, on the provider that was asked for or not at all."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from penchant.errors import BrokenArtifact, ProviderMissing
from serving.model.engines import usable_cores
from serving.model.tokens import Packing


class Target(NamedTuple):
    """An execution provider. memory: what ONNX Runtime calls its device's; options: how it is opened."""

    name: str
    memory: str
    options: Mapping[str, str] = MappingProxyType({})


TARGETS = {
    "cpu": Target("CPUExecutionProvider", "cpu"),
    "cuda": Target(
        "CUDAExecutionProvider",
        "cuda",
        # Memory as it is asked for, not twice as much each time: others may use the card. No TF32: who wants less
        # than float32 takes the scheme fp16, which is faster.
        MappingProxyType({"arena_extend_strategy": "kSameAsRequested", "use_tf32": "0"}),
    ),
}
NEEDS = (
    "onnxruntime-gpu (`pip install 'penchant[gpu]'`, without onnxruntime beside it), CUDA 13, cuDNN 9 "
    "and an NVIDIA driver"
)


class OnnxRuntime:
    """One inference session on the CPU. ONNX Runtime lets several threads run one session at a time."""

    provider = "cpu"
    packing = Packing()

    def __init__(self, model: Path | bytes, threads: int = 0) -> None:
        """See `open_session`."""
        self._session = open_session(model, "cpu", threads)

    def run(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Token ids and mask, (n, tokens) int64, to (n, d) float32 unit rows."""
        rows: npt.NDArray[np.float32] = self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return rows


def open_session(model: Path | bytes, provider: Literal["cpu", "cuda"], threads: int = 0) -> Any:
    """An InferenceSession of a graph, a file or its content. `threads` 0: as many as this process may use.

    Raises ProviderMissing where the session does not end up on `provider`: ONNX Runtime itself falls back to the CPU
    and says so only in its log, and lists CUDA as available without the libraries it needs.
    """
    ort, target = library(), TARGETS[provider]
    if target.name not in ort.get_available_providers():
        raise ProviderMissing(f"asked for {provider}, but this onnxruntime was built without it; it needs {NEEDS}")
    if provider == "cuda" and hasattr(ort, "preload_dlls"):
        ort.preload_dlls()  # finds the CUDA libraries that pip installed, which no loader path names
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or usable_cores()
    options.log_severity_level = 3  # errors; the fallback is checked below, not read from a log
    # A spinning pool burns the cores that the rest of the process needs between two batches.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(model, options, providers=[(target.name, dict(target.options))])
    except Exception as error:  # the library raises a class of its own for each cause
        if provider == "cuda":  # a defect of the graph shows on the CPU, where `auto` goes next
            raise ProviderMissing(f"no session on cuda ({error}); it needs {NEEDS}") from error
        raise BrokenArtifact(
            f"ONNX Runtime cannot load {model if isinstance(model, Path) else 'a graph'}: {error}"
        ) from error
    found = session.get_providers()[0]
    if found != target.name:
        raise ProviderMissing(f"asked for {provider}, but the session runs on {found}; it needs {NEEDS}")
    return session


def library() -> Any:
    """The module onnxruntime. Raises ProviderMissing where it is absent, or left empty by a wheel that was removed."""
    try:
        import onnxruntime
    except ImportError:
        raise ProviderMissing(
            "onnxruntime is not installed: `pip install 'penchant[cpu]'` or 'penchant[gpu]'"
        ) from None
    if not hasattr(onnxruntime, "InferenceSession"):
        raise ProviderMissing(
            "onnxruntime is an empty module, as it is after one of onnxruntime and onnxruntime-gpu was removed "
            "while both were installed: uninstall both, then install one"
        )
    return onnxruntime
