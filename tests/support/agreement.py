"""A folder's own vectors, by sentence-transformers, against its graph's: run in the environment that has torch.

    python -m tests.support.agreement FOLDER WHEELS [--torch]       prints JSON: cosine_worst, overlap, dim

--torch: the graph that optimum exports, even of a model whose graph is written here.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx

from export.gate import parity, reference
from export.gate.texts import load
from export.networks.pooling_graph import append
from export.networks.torch_network import TorchNetwork
from export.sources import Folder, Wanted, read_source
from serving.model.artifact import KINDS
from serving.model.engines.onnx_runtime import OnnxRuntime
from serving.model.tokens import run_in_batches


def main() -> None:
    """Compare on the gate's texts."""
    folder, wheels = Path(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as place:
        scratch = Path(place)
        found = Folder(folder, "multilingual-e5-small" if "e5" in folder.name else folder.name, "a test")
        wanted = Wanted(found.model, wheels)
        ours = read_source(found, wanted, scratch, by_torch="--torch" in sys.argv)
        judge = read_source(found, wanted, scratch, by_torch=True)
        assert isinstance(judge.network, TorchNetwork)
        truth = reference.make(judge, load(wheels), lambda _: None)
        model = ours.network.fused("packed")
        append(model, ours.network.dim, ours.pooling)
        onnx.save(model, scratch / "model.onnx")
        run = OnnxRuntime(scratch / "model.onnx").run
        rows = {kind: run_in_batches(run, truth.ids[kind], truth.pad_id) for kind in KINDS}
    cosines = np.concatenate([np.sum(rows[kind] * truth.rows[kind], axis=1) for kind in KINDS])
    overlap = parity.overlap(parity.nearest(truth.rows, truth.centres), parity.nearest(rows, truth.centres))
    print(json.dumps({"cosine_worst": float(cosines.min()), "overlap": overlap, "dim": rows["query"].shape[1]}))


if __name__ == "__main__":
    main()
