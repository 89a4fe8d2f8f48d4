"""Vectors on a disc: the two directions in which groups of items lie furthest apart. No I/O.

The directions are those of the first two principal components of the groups' centroids, weighted by how many items each
has; of all vectors, where there are fewer than three groups. The distance from the middle is then stretched so that
items fill the disc evenly: its square is the share of the items that lie further in. Being the same for every vector,
all of it places what is no item, too: a user's interests.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.arrays import Doubles, Floats, Indices, Vectors

__all__ = ()

_FEWEST = 3  # groups, and items in one


@dataclass(frozen=True)
class Projection:
    """mean: `(d,)`. axes: `(d, 2)`, scaled. radii: `(n,)`, of the items, ascending."""

    mean: Floats
    axes: Floats
    radii: Floats

    def place(self, vectors: Vectors) -> Doubles:
        """`(n, 2)`, each within the unit disc."""
        flat = (vectors - self.mean) @ self.axes
        radii = np.hypot(flat[:, 0], flat[:, 1])
        shares = np.sqrt(np.linspace(0.0, 1.0, len(self.radii)))
        stretched = np.interp(radii, self.radii, shares)
        placed: Doubles = flat * (stretched / np.maximum(radii, 1e-12))[:, None]
        return placed


def project(vectors: Vectors, groups: Sequence[Indices]) -> Projection:
    """Learn it of some items, `(n, d)`, n at least 1. groups: rows of each.

    >>> corners = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    >>> rows = np.repeat(corners, 4, axis=0)
    >>> placed = project(rows, [np.arange(4), np.arange(4, 8), np.arange(8, 12)]).place(rows)
    >>> len(np.unique(placed.round(3), axis=0))
    3
    """
    mean: Floats = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    large = [group for group in groups if len(group) >= _FEWEST]
    if len(large) >= _FEWEST:
        spread = np.stack([(vectors[group].mean(axis=0) - mean) * len(group) ** 0.5 for group in large])
    else:
        spread = vectors - mean
    _, axes = np.linalg.eigh((spread.T @ spread).astype(np.float64))
    axes = axes[:, ::-1][:, :2]
    axes *= np.where(axes[np.abs(axes).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)  # or each run might mirror it
    flat = (vectors - mean) @ axes
    scaled: Floats = (axes / np.maximum(flat.std(axis=0), 1e-9)).astype(np.float32)
    flat = (vectors - mean) @ scaled
    radii: Floats = np.sort(np.hypot(flat[:, 0], flat[:, 1])).astype(np.float32)
    return Projection(mean, scaled, radii)
