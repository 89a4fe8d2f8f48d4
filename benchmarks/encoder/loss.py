"""What an engine's vectors lose against float32, on the gate's texts."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from export.gate.parity import Figures, nearest, overlap
from export.gate.reference import Reference, centre
from export.gate.texts import Texts
from serving.model.artifact import KINDS, TextKind
from serving.model.tokens import Run, run_in_batches


@dataclass(frozen=True)
class Loss:
    """overlap: share of the ten nearest that stay. batch_difference: of a component, a text alone and in a batch.

    by_queries: the overlap by kind of query, where it was looked at. None: not measured.
    """

    overlap: float | None = None
    cosine_worst: float | None = None
    batch_difference: float | None = None
    by_queries: Mapping[str, float] | None = None

    @classmethod
    def of(cls, figures: Figures) -> Self:
        """What the gate measured."""
        return cls(figures.overlap, figures.cosine_worst, figures.batch_difference)

    @classmethod
    def at_export(cls, manifest: Mapping[str, Any]) -> Self:
        """What the gate measured when the folder was made."""
        told = manifest.get("parity", {})
        return cls(told.get("overlap"), told.get("cosine_worst"), told.get("batch_difference"))


def static_loss(run: Run, truth: Reference, texts: Texts) -> Loss:
    """Of vectors that live in a space of their own, with a centre of their own: their lists alone are compared."""
    rows = {kind: run_in_batches(run, truth.ids[kind], truth.pad_id) for kind in KINDS}
    groups: dict[TextKind, Mapping[str, list[str]]] = {"query": texts.queries, "passage": texts.passages}
    centres = {kind: centre(rows[kind], [len(group) for group in groups[kind].values()]) for kind in KINDS}
    wanted, found = nearest(truth.rows, truth.centres), nearest(rows, centres)
    ends = list(itertools.accumulate(len(group) for group in texts.queries.values()))
    return Loss(
        overlap=overlap(wanted, found),
        by_queries={
            name: overlap(wanted[begin:end], found[begin:end])
            for name, begin, end in zip(texts.queries, [0, *ends], ends, strict=False)
        },
    )
