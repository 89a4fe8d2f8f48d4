"""What runs the graph: one interface, one file an engine, and the choice among them (choice.py)."""

import os
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from serving.model.tokens import Packing

Provider = Literal["auto", "cpu", "cuda"]


class Engine(Protocol):
    """Runs a model folder's graph. Safe to call from several threads."""

    @property
    def provider(self) -> str:
        """Where it really runs, checked after creation: "cpu" or "cuda"."""
        ...

    @property
    def packing(self) -> Packing:
        """How it wants its batches; it runs others, too."""
        ...

    def run(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Token ids and mask, (n, tokens) int64, to (n, d) float32 unit rows, not centred."""
        ...


def usable_cores() -> int:
    """Cores that this process may run on, which in a container are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
