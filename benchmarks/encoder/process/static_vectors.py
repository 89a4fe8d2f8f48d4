"""Static vectors: a vector a token, a text their mean, as model2vec distils them. The extreme of speed.

A token's vector is what the encoder makes of the token alone; the principal components of these are kept, and each is
weighted by how rare its token is. The recipe is model2vec's (Tulkens & van Dongen, 2024, release 0.10: 256 components,
weights of Arora, Liang & Ma, 2017, with a = 1e-4 and frequencies by Zipf's law of a token's rank, which is its id). It
is followed here, since model2vec wants another huggingface-hub than the torch environment's transformers. Two things
differ: only the tokens of the texts that are measured get vectors, and components come from these alone; the encoder's
rows are unit rows.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from serving.model.tokens import Ids, Packing, Run, run_in_batches

COMPONENTS = 256
_RARITY = 1e-4
_FLOAT16_BYTES = 2  # as model2vec stores them

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class StaticVectors:
    """places: `(vocabulary,)`, where in `vectors` a token's is, 0 for none. vectors: `(n, d) float32`, row 0 zeros."""

    places: npt.NDArray[np.int64]
    vectors: Floats

    provider = "cpu"
    packing = Packing()

    @property
    def bytes(self) -> int:
        """Of the whole vocabulary's vectors in float16."""
        return len(self.places) * int(self.vectors.shape[1]) * _FLOAT16_BYTES

    def run(self, ids: Ids, mask: Ids) -> Floats:
        """Token ids and mask, (n, tokens) int64, to (n, d) float32 unit rows; zeros for a text of unknown tokens."""
        sums = self.vectors[self.places[ids] * mask].sum(axis=1)
        rows: Floats = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
        return rows

    def save(self, path: Path) -> None:
        """Write them to a file that `load` reads."""
        np.savez(path, places=self.places, vectors=self.vectors)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Those that `save` wrote."""
        with np.load(path) as file:
            return cls(file["places"], file["vectors"])


@dataclass(frozen=True)
class Vocabulary:
    """size: of all. tokens: those that get a vector. around: what stands before and after a text, as <s> and </s>."""

    size: int
    tokens: Collection[int]
    around: tuple[int, int]
    pad_id: int


def distil(run: Run, vocabulary: Vocabulary) -> StaticVectors:
    """The static vectors of an encoder."""
    tokens = np.array(sorted(vocabulary.tokens), np.int64)
    begin, end = vocabulary.around
    rows = run_in_batches(run, [[begin, token, end] for token in tokens.tolist()], vocabulary.pad_id)
    kept = principal(rows, COMPONENTS) * rarity(tokens, vocabulary.size)[:, None]
    places = np.zeros(vocabulary.size, np.int64)
    places[tokens] = np.arange(1, len(tokens) + 1)
    return StaticVectors(places, np.vstack([np.zeros((1, kept.shape[1])), kept]).astype(np.float32))


def rarity(tokens: npt.NDArray[np.int64], vocabulary: int) -> npt.NDArray[np.float64]:
    """`a / (a + p)`, where p is a token's frequency if the one of rank r is seen 1/(r + 2) as often as all are.

    >>> rarity(np.array([0, 249_999]), 250_000).round(3).tolist()
    [0.002, 0.997]
    """
    shares = 1 / np.arange(2, vocabulary + 2)
    frequencies = shares[tokens] / shares.sum()
    weights: npt.NDArray[np.float64] = _RARITY / (_RARITY + frequencies)
    return weights


def principal(rows: Floats, components: int) -> Floats:
    """Rows less their mean in their first principal components, `(n, components) float32`; no more than there are.

    >>> principal(np.array([[3, 1], [-3, 1]], np.float32), 1).__abs__().tolist()
    [[3.0], [3.0]]
    """
    moved = rows - rows.mean(axis=0)
    _variances, directions = np.linalg.eigh(moved.T @ moved)  # ascending
    kept: Floats = moved @ directions[:, ::-1][:, :components]
    return kept
