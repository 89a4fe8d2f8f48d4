"""The engines that are compared, each in a process of its own, and why others are not."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from benchmarks.encoder.figures import TORCH
from benchmarks.encoder.loss import Loss
from benchmarks.encoder.process.engine_process import EngineFailed, EngineProcess
from benchmarks.encoder.process.static_vectors import Vocabulary, distil
from benchmarks.encoder.process.torch_engine import NAMES
from benchmarks.encoder.subject import EXPORT_PYTHON
from export import bundle
from export.candidates import Measured, Progress
from export.gate.parity import Figures
from export.quantize import Scheme
from export.sources import Source
from serving.model.artifact import Artifact

STATIC = "static vectors"
_OWN_PYTHON = Path(sys.executable)
# Four bits are for models of billions of weights; the default's weights lie on a grid of 4 bits, which would flatter.
_LEFT = {Scheme.INT4_WEIGHT_ONLY}


@dataclass(frozen=True)
class Running:
    """An engine that is loaded. loss: where it is known already."""

    process: EngineProcess
    bytes: int
    loss: Loss | None = None


@dataclass
class Engines:
    """The engines by their names in the table. Leaving it ends their processes."""

    threads: int
    running: dict[str, Running] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    def start_folder(self, folder: Path, loss: Loss | None = None) -> str:
        """A model folder, by the engine that a worker takes. Its name. Raises EngineFailed."""
        process = self._start(_OWN_PYTHON, "onnx", str(folder.resolve()), str(self.threads))
        self.running[process.name] = Running(process, _bytes(folder, "model.onnx*"), loss)
        return process.name

    def start_torch(self, folder: Path) -> None:
        """sentence-transformers in float32 and bfloat16, which load side by side."""
        started = {dtype: self._start(EXPORT_PYTHON, "torch", str(folder), str(self.threads), dtype) for dtype in NAMES}
        for dtype, process in started.items():
            try:
                self.running[process.name] = Running(process, _bytes(folder, "*.safetensors") // _SHRINKS[dtype])
            except EngineFailed as error:
                self.left_out[f"torch {NAMES[dtype]}"] = str(error)

    def start_static(self, taught_by: str, vocabulary: Vocabulary, scratch: Path) -> None:
        """Static vectors, distilled from an engine that runs."""
        vectors = distil(self.running[taught_by].process.run, vocabulary)
        file = scratch / "static.npz"
        vectors.save(file)
        process = self._start(_OWN_PYTHON, "static", str(file), str(self.threads))
        self.running[process.name] = Running(process, vectors.bytes)

    def in_order(self, default: str) -> dict[str, Running]:
        """Torch, the default, the others, static vectors: the first is what the others are timed in step with."""
        rank = {TORCH: 0, "torch bf16": 1, default: 2, STATIC: 4}
        return {name: self.running[name] for name in sorted(self.running, key=lambda name: rank.get(name, 3))}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def _start(self, python: Path, *arguments: str) -> EngineProcess:
        return self.stack.enter_context(EngineProcess(python, arguments, self.threads))


_SHRINKS = {"float32": 1, "bfloat16": 2}  # of a folder in float32


def _bytes(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))


def schemes_beside(artifact: Artifact) -> list[Scheme]:
    """The schemes that a CPU runs, but for the one that the folder has."""
    return [
        scheme
        for scheme in Scheme
        if "cpu" in scheme.traits.providers and scheme not in _LEFT and scheme.value != artifact.scheme
    ]


def write_folders(
    source: Source, measured: Measured, scratch: Path, progress: Progress
) -> Iterator[tuple[Path, Figures]]:
    """A model folder of each scheme that was measured, and what the gate found."""
    for candidate in measured.candidates:
        folder = scratch / candidate.scheme.value
        with progress.step(f"{candidate.scheme.value}: writing the folder"):
            bundle.write(folder, candidate.graph, source, measured.reference, {})
        yield folder, candidate.figures
