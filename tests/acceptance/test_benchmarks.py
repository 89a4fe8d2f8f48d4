"""The benchmarks as people run them, short."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.performance.systems.local_system import SystemOptions
from benchmarks.performance.systems.naive_system import running_naive_agent
from benchmarks.performance.watched import plan_of, watched
from tests.support.command import clean_environment

pytestmark = [pytest.mark.model, pytest.mark.long]


def benchmark(name: str, folder: Path, options: Mapping[str, object]) -> dict[str, Any]:
    file = folder / "figures.json"
    arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments, "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=clean_environment())
    assert done.returncode == 0, done.stderr
    assert "Bias: " in done.stdout
    figures: dict[str, Any] = json.loads(file.read_text())
    return figures


def test_latency_matches_every_event_to_its_list(tmp_path: Path) -> None:
    short = {"rate": 20, "reviews": 0.3, "items": 300, "seconds": 2, "warm-up": 1, "history": 50}
    figures = benchmark("latency", tmp_path, short)

    assert 20 < figures["sent"] >= figures["received"] > 0  # on a busy machine some may take longer than 10 s
    ms = figures["event_to_list_ms"]
    assert 0 < ms["p50"] <= ms["p90"] <= ms["p99"] <= ms["max"] <= 10_000
    assert figures["review_to_list_ms"]["p50"] > 0
    assert 0 < figures["moved"] <= 1
    assert {"embed", "fold", "rank", "publish", "statistics"} <= set(figures["stage_us_per_event"])
    assert {"worker", "broker", "store", "generator"} <= set(figures["cpu_us_per_event"])
    assert figures["cpu_us_per_event"]["worker"] > 0
    echoed = {name: figures[name] for name in ("items", "users", "zipf", "k", "reviews", "broker", "workers")}
    assert echoed == {
        "items": 300, "users": 10_000, "zipf": 1.0, "k": 20, "reviews": 0.3, "broker": "embedded", "workers": 1,
    }  # fmt: skip


def test_the_naive_agent_answers_every_event() -> None:
    load = {"users": 20, "zipf": 1.0, "reviews": 0.2, "rate": 60.0, "seconds": 1.0, "warm_up": 0.0}

    with running_naive_agent(SystemOptions(items=300)) as agent:
        run = watched(agent, plan_of(agent, load), lambda *_: None)

    assert len(run.due_s) > 30
    assert not np.isnan(run.seen_s).any()
    assert run.review.any()
    assert run.moved > 0
