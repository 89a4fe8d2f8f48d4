"""ONNX Runtime with inputs and outputs in the device's memory, for a GPU: a few shapes, each with memory of its own.

What a GPU pays for is what it has not seen: kernels are chosen and memory is reserved by shape. So texts come in a few
shapes (`Packing.in_shapes`), and for each of them the buffers of a batch stay where they are.
"""

import logging
import threading
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from serving.model.engines.onnx_runtime import library
from serving.model.tokens import Ids, Packing

_log = logging.getLogger(__name__)

# What ONNX Runtime says when memory is short: its arena (the first two), CUDA and cuBLAS. It has no class for it.
_SHORT_OF_MEMORY = (
    "Failed to allocate memory",
    "is smaller than requested bytes",
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
)


class _Buffers(NamedTuple):
    """Those of one shape, and what binds a session to them."""

    ids: Any
    mask: Any
    rows: Any
    binding: Any


class BoundRuntime:
    """One session and its buffers by shape; several threads take it in turn."""

    def __init__(self, session: Any, memory: str, dim: int, packing: Packing, provider: str = "cuda") -> None:
        """memory: the device's, as ONNX Runtime names it. dim: components of a row."""
        self.provider = provider
        self.packing = packing
        self._session = session
        self._memory = memory
        self._dim = dim
        self._buffers: dict[tuple[int, int], _Buffers] = {}
        self._lock = threading.Lock()

    def run(self, ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
        """Token ids and mask, (n, tokens) int64, to (n, d) float32 unit rows.

        A batch for which memory is short is run in halves, and so are from then on all that are no smaller.
        """
        with self._lock:
            return self._in_halves(ids, mask)

    def _in_halves(self, ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
        texts, tokens = ids.shape
        if texts == 1 or ids.size <= self.packing.tokens:
            try:
                return self._run(ids, mask)
            except RuntimeError as error:
                if texts == 1 or not any(words in str(error) for words in _SHORT_OF_MEMORY):
                    raise
            self._halve_budget(texts, tokens)
        half = texts // 2
        return np.concatenate([self._in_halves(ids[:half], mask[:half]), self._in_halves(ids[half:], mask[half:])])

    def _run(self, ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
        buffers = self._buffers.get(ids.shape) or self._reserve(ids.shape)
        buffers.ids.update_inplace(np.ascontiguousarray(ids))
        buffers.mask.update_inplace(np.ascontiguousarray(mask))
        self._session.run_with_iobinding(buffers.binding)
        return np.array(buffers.rows.numpy())

    def _reserve(self, shape: tuple[int, int]) -> _Buffers:
        """Buffers of a shape; kept if it is one of the packing's, of which there are few."""
        value = library().OrtValue.ortvalue_from_shape_and_type
        ids, mask = value(shape, np.int64, self._memory, 0), value(shape, np.int64, self._memory, 0)
        rows = value((shape[0], self._dim), np.float32, self._memory, 0)
        binding = self._session.io_binding()
        binding.bind_ortvalue_input("input_ids", ids)
        binding.bind_ortvalue_input("attention_mask", mask)
        binding.bind_ortvalue_output(self._session.get_outputs()[0].name, rows)
        made = _Buffers(ids, mask, rows, binding)
        if shape == self.packing.shape(*shape):
            self._buffers[shape] = made
        return made

    def _halve_budget(self, texts: int, tokens: int) -> None:
        self.packing = replace(self.packing, tokens=max(tokens, texts * tokens // 2))
        self._buffers = {
            shape: kept for shape, kept in self._buffers.items() if shape[0] * shape[1] <= self.packing.tokens
        }
        _log.warning(
            "%s has no memory for a batch of %d texts of %d tokens: batches are at most %d tokens from now on",
            self.provider, texts, tokens, self.packing.tokens, extra={"action": "encoder_batch_halved"},
        )  # fmt: skip
