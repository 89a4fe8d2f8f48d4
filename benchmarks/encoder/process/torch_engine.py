"""sentence-transformers as an engine: run in the environment that has torch."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from export.networks.quiet import quiet
from serving.model.tokens import Ids, Packing

NAMES: Mapping[str, str] = {"float32": "fp32", "bfloat16": "bf16"}  # torch's name of a type: as the table has it


class Torch:
    """A folder of transformers or sentence-transformers. Without `modules.json` it is pooled by the mean."""

    provider = "cpu"
    packing = Packing()

    def __init__(self, folder: Path, dtype: str, threads: int = 0) -> None:
        """Loads the model. `threads` 0: as many as torch takes."""
        import torch
        from sentence_transformers import SentenceTransformer

        if threads:
            torch.set_num_threads(threads)
        self._dtype = getattr(torch, dtype)
        with quiet():  # it reports that a folder without modules.json is pooled by the mean
            self._model = SentenceTransformer(str(folder), device="cpu").to(self._dtype).eval()

    def run(self, ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
        """Token ids and mask, (n, tokens) int64, to (n, d) float32 unit rows."""
        import torch

        with torch.inference_mode():
            told = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
            rows = self._model(told)["sentence_embedding"].float()
            made: npt.NDArray[np.float32] = torch.nn.functional.normalize(rows, dim=1).numpy()
        return made

    def product(self, size: int) -> Callable[[], object]:
        """A product of matrices of this type, ready to be run."""
        import torch

        left, right = torch.randn(2, size, size, dtype=self._dtype)
        return lambda: left @ right
