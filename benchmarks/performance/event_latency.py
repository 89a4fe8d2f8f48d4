"""`python -m benchmarks.latency`: how long it takes from an event to its list, everything on.

    python -m benchmarks.latency --rate 500 --seconds 30
    python -m benchmarks.latency --rate 500 --reviews .1 --kafka
    python -m benchmarks.latency --sweep 50 100 200 400 --plot latency.svg
    python -m benchmarks.latency --in-flight 1 --times 3
    python -m benchmarks.latency --soak --kafka

An open loop: events are sent when they are due, whatever was answered, and times count from when they were due. An
event is answered by the first list on the output topic that names it in `folded`; one that is not within 10 s counts as
10,000 ms.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from benchmarks import machine
from benchmarks.drawing import check_drawing
from benchmarks.performance.load.plan import Plan
from benchmarks.performance.options import Bar, history_option, json_option, load_options, run_command
from benchmarks.performance.run_figures import of_run
from benchmarks.performance.shown.figure_tables import show_latency, title_of
from benchmarks.performance.soak import soak
from benchmarks.performance.sustained import take_in_history
from benchmarks.performance.systems.local_system import MeasuredSystem, SystemOptions, running_system
from benchmarks.performance.variadic import VariadicCommand
from benchmarks.performance.watched import plan_of, watched

BIAS = (
    "Bias: everything runs on one machine, so generator, collector, broker and store take their share of the same "
    "cores; the catalogue's vectors are made up (its items lie around a hundred directions); the collector's own "
    "polling of the embedded broker is in the broker's CPU; stages are the clock's time of a micro-batch, waiting "
    "included, by event."
)
_RUN_S, _SOAK_S = 30.0, 600.0
_SATURATED_MS = 2_000.0  # a sweep ends at the rate whose median is this late


@click.command(
    cls=VariadicCommand, epilog="Example: python -m benchmarks.latency --rate 500 --seconds 30 --json f.json"
)
@click.option("--rate", type=click.FloatRange(0.1), default=500.0, show_default=True, help="Events a second.")
@click.option("--seconds", type=click.FloatRange(0.5), help="Measured, of each rate. [default: 30; of a soak 600]")
@click.option("--warm-up", type=click.FloatRange(0), default=5.0, show_default=True, help="Seconds before.")
@click.option("--fixed", is_flag=True, help="Events at equal distances; else Poisson arrivals.")
@click.option("--in-flight", type=click.IntRange(0), default=0, help="A closed loop of so many instead of a rate.")
@click.option("--sweep", type=click.FloatRange(0.1), multiple=True, help="Rates one after another, until saturation.")
@click.option("--times", type=click.IntRange(1), default=1, show_default=True, help="Runs one after another.")
@click.option("--soak", is_flag=True, help="Ten minutes at 70 % of saturation, which is searched for first.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw a sweep here, .svg or .png.")
@history_option
@load_options()
@json_option
def main(file: Path | None, plot: Path | None, **wanted: Any) -> None:
    """Measure the time from an event to its list, in an open loop."""
    if plot is not None:
        check_drawing()

    def show(figures: dict[str, Any]) -> None:
        show_latency(figures)
        if plot is not None and "sweep" in figures:
            from benchmarks.performance.shown.plot import draw_sweep

            draw_sweep(plot, figures["sweep"], title_of(figures))

    run_command(lambda bar: measure(wanted, bar), show, file)


def measure(wanted: dict[str, Any], bar: Bar) -> dict[str, Any]:
    """Start the system, fill it, run what is wanted. Returns the figures."""
    wanted["seconds"] = wanted["seconds"] or (_SOAK_S if wanted["soak"] else _RUN_S)
    options = SystemOptions(workers=wanted["workers"], items=wanted["items"], k=wanted["k"], kafka=wanted["kafka"])
    about = {"machine": machine.describe(), **echoed(wanted)}
    if wanted["soak"]:
        return about | soak(options, wanted, bar) | {"bias": BIAS}
    with running_system(options) as system:
        system.fill(lambda share: bar("items", share))
        take_in_history(system, wanted, bar)
        plan = plan_of(system, wanted)
        if wanted["sweep"]:
            return about | {"sweep": list(_sweep(system, plan, wanted["sweep"], bar))} | {"bias": BIAS}
        figures = _middle([of_run(watched(system, plan, bar)) for _ in range(wanted["times"])])
    return about | figures | {"bias": BIAS}


def echoed(wanted: dict[str, Any]) -> dict[str, Any]:
    """The options as they count, defaults among them."""
    told = {name: value for name, value in wanted.items() if name not in {"sweep", "kafka", "soak"}}
    if wanted.get("in_flight") or wanted.get("sweep"):
        told.pop("rate")
    return told | {"broker": "Apache Kafka" if wanted["kafka"] else "embedded"}


def _middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The run of the median p50; of several with the percentiles of all, in order, as `spread_ms`."""
    runs = sorted(runs, key=lambda run: float(run["event_to_list_ms"]["p50"]))
    names = runs[0]["event_to_list_ms"]
    spread = {name: [run["event_to_list_ms"][name] for run in runs] for name in names}
    return runs[(len(runs) - 1) // 2] | ({"spread_ms": spread} if len(runs) > 1 else {})


def _sweep(system: MeasuredSystem, plan: Plan, rates: list[float], bar: Bar) -> Iterator[dict[str, Any]]:
    for rate in sorted(rates):
        figures = of_run(watched(system, msgspec.structs.replace(plan, rate=rate), bar))
        yield {"rate": rate, **figures}
        if figures["event_to_list_ms"]["p50"] > _SATURATED_MS:
            return
