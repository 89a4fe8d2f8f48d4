"""Makes a model in one or several schemes and measures each: the work behind an export and behind the table."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from export import quantize
from export.gate import parity, reference, speed
from export.gate.parity import Figures
from export.gate.reference import Reference
from export.gate.texts import Texts
from export.quantize import Scheme
from export.sources import Source
from serving.model.artifact import Probe
from serving.model.engines.choice import on_cpu


class Graph(NamedTuple):
    """A graph that was written, in its scheme; probe: a text and the row that it gives it, once that is known."""

    scheme: Scheme
    path: Path
    probe: Probe | None = None


@dataclass(frozen=True)
class Candidate:
    """A model in one scheme, and what was measured of it on this machine's CPU."""

    scheme: Scheme
    path: Path
    bytes: int
    figures: Figures
    ms: dict[str, float]  # by shape, as speed.SHAPES names them
    probe: Probe | None = None

    @property
    def graph(self) -> Graph:
        """What becomes of it in a model folder."""
        return Graph(self.scheme, self.path, self.probe)

    def as_json(self) -> dict[str, Any]:
        """The figures as the manifest and --json have them."""
        return {"bytes": self.bytes, "ms": self.ms, **asdict(self.figures)}


class Progress:
    """Bars on stderr, one a step of the work."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self.bars = Bars(*columns, console=Console(stderr=True))

    @contextmanager
    def step(self, words: str, total: int = 1) -> Iterator[Callable[[int], None]]:
        """A bar that is full when the block ends; call what it yields with the number of units done."""
        task = self.bars.add_task(words, total=total)
        yield lambda done: self.bars.advance(task, done)
        self.bars.update(task, completed=total)


@dataclass(frozen=True)
class Measured:
    """All candidates of one source, and what they were measured against."""

    reference: Reference
    candidates: list[Candidate]


def measure(source: Source, schemes: Sequence[Scheme], texts: Texts, scratch: Path, progress: Progress) -> Measured:
    """Makes `source` in each scheme, and measures each against float32. The graphs lie in `scratch`.

    A scheme for a GPU alone is measured on the CPU too: its kernels differ there, its rounding of weights does not.
    """
    total = len(texts.of("query")) + len(texts.of("passage"))
    paths = {}
    for scheme in schemes:
        with progress.step(f"{scheme.value}: writing the graph"):
            paths[scheme] = write_graph(source, scheme, scratch)
    with progress.step("float32, the reference", total) as tick:
        truth = reference.make(source, texts, tick)
    figures, probes = {}, {}
    for scheme, path in paths.items():
        with progress.step(f"{scheme.value}: parity", total) as tick:
            engine = on_cpu(path, scheme.value)
            figures[scheme] = parity.measure(reference.counted(engine.run, tick), truth)
            probes[scheme] = reference.probe(engine.run, truth)
            del engine  # one at a time: each takes memory for the weights
    with progress.step("timing"):
        times = speed.compare({s.value: path for s, path in paths.items()}, source.tokenizer.get_vocab_size())
    return Measured(
        truth,
        [Candidate(s, path, path.stat().st_size, figures[s], times[s.value], probes[s]) for s, path in paths.items()],
    )


def write_graph(source: Source, scheme: Scheme, scratch: Path) -> Path:
    """The graph of a source in a scheme, with its pooling: a file in `scratch`."""
    import onnx

    from export.networks.pooling_graph import append

    model = quantize.quantise(source.network.fused(scheme.traits.attention), scheme)
    append(model, source.network.dim, source.pooling)
    path = scratch / f"{scheme.value}.onnx"
    onnx.save(model, path)
    del model
    gc.collect()  # the tools leave cycles that hold whole copies of the weights
    return path
