"""A model folder whose graph runs: a BERT of two layers and eight components with random weights, and a few words."""

from pathlib import Path

import numpy as np
import onnx
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing

from export.networks.bert import Bert, assemble
from export.networks.bert_graph import BertNetwork
from export.networks.pooling import Pooling
from export.networks.pooling_graph import append
from serving.model.artifact import CENTRE, MODEL, TOKENIZER
from tests.support.folders import write_manifest

WORDS = ("[CLS]", "[PAD]", "[SEP]", "[UNK]", "query:", "passage:", "red", "green", "blue", "film", "shoes", "bread")
WIDTH, INNER, LAYERS, TOKENS = 8, 16, 2, 64


def tiny_bert() -> Bert:
    """The same weights at each call."""
    draw = np.random.default_rng(20)
    shapes = {
        "word_embeddings.weight": (len(WORDS), WIDTH),
        "position_embeddings.weight": (TOKENS, WIDTH),
        "token_type_embeddings.weight": (2, WIDTH),
        "intermediate.dense.weight": (INNER, WIDTH),
        "intermediate.dense.bias": (INNER,),
        "attention.output.dense.weight": (WIDTH, WIDTH),
        "output.dense.weight": (WIDTH, INNER),
    }

    def tensor(name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        fitting = (shape for end, shape in shapes.items() if name.endswith(end))
        square = (WIDTH, WIDTH) if name.endswith("weight") and "LayerNorm" not in name else (WIDTH,)
        return draw.normal(size=next(fitting, square)).astype(np.float32)

    return assemble(tensor, LAYERS, heads=2, epsilon=1e-5)


def write_tiny_folder(path: Path) -> Path:
    """The folder, as an export leaves it but for the gate's figures."""
    path.mkdir()
    network = BertNetwork(tiny_bert())
    graph = network.fused("packed")
    append(graph, network.dim, Pooling("mean"))
    onnx.save(graph, path / MODEL)
    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", WORDS.index("[CLS]")), ("[SEP]", WORDS.index("[SEP]"))]
    )
    tokenizer.save(str(path / TOKENIZER))
    np.save(path / CENTRE, np.zeros((2, WIDTH), np.float32))
    write_manifest(path, dim=WIDTH)
    return path
