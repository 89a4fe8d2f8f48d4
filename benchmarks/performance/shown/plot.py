"""A sweep over rates, drawn. Needs matplotlib, of the extra `plots`."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

# Okabe & Ito's colours.
_LINES = {"p50": "#0072b2", "p90": "#e69f00", "p99": "#d55e00"}


def draw_sweep(path: Path, runs: Sequence[Mapping[str, Any]], title: str) -> None:
    """Milliseconds from event to list by events a second; as the file's name ends, `svg` or `png`."""
    rates = [run["rate"] for run in runs]
    with mpl.rc_context({"font.size": 9, "svg.hashsalt": "penchant", "svg.fonttype": "none"}):
        figure = Figure(figsize=(7, 3.6), layout="constrained")
        axes = figure.add_subplot()
        for name, colour in _LINES.items():
            axes.plot(rates, [run["event_to_list_ms"][name] for run in runs], "o-", color=colour, label=name)
        axes.set(xlabel="events a second, open loop", ylabel="ms from event to list", yscale="log", title=title)
        axes.grid(color="#e4e4e4", which="both")
        axes.legend(frameon=False)
        drawn = io.BytesIO()
        kind = path.suffix.removeprefix(".")
        figure.savefig(drawn, format=kind, metadata={"Date": None} if kind == "svg" else None, dpi=144)
    path.write_bytes(drawn.getvalue())
