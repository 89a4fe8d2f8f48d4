"""How much of what a machine can do an encoder uses."""

from export.networks.bert_graph import BertNetwork
from export.sources import Network


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
