"""The report page: what is drawn is what was measured, and the page needs nothing beside it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.baselines.popular import Popular, PopularDecayed
from benchmarks.quality.report import report
from benchmarks.quality.run import PrequentialRun
from evaluation.prequential.data_sets import NO_TIME_MS, DatasetItem
from evaluation.prequential.offline_system import Penchant
from evaluation.prequential.protocol import CandidateFilter, of_events
from penchant.errors import Misconfigured
from tests.support.tiny import catalogue, pairs

pytest.importorskip("matplotlib", reason="plots are an extra of their own; CI installs it")
from matplotlib.figure import Figure

from benchmarks.quality import page, plots

NAMES = ["penchant", "penchant_frozen", "popular", "popular_decayed"]


@pytest.fixture(scope="module")
def figures() -> Mapping[str, Any]:
    made = catalogue(20)
    items = [DatasetItem(f"i{row}", "", "", {}, NO_TIME_MS) for row in range(20)]
    run = PrequentialRun(Penchant(made, repeats=False), [Popular(20), PopularDecayed(20)])
    run.over(of_events(pairs(20, 400), CandidateFilter("all", items), repeats=False), lambda: None)
    about = {"protocol": "stream", "items": 20, "positive": "rating>=4", "date": "2026-11-22", "cpu": "<one>"}
    about |= {"left_out": {}, "unknown": 3, "measured_every": 2, "timed": True}
    return {**about, **report(run.steps, run.lists, {tuned.name: tuned.us() for tuned in run.methods})}


LAG = {
    "protocol": "lag",
    "pairs": 4,
    "methods": {"penchant_frozen": {"median_lag": 2.5, "lags": [1, 2, 3, 21]}},
}


def drawn(draw: plots.Draw, figures: Mapping[str, Any]) -> Any:
    axes = Figure().add_subplot()
    draw(axes, figures)
    return axes


def test_the_curves_are_the_windows(figures: Mapping[str, Any]) -> None:
    axes = drawn(plots.over_time, figures)

    found = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert found == figures["windows"]
    assert all(len(values) == 20 for values in found.values())


def test_intervals_are_those_of_the_figures_best_on_top(figures: Mapping[str, Any]) -> None:
    axes = drawn(plots.with_intervals, figures)

    names = [label.get_text() for label in axes.get_yticklabels()]
    bars = [list(line.get_xdata()) for line in axes.lines[::2]]
    assert names == sorted(NAMES, key=lambda name: figures["methods"][name]["hr@10"])
    assert bars == [figures["methods"][name]["hr@10_interval"] for name in names]


def test_coverage_and_bursts_are_those_of_the_figures(figures: Mapping[str, Any]) -> None:
    points = {
        line.get_label(): (*line.get_xdata(), *line.get_ydata())
        for line in drawn(plots.against_coverage, figures).lines
    }
    bursts = drawn(plots.bursts, figures)

    assert points == {name: (each["coverage@10"], each["hr@10"]) for name, each in figures["methods"].items()}
    lows = [line.get_xdata()[0] for line in bursts.lines[::3]]
    names = [label.get_text() for label in bursts.get_yticklabels()]
    assert lows == [figures["slices"]["no_burst"]["methods"][name]["hr@10"] for name in names]


def test_the_price_of_variety_is_a_line_through_the_strengths(figures: Mapping[str, Any]) -> None:
    measured = figures["methods"]["popular"]
    varied = {"variety_0": measured, "variety_0.4": {**measured, "hr@10": 0.1, "diversity@10": 0.9}}

    line, *bars = drawn(plots.price_of_variety, {"methods": varied}).lines

    assert list(line.get_ydata()) == [measured["hr@10"], 0.1]
    assert [list(bar.get_ydata()) for bar in bars] == [measured["hr@10_interval"]] * 2


def test_methods_without_a_look_of_their_own_differ() -> None:
    looks = plots.looks_of(["texts_with_head", "popular", "texts_without_head"])

    assert len(set(looks.values())) == 3


def test_the_lag_curve_rises_as_lists_change() -> None:
    """Given lists that change after 1, 2 and 3 events and one that does not, then a quarter each by then."""
    (line,) = drawn(plots.lag_curve, LAG).lines

    assert line.get_ydata()[:5].tolist() == [0, 25, 50, 75, 75]
    assert line.get_ydata()[-1] == 75


def test_the_page_holds_all_and_links_to_nothing(figures: Mapping[str, Any], tmp_path: Path) -> None:
    files = [tmp_path / "beer & co.json", tmp_path / "lag.json"]
    for file, each in zip(files, (figures, LAG), strict=True):
        file.write_text(json.dumps(each), encoding="utf-8")

    written = page.write(files, tmp_path / "out")
    text = written[0].read_text(encoding="utf-8")

    assert text.count("<img") == 5
    assert "http" not in text
    assert "beer &amp; co" in text
    assert "&lt;one&gt;" in text
    assert "3 stream lines were left out" in text
    assert all(f"<td>{name}</td>" in text for name in NAMES)
    assert {file.suffix for file in written[1:]} == {".svg", ".png"}
    assert all(file.stat().st_size < 60_000 for file in written if file.suffix == ".svg")


def test_the_same_figures_give_the_same_bytes(figures: Mapping[str, Any]) -> None:
    assert plots.drawn(plots.bursts, figures, "svg") == plots.drawn(plots.bursts, figures, "svg")


@pytest.mark.parametrize("text", ["{", "[]", '{"n": 3}'])
def test_another_file_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(Misconfigured, match=r"other\.json"):
        page.write([file], tmp_path / "out")
