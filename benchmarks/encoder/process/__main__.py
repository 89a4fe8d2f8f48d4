"""One engine in a process of its own. Requests are lines of JSON on standard input, answers lines on standard output.

    python -m benchmarks.encoder.process onnx FOLDER THREADS PROVIDER a model folder, by the engine that a worker takes
    python -m benchmarks.encoder.process torch FOLDER THREADS DTYPE   sentence-transformers; in the environment of torch
    python -m benchmarks.encoder.process static FILE THREADS          static vectors

    {"run": [ids, mask]}            {"rows": (n, d) unit rows}
    {"time": [ids, mask]}           {"ms": of one run, after another that warmed the caches}
    {"encode": rows of ids, "way": one of WAYS, "pad_id": …}   {"seconds": for all of them}
    {"product": n}                  {"gflops": the best of several products of two n x n matrices}

The first answer comes without a request, once the engine is loaded: {"name": …}. When its input ends,
the process does.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.encoder.process.packing import WAYS
from serving.model.engines import Engine

Product = Callable[[], object]  # multiplies two matrices
_PRODUCTS = 8


def numpy_product(size: int) -> Product:
    """A product of float32 matrices, ready to be run."""
    left, right = np.random.default_rng(size).standard_normal((2, size, size), dtype=np.float32)
    return lambda: left @ right


def main() -> None:
    """Serve one engine until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    name, engine, product = _open(*sys.argv[1:])
    serve: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
        "run": lambda given: {"rows": engine.run(*_arrays(given["run"])).tolist()},
        "time": lambda given: {"ms": timed(engine, *_arrays(given["time"]))},
        "encode": lambda given: {"seconds": _seconds(engine, given)},
        "product": lambda given: {"gflops": gflops(product(given["product"]), given["product"])},
    }
    _answer(answers, {"name": name})
    for line in sys.stdin:
        request: Mapping[str, Any] = json.loads(line)
        _answer(answers, serve[next(iter(request))](request))


def _open(kind: str, path: str, threads: str, what: str = "") -> tuple[str, Engine, Callable[[int], Product]]:
    """The engine, its name in the table, and a product of matrices in its own arithmetic."""
    if kind == "torch":
        from benchmarks.encoder.process.torch_engine import NAMES, Torch

        torch = Torch(Path(path), what, int(threads))
        return f"torch {NAMES[what]}", torch, torch.product
    if kind == "static":
        from benchmarks.encoder.process.static_vectors import StaticVectors

        return "static vectors", StaticVectors.load(Path(path)), numpy_product
    from serving.model.artifact import open_artifact
    from serving.model.engines.choice import open_engine

    artifact = open_artifact(path)
    engine = open_engine(artifact, "cuda" if what == "cuda" else "cpu", int(threads))
    return f"{type(engine).__name__.lower()} {artifact.scheme}", engine, numpy_product


def timed(engine: Engine, ids: Any, mask: Any) -> float:
    """Milliseconds of a run. Another one goes before: since this engine's last turn others have used the caches."""
    engine.run(ids, mask)
    start = perf_counter()
    engine.run(ids, mask)
    return 1e3 * (perf_counter() - start)


def gflops(product: Product, size: int) -> float:
    """Billions of multiplications and additions a second, the best of several products."""
    product()
    best = float("inf")
    for _ in range(_PRODUCTS):
        start = perf_counter()
        product()
        best = min(best, perf_counter() - start)
    return 2e-9 * size**3 / best


def _seconds(engine: Engine, given: Mapping[str, Any]) -> float:
    start = perf_counter()
    WAYS[given["way"]](engine, given["encode"], given["pad_id"])
    return perf_counter() - start


def _arrays(given: Any) -> tuple[Any, Any]:
    ids, mask = (np.asarray(part, np.int64) for part in given)
    return ids, mask


def _answer(file: Any, words: Mapping[str, Any]) -> None:
    file.write(json.dumps(words) + "\n")
    file.flush()


if __name__ == "__main__":
    main()
