"""A folder's tokenizer, cutting at the model's length and padding nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from penchant.errors import BrokenArtifact
from serving.model.lean_unigram import open_lean

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class TextTokenizer(Protocol):
    """Texts to token ids. Safe to call from several threads."""

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, special ones counted; the texts are UTF-8."""
        ...


class PlainTokenizer:
    """One of `tokenizers`."""

    def __init__(self, tokenizer: "Tokenizer") -> None:
        self._tokenizer = tokenizer

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """See TextTokenizer."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]


def open_tokenizer(path: Path, max_tokens: int) -> TextTokenizer:
    """That of a file, by sentencepiece where it can be. Raises BrokenArtifact where it cannot be read."""
    lean = open_lean(path, max_tokens)
    if lean is not None:
        return lean
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise BrokenArtifact(f"{path} cannot be read: {error}") from error
    tokenizer.enable_truncation(max_tokens)
    tokenizer.no_padding()
    return PlainTokenizer(tokenizer)
