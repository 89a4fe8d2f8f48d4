"""The report: what runs wrote with `--json`, as one page that needs nothing beside it."""

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from benchmarks.quality.plots import (
    Draw,
    Figures,
    against_coverage,
    bursts,
    drawn,
    lag_curve,
    over_time,
    price_of_variety,
    with_intervals,
)
from benchmarks.quality.report import SLICES
from benchmarks.quality.tables import ACCURACY, CHARACTER, notes
from benchmarks.quality.variants import VARIETY
from penchant.errors import Misconfigured

_PLOTS: tuple[tuple[str, str, Draw], ...] = (
    ("intervals", "How right the lists are", with_intervals),
    ("stream", "Quality over the stream", over_time),
    ("coverage", "Coverage against accuracy", against_coverage),
    ("bursts", "In a burst, and not", bursts),
)
_LAG: tuple[tuple[str, str, Draw], ...] = (("lag", "Adaptation lag", lag_curve),)
_VARIETY: tuple[str, str, Draw] = ("variety", "The price of variety", price_of_variety)
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; font-size: 13px }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #e4e4e4 }
th:first-child, td:first-child { text-align: left }
tr.own td { font-weight: 600 }
.plots { display: flex; flex-wrap: wrap; gap: 1rem }
figure { margin: 0; flex: 1 1 28rem } figure img { width: 100% }
.wide { overflow-x: auto } .note { color: #555 }
"""


def write(files: Sequence[Path], folder: Path) -> list[Path]:
    """Write `index.html` and each plot as SVG and PNG. Raises Misconfigured for a file that is no run's."""
    folder.mkdir(parents=True, exist_ok=True)
    found = [_read(file) for file in files]
    written, sections = [], []
    for file, figures in zip(files, found, strict=True):
        pictures = []
        for name, title, draw in _plots_of(figures):
            for kind in ("svg", "png"):
                picture = folder / f"{file.stem}-{name}.{kind}"
                picture.write_bytes(drawn(draw, figures, kind))
                written.append(picture)
            pictures.append(_picture(title, written[-2].read_bytes()))
        sections.append(_section(file.stem, figures, pictures))
    page = folder / "index.html"
    page.write_text(_page(sections), encoding="utf-8")
    return [page, *written]


def _read(file: Path) -> Figures:
    try:
        figures = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{file} cannot be read: {error}") from error
    if not isinstance(figures, dict) or not {"protocol", "methods"} <= figures.keys():
        raise Misconfigured(f"{file} is not what `--json` of cases, stream or lag wrote: run one of them")
    return figures


def _plots_of(figures: Figures) -> tuple[tuple[str, str, Draw], ...]:
    if figures["protocol"] == "lag":
        return _LAG
    varied = any(name.startswith(VARIETY) for name in figures["methods"])
    return (*_PLOTS, _VARIETY) if varied else _PLOTS


def _page(sections: Sequence[str]) -> str:
    head = f'<meta charset="utf-8"><title>How good the lists are</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><h1>How good the lists are</h1>{"".join(sections)}'


def _section(name: str, figures: Figures, pictures: Sequence[str]) -> str:
    if figures["protocol"] == "lag":
        about = f"{figures['pairs']} pairs of users with different main genres, joined; medians in events."
        tables = _table(figures["methods"], ("median_lag",))
    else:
        rule = {"positive": "all events", "candidates": "all"} | {
            key: figures[key] for key in ("positive", "candidates", "split") if figures.get(key)
        }
        told = ", ".join(f"{key} {value}" for key, value in rule.items())
        about = f"n = {figures['n']:,}, {figures['items']:,} items; {told}; {figures['date']}, {figures['cpu']}."
        sliced = {
            method: {key: figures["slices"][key]["methods"][method]["hr@10"] for key in SLICES}
            for method in figures["methods"]
        }
        rows = {method: {**found, **sliced[method]} for method, found in figures["methods"].items()}
        tables = _table(rows, (*ACCURACY, *SLICES)) + _table(rows, (*CHARACTER, "us_per_event", "us_per_list"))
        about += "".join(f" {note}." for note in notes(figures))
    plots = f'<div class="plots">{"".join(pictures)}</div>'
    return f'<section><h2>{escape(name)}</h2><p class="note">{escape(about)}</p>{plots}{tables}</section>'


def _table(rows: Mapping[str, Mapping[str, float]], columns: Sequence[str]) -> str:
    head = "".join(f"<th>{column}</th>" for column in ("method", *columns))
    body = "".join(
        f'<tr class="{"own" if name == "penchant" else "other"}"><td>{escape(name)}</td>'
        + "".join(f"<td>{_shown(column, found[column])}</td>" for column in columns)
        + "</tr>"
        for name, found in rows.items()
    )
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _shown(column: str, value: float) -> str:
    return f"{value:,.0f}" if column.startswith("us_") else f"{value:.1f}" if "lag" in column else f"{value:.4f}"


def _picture(title: str, svg: bytes) -> str:
    source = f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
    return f'<figure><h3>{escape(title)}</h3><img alt="{escape(title)}" src="{source}"></figure>'
