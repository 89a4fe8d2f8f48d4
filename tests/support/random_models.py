"""Model folders of every family, with random weights and a few layers: run in the environment that has torch.

python -m tests.support.random_models FAMILY FOLDER
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_WORDS = ("film", "space", "bread", "shoes", "camera", "war", "love", "quiet", "red", "science", "fiction", "horror")
_WIDTH, _LAYERS, _HEADS = 64, 3, 4
_SIZES: dict[str, Any] = {
    "hidden_size": _WIDTH,
    "num_hidden_layers": _LAYERS,
    "num_attention_heads": _HEADS,
    "intermediate_size": 4 * _WIDTH,
}


def _tokenizer(special: list[str], template: str) -> Any:
    """Pieces of words, made from the gate's own kinds of texts, so that texts differ in many tokens."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token=special[0]))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    texts = [f"{a} {b} 我喜欢看电影科幻片 abcdefghijklmnopqrstuvwxyz0123456789" for a in _WORDS for b in _WORDS]
    tokenizer.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=600, special_tokens=special))
    ids = [(token, special.index(token)) for token in special if token in template]
    tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=ids)
    return tokenizer


def _save(folder: Path, model: Any, tokenizer: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names), encoding="utf-8")


def _bert(folder: Path) -> None:
    from transformers import BertConfig, BertModel

    tokenizer = _tokenizer(["[UNK]", "[PAD]", "[CLS]", "[SEP]"], "[CLS] $A [SEP]")
    config = BertConfig(vocab_size=tokenizer.get_vocab_size(), pad_token_id=1, max_position_embeddings=300, **_SIZES)
    _save(folder, BertModel(config, add_pooling_layer=False), tokenizer)


def _roberta(folder: Path) -> None:
    """XLM-RoBERTa, in bfloat16 and two files, as large models are published."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaModel

    tokenizer = _tokenizer(["[UNK]", "[PAD]", "[CLS]", "[SEP]"], "[CLS] $A [SEP]")
    config = XLMRobertaConfig(
        vocab_size=tokenizer.get_vocab_size(), pad_token_id=1, max_position_embeddings=302, type_vocab_size=1, **_SIZES
    )
    _save(folder, XLMRobertaModel(config, add_pooling_layer=False).to(torch.bfloat16), tokenizer)
    model = XLMRobertaModel.from_pretrained(folder, add_pooling_layer=False)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="400KB")


def _decoder(folder: Path) -> None:
    """Qwen3's architecture: causal attention, rotary positions, the last token's state."""
    from transformers import Qwen3Config, Qwen3Model

    tokenizer = _tokenizer(["[UNK]", "[PAD]", "[END]"], "$A [END]")
    sizes = {**_SIZES, "num_key_value_heads": 2, "head_dim": 16}
    config = Qwen3Config(vocab_size=tokenizer.get_vocab_size(), pad_token_id=1, max_position_embeddings=512, **sizes)
    _save(folder, Qwen3Model(config), tokenizer)


def _sentence(layers: Callable[[Path], None], folder: Path, pooling: str, *, dense: int = 0) -> None:
    """A folder of sentence-transformers around these layers."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Dense, Normalize, Pooling, Transformer

    plain = folder.with_name(f"{folder.name}-layers")
    layers(plain)
    modules: list[Any] = [Transformer(str(plain)), Pooling(_WIDTH, pooling)]
    if dense:
        modules.append(Dense(_WIDTH, dense))
    prompts = {"query": "Instruct: find items\nQuery: ", "document": ""}
    SentenceTransformer(modules=[*modules, Normalize()], prompts=prompts, device="cpu").save(str(folder))


FAMILIES: dict[str, Callable[[Path], None]] = {
    "mean": lambda folder: _sentence(_bert, folder, "mean"),
    "cls": lambda folder: _sentence(_bert, folder, "cls"),
    "roberta": lambda folder: _sentence(_roberta, folder, "mean"),
    "last": lambda folder: _sentence(_decoder, folder, "lasttoken"),
    "dense": lambda folder: _sentence(_bert, folder, "mean", dense=32),
    "max": lambda folder: _sentence(_bert, folder, "max"),
    "layers": _decoder,
}


def main() -> None:
    """Make one."""
    import torch

    torch.manual_seed(20)
    FAMILIES[sys.argv[1]](Path(sys.argv[2]))


if __name__ == "__main__":
    main()
