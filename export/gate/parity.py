"""How far a scheme's vectors are from float32's, and the gate that refuses the ones that are too far.

Judged is what a worker stores and compares, centred unit vectors, by the lists that they make: of each query's ten
nearest passages in torch float32, the share that is among the scheme's ten. Cosine is reported beside it; in e5's
narrow cone it is near 1 for schemes that shuffle the lists.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from export.gate.reference import Reference, Rows, centred
from penchant.errors import Misconfigured
from serving.model.artifact import KINDS
from serving.model.tokens import Run, pad, run_in_batches

__all__ = ("Figures", "Gate", "measure", "nearest", "overlap")

_NEAREST = 10
_BATCH = 32  # texts in a mixed batch
_BATCHED = 256  # texts whose vector is made alone as well


@dataclass(frozen=True)
class Figures:
    """What the gate measured of a scheme, against torch float32."""

    overlap: float  # mean share of the ten nearest that stay, 0 to 1
    cosine_mean: float  # of the raw unit rows
    cosine_worst: float
    batch_difference: float  # largest difference of a component, a text alone and in a mixed batch
    passages: int
    queries: int


@dataclass(frozen=True)
class Gate:
    """The least that is accepted."""

    overlap: float = 0.95
    batch: float = 1e-3

    def lowered(self, settings: Sequence[str]) -> Self:
        """The gate with some of its limits replaced, each as `name=value`. Raises Misconfigured on another name.

        >>> Gate().lowered(["overlap=0.9"])
        Gate(overlap=0.9, batch=0.001)
        """
        names = [field.name for field in dataclasses.fields(self)]
        changes = {}
        for setting in settings:
            name, _, value = setting.partition("=")
            try:
                changes[name] = float(value)
            except ValueError:
                raise Misconfigured(f"--lower-gate {setting}: write NAME=NUMBER, as in overlap=0.9") from None
            if name not in names:
                raise Misconfigured(f"--lower-gate {setting}: the gate has {' and '.join(names)}, not {name}")
        return dataclasses.replace(self, **changes)

    def failures(self, figures: Figures) -> list[str]:
        """What is below the gate, in words; empty for a scheme that passes."""
        failures = []
        if not figures.overlap >= self.overlap:  # written so that NaN fails
            failures.append(f"top-{_NEAREST} overlap {figures.overlap:.3f} is below {self.overlap:g}")
        if not figures.batch_difference <= self.batch:
            failures.append(f"a vector changes by {figures.batch_difference:.1e} with its batch, above {self.batch:g}")
        return failures


def measure(run: Run, reference: Reference) -> Figures:
    """The figures of a graph on the reference's texts. Takes about a minute on two cores."""
    rows = {kind: run_in_batches(run, reference.ids[kind], reference.pad_id) for kind in KINDS}
    cosines = np.concatenate([np.sum(rows[kind] * reference.rows[kind], axis=1) for kind in KINDS])
    return Figures(
        overlap=overlap(nearest(reference.rows, reference.centres), nearest(rows, reference.centres)),
        cosine_mean=float(cosines.mean()),
        cosine_worst=float(cosines.min()),
        batch_difference=batch_difference(run, reference.ids["passage"], reference.pad_id),
        passages=len(rows["passage"]),
        queries=len(rows["query"]),
    )


def nearest(rows: Rows, centres: Rows) -> npt.NDArray[np.intp]:
    """The positions of each query's nearest passages by cosine of centred rows, (queries, 10)."""
    scores = centred(rows["query"], centres["query"]) @ centred(rows["passage"], centres["passage"]).T
    return np.argsort(-scores, axis=1, kind="stable")[:, :_NEAREST]


def overlap(wanted: npt.NDArray[np.intp], found: npt.NDArray[np.intp]) -> float:
    """The mean share of each row of `wanted` that stands in the same row of `found`, in any order.

    >>> overlap(np.array([[1, 2], [3, 4]]), np.array([[2, 1], [3, 9]]))
    0.75
    """
    shares = [len(np.intersect1d(a, b)) / len(a) for a, b in zip(wanted, found, strict=True)]
    return float(np.mean(shares))


def batch_difference(run: Run, ids: Sequence[Sequence[int]], pad_id: int) -> float:
    """The largest difference of a component between a text's raw row made alone and in a random batch of 32."""
    draw = np.random.default_rng(20).permutation(len(ids))[:_BATCHED]
    worst = 0.0
    for begin in range(0, len(draw), _BATCH):
        texts = [ids[index] for index in draw[begin : begin + _BATCH]]
        together = run(*pad(texts, pad_id))
        alone = np.concatenate([run(*pad([text], pad_id)) for text in texts])
        worst = max(worst, float(np.abs(together - alone).max()))
    return worst
