"""What was measured, as --json writes it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.encoder.loss import Loss
from benchmarks.encoder.turns import LARGEST, SMALLEST, Times

TORCH = "torch fp32"
_NO_LOSS = Loss()


@dataclass(frozen=True)
class Measured:
    """Everything by the engines' names. default: the model folder's.

    gflops: of a product of matrices, by type of number. operations: of the encoder in a batch of the LARGEST shape.
    """

    default: str
    times: Mapping[str, Mapping[str, Times]]
    losses: Mapping[str, Loss]
    bytes: Mapping[str, int]
    gflops: Mapping[str, float]
    operations: float | None
    texts_per_s: Mapping[str, float]


def figures_of(told: Measured) -> dict[str, Any]:
    """Figures for one engine are those of the default; `engines` has all."""
    loss = told.losses.get(told.default, _NO_LOSS)
    return {
        "default": told.default,
        "ms": {name: {shape: _rounded(each.typical) for shape, each in by.items()} for name, by in told.times.items()},
        "ratio_to_torch_fp32": ratios(told.times, told.default),
        "top10_overlap": loss.overlap,
        "batch_max_difference": loss.batch_difference,
        "engines": {name: _engine(told, name) for name in told.times},
        "texts_per_s": {way: round(rate, 1) for way, rate in told.texts_per_s.items()},
        "peak_gflops": {dtype: round(rate, 1) for dtype, rate in told.gflops.items()},
        "share_of_peak": _share(told, told.default),
    }


def ratios(times: Mapping[str, Mapping[str, Times]], name: str) -> dict[str, float] | None:
    """How many times as fast as sentence-transformers in float32 an engine is; None where that was left out."""
    if TORCH not in times:
        return None
    return {shape: round(times[TORCH][shape].typical / times[name][shape].typical, 2) for shape in (LARGEST, SMALLEST)}


def _engine(told: Measured, name: str) -> dict[str, Any]:
    loss = told.losses.get(name, _NO_LOSS)
    return {
        "megabytes": round(told.bytes[name] / 1e6, 1),
        "top10_overlap": loss.overlap,
        "top10_overlap_by_queries": loss.by_queries,
        "cosine_worst": loss.cosine_worst,
        "batch_max_difference": loss.batch_difference,
        "ratio_to_torch_fp32": ratios(told.times, name),
        "share_of_peak": _share(told, name),
        "times": {shape: asdict(each) for shape, each in told.times[name].items()},
    }


def _share(told: Measured, name: str) -> float | None:
    """Of a product of float32 matrices: the encoder's operations a second in its best run, at the LARGEST shape.

    Arithmetic in fewer bits can pass 1. None for engines that do other operations, or where these are not known.
    """
    if told.operations is None or "float32" not in told.gflops or name not in told.losses:
        return None
    if told.losses[name].by_queries is not None:  # static vectors
        return None
    return round(told.operations / (told.times[name][LARGEST].best * 1e6) / told.gflops["float32"], 3)


def _rounded(ms: float) -> float:
    return float(f"{ms:.4g}")
