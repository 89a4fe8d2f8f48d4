"""Which engine runs a folder: by the provider that was asked for, the folder's scheme, and what this machine has."""

import logging
from pathlib import Path

from penchant.errors import ProviderMissing
from serving.model.artifact import Artifact
from serving.model.engines import Engine, Provider, openvino, self_test
from serving.model.engines.bound import BoundRuntime
from serving.model.engines.onnx_runtime import NEEDS, TARGETS, OnnxRuntime, library, open_session
from serving.model.engines.openvino import OpenVino
from serving.model.tokens import Packing

log = logging.getLogger(__name__)

_BFLOAT16 = "bf16"  # the scheme whose folders OpenVINO runs; ONNX Runtime computes them in float32
_NVIDIA = Path("/dev/nvidiactl")  # the driver's device: only where it stands is the CPU a fallback worth a warning


def open_engine(artifact: Artifact, provider: Provider, threads: int = 0) -> Engine:
    """An engine for this folder on `provider`; `auto` takes CUDA where it can be had, else the CPU, and says so.

    Raises ProviderMissing where the scheme cannot run there or the provider is not to be had.
    """
    if provider == "auto":
        return _best(artifact, threads)
    if provider not in artifact.providers:
        raise ProviderMissing(
            f"scheme {artifact.scheme} of {artifact.path} does not run on {provider}, it runs on "
            f"{' or '.join(artifact.providers)}: choose that provider, or export a scheme for {provider}"
        )
    return on_cpu(artifact.model, artifact.scheme, threads) if provider == "cpu" else _on_cuda(artifact, threads)


def on_cpu(model: Path, scheme: str, threads: int = 0) -> Engine:
    """The engine of a graph in this scheme on the CPU."""
    if scheme != _BFLOAT16:
        return OnnxRuntime(model, threads)
    why = openvino.why_not()
    if not why:
        return OpenVino(model, threads)
    log.warning("Texts are encoded in float32, since %s", why, extra={"action": "encoder_float32"})
    return OnnxRuntime(model, threads)


def _on_cuda(artifact: Artifact, threads: int) -> Engine:
    """The folder on a GPU, where a known text gets its vector. Raises ProviderMissing."""
    session = open_session(artifact.model, "cuda", threads)
    engine = BoundRuntime(session, TARGETS["cuda"].memory, artifact.dim, Packing.in_shapes(artifact.max_tokens))
    self_test.check(engine, artifact)
    return engine


def _best(artifact: Artifact, threads: int) -> Engine:
    """CUDA if the scheme and the machine allow it, else the CPU if the scheme allows that."""
    why, is_tried = "onnxruntime is installed without CUDA", False
    if "cuda" in artifact.providers and TARGETS["cuda"].name in library().get_available_providers():
        if artifact.probe is None:
            why = f"{artifact.path} has no known text to test it by (export the model again)"
        else:
            is_tried = True
            try:
                engine = _on_cuda(artifact, threads)
            except ProviderMissing as error:
                why = str(error)
            else:
                log.info("Texts are encoded on CUDA", extra={"action": "encoder_on_gpu"})
                return engine
    if "cpu" not in artifact.providers:
        raise ProviderMissing(
            f"scheme {artifact.scheme} of {artifact.path} runs on CUDA only, and {why}; needed: {NEEDS}"
        )
    if "cuda" in artifact.providers and (is_tried or _NVIDIA.exists()):
        log.warning(
            "There is a GPU, but texts are encoded on the CPU, since %s", why, extra={"action": "encoder_fallback"}
        )
    return on_cpu(artifact.model, artifact.scheme, threads)
