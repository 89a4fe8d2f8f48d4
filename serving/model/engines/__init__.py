"""What runs the graph: one interface, one file an engine. ONNX Runtime is the first."""

from typing import Protocol

import numpy as np
import numpy.typing as npt


class Engine(Protocol):
    """Runs a model folder's graph. Safe to call from several threads."""

    @property
    def provider(self) -> str:
        """Where it really runs, checked after creation: "cpu" or "cuda"."""
        ...

    def run(self, ids: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Token ids and mask, (n, tokens) int64, to (n, d) float32 unit rows, not centred."""
        ...
