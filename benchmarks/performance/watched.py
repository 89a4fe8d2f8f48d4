"""Plans for a system, and runs of them with what was seen of it from outside."""

from typing import Any

from benchmarks.performance.load.plan import Answer, Plan
from benchmarks.performance.load.runs import Run, run
from benchmarks.performance.load.workload import Workload
from benchmarks.performance.options import Bar
from benchmarks.performance.run_figures import CPU
from benchmarks.performance.systems.local_system import MeasuredSystem


def plan_of(system: MeasuredSystem, wanted: dict[str, Any]) -> Plan:
    """What the generator is told, by the options of a command."""
    topics = system.topics
    return Plan(
        run="",
        file="",
        bootstrap=system.where.bootstrap,
        clicks=topics.clicks,
        reviews=topics.reviews,
        recommendations=topics.recommendations,
        fetch_wait_ms=system.options.fetch_wait_ms,
        workload=Workload(
            items=system.options.items, users=wanted["users"], zipf=wanted["zipf"], reviews=wanted["reviews"]
        ),
        rate=wanted.get("rate", 0.0),
        seconds=wanted["seconds"],
        warm_up_s=wanted["warm_up"],
        fixed=wanted.get("fixed", False),
        in_flight=wanted.get("in_flight", 0),
        linger_ms=wanted.get("linger_ms", 0),
    )


def watched(system: MeasuredSystem, plan: Plan, bar: Bar) -> Run:
    """One run, with what workers say of themselves and the CPU that each role took."""

    def look() -> dict[str, float]:
        return system.metrics() | {CPU + role: spent_s for role, spent_s in system.cpu_s().items()}

    def progress(answer: Answer) -> None:
        bar(f"{answer.phase}, {answer.sent - answer.received:,} under way", answer.sent / answer.of)

    return run(plan, look, progress)
