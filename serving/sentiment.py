"""How much a text likes what it is about: a small head on the encoder's vector, kept in the model folder.

    sentiment.json   {"format": 1, "fingerprint": …, "weights": [3 rows of d], "bias": [3 numbers], "trained": {…}}

The manifest's `files` names it with its hash. The fingerprint of vectors does not depend on it; the file says which
vectors it was made for, and one made for others is refused. A folder without a head is whole, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from serving.errors import BrokenArtifact, FingerprintMismatch

FORMAT = 1  # raised when a head of the new kind cannot be read by the old release
SENTIMENT = "sentiment.json"
REMEDY = "make the head again with `penchant export sentiment --model FOLDER`"

Rows = npt.NDArray[np.float32]


class SentimentFile(msgspec.Struct, frozen=True):
    """What stands in the file. trained: on what, and how well it did; for people."""

    format: int
    fingerprint: str
    weights: list[list[float]]
    bias: list[float]
    trained: dict[str, Any]


@dataclass(frozen=True, eq=False, slots=True)
class Sentiment:
    """A head. weights: `(3, d) float32`, bias: `(3,) float32`; what the rows are, `of` says."""

    weights: Rows
    bias: Rows
    trained: Mapping[str, Any]

    def of(self, vectors: Rows) -> Rows:
        """Of centred unit vectors, `(n, d) float32`: `(n,) float32` in [-1, 1], dislike to liking.

        It is `2 · p - 1 = tanh(z / 2)`, where p is the probability that the text praises: what the head is unsure of
        is near 0. `z = x₁ + tanh(x₀) · x₂` with `x = W v + b`: praise is told from blame along x₁, which turns by x₂
        from one end of x₀ to the other. That is the axis along which texts differ most, as a rule by language.

        >>> head = Sentiment(np.array([[0, 9], [2, 0], [0, 0]], np.float32), np.array([0, 0, 1], np.float32), {})
        >>> [round(float(liking), 3) for liking in head.of(np.array([[1, 0], [0, 1], [0, -1]], np.float32))]
        [0.762, 0.462, -0.462]
        """
        axis, points, turn = (vectors @ self.weights.T + self.bias).T
        liking: Rows = np.tanh((points + np.tanh(axis) * turn) / np.float32(2.0))
        return liking


def read_sentiment(path: Path, fingerprint: str, dim: int) -> Sentiment:
    """The head at `path` for vectors of this fingerprint, `dim` components each.

    Raises BrokenArtifact, and FingerprintMismatch if it was made for another model.
    """
    try:
        raw = msgspec.json.decode(path.read_bytes(), type=SentimentFile)
    except (OSError, msgspec.DecodeError) as error:
        raise BrokenArtifact(f"{path} cannot be read ({error}): {REMEDY}") from error
    if raw.format > FORMAT:
        raise BrokenArtifact(f"{path} is of format {raw.format}, this release reads up to {FORMAT}: upgrade penchant")
    if raw.fingerprint != fingerprint:
        raise FingerprintMismatch(f"{path} was made for vectors of {raw.fingerprint}, not of {fingerprint}: {REMEDY}")
    if [len(row) for row in raw.weights] != [dim] * 3 or len(raw.bias) != 3:
        raise BrokenArtifact(f"{path} does not hold three rows of {dim} numbers, and three more: {REMEDY}")
    return Sentiment(np.array(raw.weights, np.float32), np.array(raw.bias, np.float32), raw.trained)
