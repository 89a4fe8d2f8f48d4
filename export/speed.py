"""How fast a graph runs on this machine, and which of several passes for the fastest."""

import math
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from time import perf_counter

import numpy as np

from serving.engines.onnx_runtime import OnnxRuntime

SHAPES = {"1x16": (1, 16), "32x64": (32, 64)}  # texts x tokens: one statement, a batch of reviews
ROUNDS = 3  # graphs take turns, so that a busy minute of the machine hits all of them
SECONDS = 1.5  # a graph, a shape and a round
# Within a quarter, two timings on a shared machine do not order two schemes, and a choice that flips from export to
# export changes fingerprints for nothing: the smaller one is taken, which also leaves memory to the rest.
TIE = 1.25


def compare(models: Mapping[str, Path]) -> dict[str, dict[str, float]]:
    """Milliseconds by name and shape: a round's median, and of the rounds the least disturbed (the smallest)."""
    engines = {name: OnnxRuntime(path, "cpu") for name, path in models.items()}
    best = {name: dict.fromkeys(SHAPES, math.inf) for name in models}
    for _ in range(ROUNDS):
        for name, engine in engines.items():
            for shape, (texts, tokens) in SHAPES.items():
                best[name][shape] = min(best[name][shape], _median_ms(engine, texts, tokens))
    return best


def _median_ms(engine: OnnxRuntime, texts: int, tokens: int) -> float:
    ids = np.random.default_rng(texts).integers(1000, 20_000, (texts, tokens), dtype=np.int64)
    mask = np.ones_like(ids)
    engine.run(ids, mask)
    times: list[float] = []
    end = perf_counter() + SECONDS
    while perf_counter() < end or len(times) < 3:
        start = perf_counter()
        engine.run(ids, mask)
        times.append(1e3 * (perf_counter() - start))
    return float(np.median(times))


def fastest(times: Mapping[str, Mapping[str, float]], sizes: Mapping[str, int]) -> str:
    """The name with the smallest geometric mean over the shapes; of those within 25 % of it, the smallest in bytes.

    >>> fastest({"a": {"1x16": 4.0}, "b": {"1x16": 4.2}, "c": {"1x16": 9.0}}, {"a": 400, "b": 100, "c": 50})
    'b'
    """
    means = {name: math.exp(_mean(math.log(ms) for ms in shapes.values())) for name, shapes in times.items()}
    limit = TIE * min(means.values())
    return min((name for name in means if means[name] <= limit), key=lambda name: sizes[name])


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def cpu() -> str:
    """The processor's name, and which of the instructions it has that decide how fast 8 and 16 bits run."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    flags = set(fields.get("flags", "").split()) & {
        "avx2",
        "avx_vnni",
        "avx512_vnni",
        "avx512_bf16",
        "amx_int8",
        "amx_bf16",
    }
    return f"{fields.get('model name', platform.machine())} ({', '.join(sorted(flags)) or 'none of VNNI, bf16, AMX'})"
