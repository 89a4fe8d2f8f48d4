"""A tokenizer of XLM-RoBERTa's kind (Unigram) by sentencepiece: what `tokenizers` does, in a fifth of the memory.

`tokenizers` keeps a vocabulary of 250,000 pieces as a tree with a hash table a letter, 286 MiB; sentencepiece as a
double array, 55. The folder's own file says what is done; a file that says anything else is left to `tokenizers`.
The tokens are the same, but where two ways to cut a word are equally likely ("11" and "1111" in a row of ones) and the
sums of the two libraries are rounded differently: in 5 of 40,830 texts.
"""

import importlib.util
import json
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

# Field numbers and kinds of sentencepiece_model.proto.
_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3
_NORMAL, _UNKNOWN = 1, 2
_UNIGRAM = 1
_ONE_BYTE = 0x7F  # the largest length that is written in one
_BESIDE_PIECE = 9  # bytes of a piece's field: tags, its length, its score, its kind
_SPECIAL = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")


class LeanUnigram:
    """What stands between special tokens is normalised and cut at spaces, each word then into the likeliest pieces."""

    def __init__(self, told: dict[str, Any], max_tokens: int) -> None:
        """told: the content of tokenizer.json, of which `_fits` is true."""
        import sentencepiece

        vocabulary = told["model"]["vocab"]
        self._pieces = sentencepiece.SentencePieceProcessor()
        self._pieces.LoadFromSerializedProto(_proto(vocabulary, told["model"]["unk_id"]))
        self._normalizer = _normalizer(told)
        self._special = {token["content"]: int(token["id"]) for token in told["added_tokens"]}
        self._between = re.compile(f"({'|'.join(map(re.escape, sorted(self._special, key=len, reverse=True)))})")
        self._before, self._behind = _around(told)
        self._most = max_tokens - len(self._before) - len(self._behind)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, with those that stand around it, cut at the model's length."""
        return [[*self._before, *self._inside(text)[: self._most], *self._behind] for text in texts]

    def _inside(self, text: str) -> list[int]:
        made: list[int] = []
        for part in self._between.split(text) if "<" in text else (text,):
            if part in self._special:
                made.append(self._special[part])
            else:
                made += self._pieces.encode(self._words(part))
        return made

    def _words(self, text: str) -> str:
        words = _SPACES.split(self._normalizer.normalize_str(text))
        return "".join(f"▁{word}" for word in words if word)


# What Rust's char::is_whitespace finds; Python's own has four separators more.
_SPACES = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")


def open_lean(path: Path, max_tokens: int) -> LeanUnigram | None:
    """The tokenizer of a folder's file, if it is of this kind and sentencepiece is installed."""
    if importlib.util.find_spec("sentencepiece") is None:
        return None
    try:
        told = msgspec.json.decode(path.read_bytes())
        return LeanUnigram(told, max_tokens) if _fits(told) else None
    except (msgspec.DecodeError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None  # `tokenizers` says what is wrong with it


def _fits(told: dict[str, Any]) -> bool:
    """Whether a tokenizer.json says what is done here, and nothing else."""
    model, template = told["model"], told["post_processor"]
    kinds = [each["type"] for each in told["normalizer"]["normalizers"]]
    spaces = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    words = {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "WhitespaceSplit"},
            {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        ],
    }
    plain = [False, False, False, False, True]
    return bool(
        model["type"] == "Unigram"
        and not model["byte_fallback"]
        and kinds == ["Precompiled", "Replace"]
        and told["normalizer"]["normalizers"][1] == spaces
        and told["pre_tokenizer"] == words
        and template["type"] == "TemplateProcessing"
        and all([token[name] for name in _SPECIAL[1:]] == plain for token in told["added_tokens"])
        and all(token["content"].startswith("<") for token in told["added_tokens"])
        and not any("▁" in piece[1:] and piece.strip("▁") for piece, _ in model["vocab"])
    )


def _normalizer(told: dict[str, Any]) -> Any:
    """The file's own, by `tokenizers`, without the vocabulary."""
    from tokenizers import Tokenizer

    small = {**told, "model": {**told["model"], "vocab": told["model"]["vocab"][:8]}, "post_processor": None}
    tokenizer: Tokenizer = Tokenizer.from_str(json.dumps(small))
    return tokenizer.normalizer


def _around(told: dict[str, Any]) -> tuple[list[int], list[int]]:
    """The tokens before and behind a text."""
    template = told["post_processor"]
    sides: tuple[list[int], list[int]] = ([], [])
    is_behind = False
    for each in template["single"]:
        if "Sequence" in each:
            is_behind = True
        else:
            sides[is_behind].extend(template["special_tokens"][each["SpecialToken"]["id"]]["ids"])
    return sides


def _proto(vocabulary: Sequence[tuple[str, float]], unknown: int) -> bytes:
    """Sentencepiece's own file: the pieces and their scores; it is to change nothing of a text."""
    nothing = _bytes(1, b"identity") + b"".join(_number(field, 0) for field in (3, 4, 5))
    trainer = _number(3, _UNIGRAM) + _number(40, unknown) + b"".join(_number(field, -1) for field in (41, 42, 43))
    return b"".join([*_piece_fields(vocabulary, unknown), _bytes(_TRAINER, trainer), _bytes(_NORMALIZER, nothing)])


def _piece_fields(vocabulary: Sequence[tuple[str, float]], unknown: int) -> Iterator[bytes]:
    """In one format where both lengths take a byte, as is the rule: a worker waits for 250,000 of them."""
    scores = struct.pack(f"<{len(vocabulary)}f", *(score for _, score in vocabulary))
    for place, (told, _) in enumerate(vocabulary):
        piece, score, kind = told.encode(), scores[4 * place : 4 * place + 4], _NORMAL if place != unknown else _UNKNOWN
        if (length := len(piece) + _BESIDE_PIECE) <= _ONE_BYTE:
            yield b"\n%c\n%c%b\x15%b\x18%c" % (length, len(piece), piece, score, kind)
        else:
            yield _bytes(_PIECES, b"%b\x15%b\x18%c" % (_bytes(1, piece), score, kind))


def _bytes(field: int, content: bytes) -> bytes:
    return b"%c%b%b" % (field << 3 | 2, _varint(len(content)), content)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value % (1 << 64))


def _varint(value: int) -> bytes:
    if value <= _ONE_BYTE:
        return bytes((value,))
    made = bytearray()
    while value > _ONE_BYTE:
        made.append(value & _ONE_BYTE | 0x80)
        value >>= 7
    return bytes([*made, value])
