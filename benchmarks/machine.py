"""The machine that figures are of."""

import os
from time import perf_counter
from typing import Any

from serving.model import processor

_ADDITIONS = 2_000_000


def describe() -> dict[str, Any]:
    """Processor, cores that this process may use, the load that was there before, a Python loop's seconds."""
    return {
        "cpu": processor.describe(),
        "cores": cores(),
        "load": round(os.getloadavg()[0], 2),
        "python_s": round(_loop(), 3),
    }


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _loop() -> float:
    """Seconds of two million additions: tells machines apart whose processors have one name."""
    start, total = perf_counter(), 0
    for number in range(_ADDITIONS):
        total += number
    return perf_counter() - start
