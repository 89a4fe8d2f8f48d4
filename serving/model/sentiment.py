"""How much a text likes what it is about: a small head on the encoder's vector, kept in the model folder.

    sentiment.npz   linear (d,), form (d, d), bias (), all float32; about: JSON, see About

The manifest's `files` names it with its hash. The fingerprint of vectors does not depend on it; the file says which
vectors it was made for, and one made for others is refused. A folder without a head is whole, too.
"""

import lzma
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import msgspec
import numpy as np

from penchant.errors import BrokenArtifact, FingerprintMismatch
from serving.arrays import Floats
from serving.files.numpy_files import read_floats, read_words

FORMAT = 1  # raised when a head of the new kind cannot be read by the old release
SENTIMENT = "sentiment.npz"
REMEDY = "make the head again with `penchant export sentiment --model FOLDER`"

# A zip may ask for a password or a method that is not there, and its parts be cut short.
_UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    EOFError,
    OverflowError,
    RuntimeError,
    BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
)


class About(msgspec.Struct, frozen=True):
    """What a head says of itself. trained: on what, and how well it did; for people."""

    format: int
    fingerprint: str
    trained: dict[str, Any]


@dataclass(frozen=True, eq=False, slots=True)
class Sentiment:
    """A head. linear: `(d,) float32`. form: `(d, d) float32`, symmetric."""

    linear: Floats
    form: Floats
    bias: float

    def of(self, vectors: Floats) -> Floats:
        """Of centred unit vectors, `(n, d) float32`: `(n,) float32` in [-1, 1], dislike to liking.

        It is `2 · p - 1 = tanh(z / 2)`, where p is the probability that the text praises: what the head is unsure of
        is near 0. `z = w · v + vᵀ A v + b`: by A, what praises in one language or of one sort of goods need not
        praise in another.

        >>> head = Sentiment(np.float32([2, 0]), np.float32([[0, 1], [1, 0]]), bias=0.0)
        >>> [round(float(liking), 3) for liking in head.of(np.float32([[1, 0], [0.6, 0.8], [0.6, -0.8]]))]
        [0.762, 0.793, 0.119]
        """
        points = vectors @ self.linear + ((vectors @ self.form) * vectors).sum(axis=1) + np.float32(self.bias)
        liking: Floats = np.tanh(points / np.float32(2.0))
        return liking


def write_sentiment(path: Path, head: Sentiment, about: About) -> None:
    """Write a head to a file."""
    told = np.array(msgspec.json.encode(about).decode())
    np.savez(path, linear=head.linear, form=head.form, bias=np.float32(head.bias), about=told)


def read_sentiment(path: Path, fingerprint: str, dim: int) -> Sentiment:
    """The head at `path` for vectors of this fingerprint, `dim` components each.

    Raises BrokenArtifact, and FingerprintMismatch if it was made for another model.
    """
    try:
        with path.open("rb") as file, ZipFile(file) as parts:
            with parts.open("about.npy") as words:
                about = msgspec.json.decode(read_words(words), type=About)
            _check(path, about, fingerprint)
            linear, form, bias = (_part(parts, name, shape) for name, shape in _shapes(dim).items())
    except _UNREADABLE as error:
        raise BrokenArtifact(f"{path} cannot be read ({error}): {REMEDY}") from error
    return Sentiment(linear, form, float(bias))


def _check(path: Path, about: About, fingerprint: str) -> None:
    if about.format > FORMAT:
        raise BrokenArtifact(f"{path} is of format {about.format}, this release reads up to {FORMAT}: upgrade penchant")
    if about.fingerprint != fingerprint:
        raise FingerprintMismatch(f"{path} was made for vectors of {about.fingerprint}, not of {fingerprint}: {REMEDY}")


def _shapes(dim: int) -> dict[str, tuple[int, ...]]:
    return {"linear": (dim,), "form": (dim, dim), "bias": ()}


def _part(parts: ZipFile, name: str, shape: tuple[int, ...]) -> Floats:
    with parts.open(f"{name}.npy") as file:
        try:
            return read_floats(file, shape)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from error
