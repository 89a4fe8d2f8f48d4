"""Plots of what `--json` wrote. A method has the same colour and mark in all of them (Okabe & Ito's colours).

Needs matplotlib, of the extra `plots`.
"""

import io
from collections.abc import Callable, Iterable, Mapping
from itertools import cycle
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from benchmarks.quality.lag import JOINED
from benchmarks.quality.variants import VARIETY

Figures = Mapping[str, Any]
Draw = Callable[[Axes, Figures], None]

_ORANGE, _AMBER, _BLUE, _SKY, _GREEN, _PINK, _BLACK = (
    "#d55e00",
    "#e69f00",
    "#0072b2",
    "#56b4e9",
    "#009e73",
    "#cc79a7",
    "#000000",
)
# Name -> colour, line, mark: one colour for methods of one kind.
_LOOKS = {
    "penchant": (_ORANGE, "-", "o"),
    "penchant_frozen": (_AMBER, "-", "D"),
    "popular": (_BLUE, ":", "s"),
    "popular_decayed": (_BLUE, "-", "s"),
    "last_item_cooccurrence": (_GREEN, ":", "^"),
    "item_knn": (_GREEN, "-", "^"),
    "vs_knn": (_GREEN, "--", "v"),
    "online_bpr": (_PINK, "-", "P"),
    "ease_refitted": (_PINK, "--", "X"),
    "content_float32": (_SKY, "-", "<"),
    "content_int8": (_SKY, ":", ">"),
    "title_tfidf": (_BLACK, "-", "p"),
}
_OTHERS = tuple(("#777777", line, mark) for line, mark in (("-", "h"), ("--", "d"), ("-.", "8"), (":", "H")))
_REST = ("#d0d0d0", "-", "")
_TOLD = 4  # baselines that are told apart over time
_STYLE: dict[RcKeyType, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.hashsalt": "penchant",  # the same figures give the same bytes
}


def looks_of(names: Iterable[str]) -> dict[str, tuple[str, str, str]]:
    """Colour, line and mark of each method; those of no baseline's name in grey, in turn."""
    others = cycle(_OTHERS)
    return {name: _LOOKS[name] if name in _LOOKS else next(others) for name in names}


def drawn(draw: Draw, figures: Figures, kind: str) -> bytes:
    """A plot as `svg` or `png`."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.2, 3.8), layout="constrained")
        draw(figure.add_subplot(), figures)
        out = io.BytesIO()
        figure.savefig(out, format=kind, dpi=100, metadata={"Date": None} if kind == "svg" else None)
    return out.getvalue()


def over_time(axes: Axes, figures: Figures) -> None:
    """HR@10 in parts of the measured half, one after the other; in grey what is not among the four best baselines."""
    best = sorted(figures["methods"], key=lambda name: -figures["methods"][name]["hr@10"])
    looks = looks_of(figures["windows"])
    told = {name for name in figures["methods"] if name.startswith("penchant")}
    told |= set([name for name in best if name not in told][:_TOLD])
    for name, values in sorted(figures["windows"].items(), key=lambda each: each[0] in told):
        colour, line, _ = looks[name] if name in told else _REST
        places = (np.arange(len(values)) + 0.5) * 100 / len(values)
        label = name if name in told else None
        axes.plot(places, values, line, color=colour, label=label, lw=2.4 if name == "penchant" else 1.3)
    axes.set(xlabel="% of what was measured, in order", ylabel="HR@10", xlim=(0, 100), ylim=(0, None))
    _legend(axes)


def with_intervals(axes: Axes, figures: Figures) -> None:
    """HR@10 with its 95 % bootstrap interval, best on top."""
    methods = sorted(figures["methods"].items(), key=lambda each: each[1]["hr@10"])
    looks = looks_of(name for name, _ in methods)
    for place, (name, found) in enumerate(methods):
        colour, _, mark = looks[name]
        low, high = found["hr@10_interval"]
        axes.plot([low, high], [place, place], color=colour, lw=2)
        axes.plot([found["hr@10"]], [place], mark, color=colour, ms=6)
    _named(axes, [name for name, _ in methods])
    axes.set(xlabel="HR@10 and its 95 % interval", xlim=(0, None))


def against_coverage(axes: Axes, figures: Figures) -> None:
    """Coverage of the catalogue against HR@10; hollow: the plainer one of two of a kind."""
    looks = looks_of(figures["methods"])
    for name, found in figures["methods"].items():
        colour, line, mark = looks[name]
        face = "none" if line == ":" else colour
        where = [found["coverage@10"]], [found["hr@10"]]
        axes.plot(*where, mark, color=colour, ms=8, mfc=face, mew=1.5, label=name, clip_on=False)
    axes.set(xlabel="coverage: share of items on any list", ylabel="HR@10", xlim=(0, 1), ylim=(0, None))
    _legend(axes)


def bursts(axes: Axes, figures: Figures) -> None:
    """HR@10 right after an event of the same user (filled), and else (hollow)."""
    burst, rest = (figures["slices"][name]["methods"] for name in ("burst", "no_burst"))
    names = sorted(burst, key=lambda name: float(rest[name]["hr@10"]))
    looks = looks_of(names)
    for place, name in enumerate(names):
        colour, _, mark = looks[name]
        high, low = burst[name]["hr@10"], rest[name]["hr@10"]
        axes.plot([low, high], [place, place], color=colour, lw=1)
        axes.plot([high], [place], mark, color=colour, ms=6)
        axes.plot([low], [place], mark, color=colour, mfc="white", ms=6)
    _named(axes, names)
    n = {name: f"{figures['slices'][name]['n']:,}" for name in ("burst", "no_burst")}
    axes.set(xlabel=f"HR@10: filled in a burst (n = {n['burst']}), hollow else ({n['no_burst']})", xlim=(0, None))


def price_of_variety(axes: Axes, figures: Figures) -> None:
    """HR@10 with its 95 % interval against how unlike a list's items are, by PENCHANT_LIST_VARIETY."""
    found = [(name, each) for name, each in figures["methods"].items() if name.startswith(VARIETY)]
    x, y = ([each[key] for _, each in found] for key in ("diversity@10", "hr@10"))
    axes.plot(x, y, "-o", color=_ORANGE, ms=6)
    for (name, each), at, hit in zip(found, x, y, strict=True):
        axes.plot([at, at], each["hr@10_interval"], color=_ORANGE, lw=1)
        axes.annotate(name.removeprefix(VARIETY), (at, hit), (6, 6), textcoords="offset points")
    axes.margins(x=0.1)
    axes.set(xlabel="mean of 1 - cosine within a list, by PENCHANT_LIST_VARIETY", ylabel="HR@10", ylim=(0, None))


def lag_curve(axes: Axes, figures: Figures) -> None:
    """Of pairs of users joined: how many lists are half of the new interest after so many of its events."""
    after = np.arange(JOINED + 1)
    looks = looks_of(figures["methods"])
    for name, found in figures["methods"].items():
        colour, line, _ = looks[name]
        turned = (np.array(found["lags"])[:, None] <= after).mean(axis=0) * 100
        axes.plot(after, turned, line, color=colour, label=name, lw=2.4 if name.startswith("penchant") else 1.3)
    axes.set(xlabel="events of the new interest", ylabel="% of lists that have turned", xlim=(0, JOINED), ylim=(0, 101))
    axes.set_xticks(range(0, JOINED + 1, 5))
    _legend(axes)


def _legend(axes: Axes) -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, handlelength=2.6)


def _named(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=False, axis="y")
