"""What was measured, as tables on the terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.encoder.turns import LARGEST, SHAPES, SMALLEST

_WIDTH = 150
BIAS = (
    "Bias: engines took turns, one a process, with the same number of threads, which wait as each library has it by "
    "default; each turn's second run counts. Texts at the four shapes are tokens drawn from the gate's passages, all "
    "of one length, so nothing is padded; tokenising is left out."
)


def show(figures: Mapping[str, Any], console: Console | None = None) -> None:
    """Print the engines, the ways to pack texts, and what a reader must know."""
    console = console or Console(width=_WIDTH)
    console.print(_engines(figures))
    console.print(_packed(figures))
    for note in notes(figures):
        console.print(note, highlight=False, soft_wrap=True)


def _engines(figures: Mapping[str, Any]) -> Table:
    title = (
        f"{figures['model']} on {figures['cpu']}, {figures['threads']} threads; "
        f"milliseconds by texts x tokens; top-10 and batch against float32"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("engine", no_wrap=True)
    faster = [f"x torch {shape}" for shape in (SMALLEST, LARGEST)]
    for column in (*SHAPES, *faster, "top-10", "batch", "peak", "MB"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, engine in figures["engines"].items():
        ratio = engine["ratio_to_torch_fp32"] or {}
        table.add_row(
            f"{name} *" if name == figures["default"] else name,
            *(_ms(figures["ms"][name][shape]) for shape in SHAPES),
            *(_cell(ratio.get(shape), ".1f") for shape in (SMALLEST, LARGEST)),
            _cell(engine["top10_overlap"], ".3f"),
            _cell(engine["batch_max_difference"], ".0e"),
            _cell(engine["share_of_peak"], ".0%"),
            _cell(engine["megabytes"], ",.0f"),
        )
    return table


def _packed(figures: Mapping[str, Any]) -> Table:
    table = Table(title="texts of many lengths, by how they are packed into batches *", title_justify="left")
    table.add_column("batches")
    table.add_column("texts/s", justify="right")
    for way, rate in figures["texts_per_s"].items():
        table.add_row(way, f"{rate:,.0f}")
    return table


def notes(figures: Mapping[str, Any]) -> Iterator[str]:
    """What the tables alone do not say."""
    yield f"* the model folder {figures['folder']}, {figures['fingerprint']}"
    peaks = ", ".join(f"{dtype} {rate:,.0f} GFLOP/s" for dtype, rate in figures["peak_gflops"].items())
    yield (
        f"peak: {peaks} in products of two matrices of 2,048 rows; the column has each engine's best run at {LARGEST} "
        "as a share of the float32 one, which arithmetic in fewer bits may pass"
    )
    for name, engine in figures["engines"].items():
        for queries, share in (engine["top10_overlap_by_queries"] or {}).items():
            yield f"{name}: of the ten nearest to {queries} {share:.0%} stay"
    yield (
        f"{figures['cores']} cores, load {figures['load']} before the run, two million additions in Python "
        f"{figures['python_s']:.3f} s; the run took {figures['seconds']:,.0f} s"
    )
    yield BIAS
    yield (
        "top-10 and batch are what the export's gate measures, against float32 in ONNX Runtime; torch in float32 gives "
        "the same lists, which `make test-export` holds"
    )
    yield from (f"{name} was left out: {why}" for name, why in figures["left_out"].items())


def _ms(ms: float) -> str:
    """Three digits."""
    return f"{ms:,.0f}" if ms >= 100 else f"{ms:.1f}" if ms >= 1 else f"{ms:.3f}"


def _cell(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
