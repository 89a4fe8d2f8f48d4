"""The schemes for a GPU, side by side on one: texts a second by how many come at once, and what each loses."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.encoder.measurement import Options
from benchmarks.encoder.process.engine_process import EngineProcess
from benchmarks.encoder.process.packing import BUDGETED
from benchmarks.encoder.subject import read_source
from benchmarks.encoder.turns import take_turns
from export import bundle
from export.candidates import Graph, Progress, write_graph
from export.gate import parity, reference
from export.gate.reference import Reference
from export.gate.texts import Texts
from export.quantize import Scheme
from export.sources import Source
from penchant.errors import ProviderMissing
from serving.model.artifact import open_artifact
from serving.model.engines import Provider
from serving.model.engines.onnx_runtime import NEEDS, TARGETS, library

_TOKENS = 64
_AT_ONCE = (1, 32, 256)  # texts


def need_cuda() -> None:
    """Raises ProviderMissing where there is no CUDA to measure."""
    if TARGETS["cuda"].name not in library().get_available_providers():
        raise ProviderMissing(f"--device cuda: this onnxruntime was built without CUDA; it needs {NEEDS}")


def on_gpu(options: Options, texts: Texts, progress: Progress) -> dict[str, Any]:
    """Everything that is printed. Raises Misconfigured where the weights are not known, EngineFailed without a GPU."""
    artifact = open_artifact(options.model)
    schemes = [scheme for scheme in Scheme if "cuda" in scheme.traits.providers]
    with tempfile.TemporaryDirectory(prefix="penchant-encoder-") as scratch:
        source = read_source(artifact, options.torch_folder, options.wheels, Path(scratch))
        return measure_schemes(Setup(source, "cuda", options.threads, options.seconds), schemes, texts, progress)


@dataclass(frozen=True)
class Setup:
    """What is measured, and where. seconds: of timing, all schemes."""

    source: Source
    provider: Provider
    threads: int
    seconds: float


def measure_schemes(setup: Setup, schemes: Sequence[Scheme], texts: Texts, progress: Progress) -> dict[str, Any]:
    """Each scheme of a source, in a process of its own on the provider."""
    began, about, source = perf_counter(), machine.describe(), setup.source
    count = len(texts.of("query")) + len(texts.of("passage"))
    with tempfile.TemporaryDirectory(prefix="penchant-encoder-") as place, ExitStack() as stack:
        scratch = Path(place)
        with progress.step("float32, the reference", count) as tick:
            truth = reference.make(source, texts, tick)
        engines, megabytes = {}, {}
        for scheme in schemes:
            with progress.step(f"{scheme.value}: writing the folder"):
                folder = _write_folder(source, scheme, truth, scratch)
                arguments = ["onnx", str(folder), str(setup.threads), setup.provider]
                process = EngineProcess(Path(sys.executable), arguments, setup.threads)
                engines[scheme.value] = stack.enter_context(process)
                megabytes[scheme.value] = round((folder / "model.onnx").stat().st_size / 1e6, 1)
        losses = {}
        for name, engine in engines.items():
            with progress.step(f"{name}: vectors", count) as tick:
                losses[name] = parity.measure(reference.counted(engine.run, tick), truth)
        with progress.step("timing", len(_AT_ONCE)) as tick:
            rates = _rates(engines, truth, setup.seconds, tick)
        passages = truth.ids["passage"]
        mixed = {name: len(passages) / each.encode(passages, BUDGETED, truth.pad_id) for name, each in engines.items()}
    return {
        "model": source.model,
        "device": setup.provider,
        "gpu": _gpu(),
        **about,
        "texts_per_s": {
            name: rates[name] | {"many lengths": round(mixed[name], 1)}
            for name in engines
        },
        "engines": {
            name: {
                "megabytes": megabytes[name],
                "top10_overlap": figures.overlap,
                "cosine_worst": figures.cosine_worst,
                "batch_max_difference": figures.batch_difference,
            }
            for name, figures in losses.items()
        },
        "seconds": round(perf_counter() - began, 1),
    }  # fmt: skip


def _write_folder(source: Source, scheme: Scheme, truth: Reference, scratch: Path) -> Path:
    """A model folder whose probe is float32's row: what computes another is not timed."""
    graph = Graph(scheme, write_graph(source, scheme, scratch), _float32_probe(truth))
    folder = scratch / scheme.value
    bundle.write(folder, graph, source, truth, {})
    return folder


def _float32_probe(truth: Reference) -> Any:
    rows = truth.rows["query"]
    return reference.probe(lambda ids, mask: rows[: len(ids)], truth)


def _rates(engines: dict[str, EngineProcess], truth: Reference, seconds: float, tick: Any) -> dict[str, dict[str, Any]]:
    """Texts a second by engine and number of texts at once, tokens drawn from the passages."""
    pool = np.array([token for row in truth.ids["passage"] for token in row], np.int64)
    draw = np.random.default_rng(20)
    told: dict[str, dict[str, Any]] = {name: {} for name in engines}
    for texts in _AT_ONCE:
        ids = draw.choice(pool, (texts, _TOKENS))
        times = take_turns({name: each.time for name, each in engines.items()}, ids, seconds / len(_AT_ONCE))
        for name, ms in times.items():
            told[name][str(texts)] = round(1e3 * texts / float(np.median(ms)), 1)
        tick(1)
    return told


def _gpu() -> str | None:
    """The card's name and memory, as its driver says it."""
    try:
        asked = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else None


def show_gpu(figures: dict[str, Any], console: Console | None = None) -> None:
    """Print the schemes."""
    console = console or Console(width=120)
    table = Table(title=f"{figures['model']} on {figures['gpu'] or figures['device']}", title_justify="left")
    table.add_column("scheme", no_wrap=True)
    ways = [*map(str, _AT_ONCE), "many lengths"]
    for column in (*(f"texts/s, {way}" for way in ways), "top-10", "batch", "MB"):
        table.add_column(column, justify="right")
    for name, engine in figures["engines"].items():
        rates = (f"{figures['texts_per_s'][name][way]:,.0f}" for way in ways)
        loss = f"{engine['top10_overlap']:.3f}", f"{engine['batch_max_difference']:.0e}"
        table.add_row(name, *rates, *loss, f"{engine['megabytes']:,.0f}")
    console.print(table)
    console.print(
        f"1, 32 and 256 texts of {_TOKENS} tokens at once, and the gate's passages as the encoder packs them; "
        f"engines took turns, one a process; the run took {figures['seconds']:,.0f} s",
        highlight=False,
        soft_wrap=True,
    )
