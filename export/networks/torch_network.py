"""A model that only torch knows: its graph through optimum, its float32 vectors through sentence-transformers.

The order matters: export, fuse, quantise (quantize.py), and only then pooling. Pooling exported with the model carries
an Expand that breaks shape inference, and later fusions are lost.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from export.networks.pooling import Pooling
from export.networks.quiet import quiet
from serving.model.tokens import Ids, Run

log = logging.getLogger(__name__)

# What the fusion of BERT understands; other graphs are left to ONNX Runtime's own optimisations at load.
_FUSED = ("bert", "roberta", "xlm-roberta", "distilbert", "camembert", "electra", "mpnet")


@dataclass(frozen=True)
class TorchNetwork:
    """A folder of transformers or sentence-transformers. scratch: where the exported graph is kept."""

    folder: Path
    scratch: Path

    @property
    def config(self) -> Any:
        """The transformers configuration."""
        from transformers import AutoConfig

        return AutoConfig.from_pretrained(self.folder)

    @property
    def dim(self) -> int:
        """Components of a token's state."""
        return int(self.config.hidden_size)

    def fused(self, attention: str) -> Any:
        """The float32 graph, an onnx ModelProto, ids and mask (and token types, positions) to token states."""
        import onnx

        plain = self.scratch / "plain" / "model.onnx"
        if not plain.is_file():
            self._export(plain.parent)
        if self.config.model_type not in _FUSED:
            return onnx.load(plain)
        return _fuse(plain, self.config, attention)

    def reference(self, pooling: Pooling) -> Run:
        """Ids and mask to the model's own unit rows, in torch float32, pooled as sentence-transformers pools them.

        A folder without `modules.json` is pooled as `pooling` says: there is no other judge.
        """
        import torch
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.models import Pooling as Pooled
        from sentence_transformers.models import Transformer

        with quiet():  # it reports the pooling layer that BERT brings and nobody uses
            if (self.folder / "modules.json").is_file():
                model = SentenceTransformer(str(self.folder), device="cpu")
            else:
                layers = Transformer(str(self.folder))
                words = {"mean": "mean", "cls": "cls", "last": "lasttoken"}[pooling.mode]
                model = SentenceTransformer(modules=[layers, Pooled(self.dim, words)], device="cpu")
            model = model.float().eval()

        def run(ids: Ids, mask: Ids) -> npt.NDArray[np.float32]:
            with torch.inference_mode():
                told = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
                rows = model(told)["sentence_embedding"][:, : pooling.dim]
                made: npt.NDArray[np.float32] = torch.nn.functional.normalize(rows, dim=1).numpy()
            return made

        return run

    def _export(self, target: Path) -> None:
        from optimum.exporters.onnx import main_export

        with quiet():
            main_export(
                str(self.folder), target, task="feature-extraction", library_name="transformers", do_validation=False
            )


def _fuse(plain: Path, config: Any, attention: str) -> Any:
    """The fused graph of a BERT-like encoder. attention: as `export.networks.bert_graph.write` takes it."""
    from onnxruntime.transformers.fusion_options import FusionOptions
    from onnxruntime.transformers.optimizer import optimize_model

    options = FusionOptions("bert")
    # The fused embedding node hides the table from quantisation, and saves nothing measurable.
    options.enable_embed_layer_norm = False
    options.use_multi_head_attention = attention == "split"
    with quiet():
        fused = optimize_model(
            str(plain),
            "bert",
            num_heads=config.num_attention_heads,
            hidden_size=config.hidden_size,
            optimization_options=options,
            opt_level=1,
        )
        fused.topological_sort()
    found = sum(node.op_type in {"Attention", "MultiHeadAttention"} for node in fused.model.graph.node)
    if found != config.num_hidden_layers:
        log.warning(
            "Of %s attention layers %s were fused: the graph is right, but slower than it could be",
            config.num_hidden_layers,
            found,
            extra={"action": "export_unfused"},
        )
    return fused.model
