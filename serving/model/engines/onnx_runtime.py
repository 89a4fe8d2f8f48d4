"""ONNX Runtime: one session, on the provider that was asked for or not at all."""

import logging
import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from penchant.errors import BrokenArtifact, ProviderMissing
from serving.model.artifact import Artifact

log = logging.getLogger(__name__)

Provider = Literal["auto", "cpu", "cuda"]
NAMES = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_NEEDS = (
    "onnxruntime-gpu (`pip install 'penchant[gpu]'`, without onnxruntime beside it), CUDA 13, cuDNN 9 "
    "and an NVIDIA driver"
)
_NVIDIA = Path("/dev/nvidiactl")  # the driver's device: only where it stands is the CPU a fallback worth a warning


class OnnxRuntime:
    """One inference session. ONNX Runtime lets several threads run one session at a time."""

    def __init__(self, model: Path, provider: Literal["cpu", "cuda"], threads: int = 0) -> None:
        """Loads the graph. `threads` 0: as many as this process may use.

        Raises ProviderMissing where the session does not end up on `provider`: ONNX Runtime itself falls back to the
        CPU and says so only in its log, and lists CUDA as available without the libraries it needs.
        """
        ort = _library()
        if NAMES[provider] not in ort.get_available_providers():
            raise ProviderMissing(f"asked for {provider}, but this onnxruntime was built without it; it needs {_NEEDS}")
        if provider == "cuda" and hasattr(ort, "preload_dlls"):
            ort.preload_dlls()  # finds the CUDA libraries that pip installed, which no loader path names
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or _usable_cores()
        options.log_severity_level = 3  # errors; the fallback is checked below, not read from a log
        # A spinning pool burns the cores that the rest of the process needs between two batches.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(str(model), options, providers=[NAMES[provider]])
        except Exception as error:  # the library raises a class of its own for each cause
            if provider == "cuda":  # a defect of the graph shows on the CPU, where `auto` goes next
                raise ProviderMissing(f"no session on cuda ({error}); it needs {_NEEDS}") from error
            raise BrokenArtifact(f"ONNX Runtime cannot load {model}: {error}") from error
        found = self._session.get_providers()[0]
        if found != NAMES[provider]:
            raise ProviderMissing(f"asked for {provider}, but the session runs on {found}; it needs {_NEEDS}")
        self.provider = provider

    def run(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Token ids and mask, (n, tokens) int64, to (n, d) float32 unit rows."""
        rows: npt.NDArray[np.float32] = self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return rows


def open_engine(artifact: Artifact, provider: Provider, threads: int = 0) -> OnnxRuntime:
    """A session for this folder on `provider`; `auto` takes CUDA where it can be had, else the CPU, and says so.

    Raises ProviderMissing where the scheme cannot run there or the provider is not to be had.
    """
    if provider == "auto":
        return _best(artifact, threads)
    if provider not in artifact.providers:
        raise ProviderMissing(
            f"scheme {artifact.scheme} of {artifact.path} does not run on {provider}, it runs on "
            f"{' or '.join(artifact.providers)}: choose that provider, or export a scheme for {provider}"
        )
    return OnnxRuntime(artifact.model, provider, threads)


def _best(artifact: Artifact, threads: int) -> OnnxRuntime:
    """CUDA if the scheme and the machine allow it, else the CPU if the scheme allows that."""
    why = "onnxruntime is installed without CUDA"
    if "cuda" in artifact.providers and NAMES["cuda"] in _library().get_available_providers():
        try:
            return OnnxRuntime(artifact.model, "cuda", threads)
        except ProviderMissing as error:
            why = str(error)
    if "cpu" not in artifact.providers:
        raise ProviderMissing(
            f"scheme {artifact.scheme} of {artifact.path} runs on CUDA only, and {why}; needed: {_NEEDS}"
        )
    if "cuda" in artifact.providers and _NVIDIA.exists():
        log.warning(
            "There is a GPU, but texts are encoded on the CPU, since %s", why, extra={"action": "encoder_fallback"}
        )
    return OnnxRuntime(artifact.model, "cpu", threads)


def _library() -> Any:
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


def _usable_cores() -> int:
    """Cores that this process may run on, which in a container are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
