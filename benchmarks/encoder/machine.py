"""The machine, and how much of what it can do an encoder uses."""

import os
from time import perf_counter
from typing import Any

from export.networks.bert_graph import BertNetwork
from export.sources import Network
from serving.model import processor

_ADDITIONS = 2_000_000


def describe() -> dict[str, Any]:
    """Processor, cores that this process may use, the load that was there before, a Python loop's seconds."""
    return {
        "cpu": processor.describe(),
        "cores": cores(),
        "load": round(os.getloadavg()[0], 2),
        "python_s": round(_loop(), 3),
    }


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _loop() -> float:
    """Seconds of two million additions: tells machines apart whose processors have one name."""
    start, total = perf_counter(), 0
    for number in range(_ADDITIONS):
        total += number
    return perf_counter() - start


def operations(network: Network, texts: int, tokens: int) -> float | None:
    """Multiplications and additions of products of matrices in a batch; None for a network not written here.

    Per token and layer 2 for each weight of the linear layers and `4 tokens width` for attention. Norms, activations
    and the word table are left out: less than 1 %.
    """
    if not isinstance(network, BertNetwork):
        return None
    per_token = sum(
        2 * sum(linear.weight.size for linear in (layer.qkv, layer.attention_out, layer.up, layer.down))
        + 4 * tokens * network.dim
        for layer in network.bert.layers
    )
    return float(texts * tokens * per_token)
