"""A first look is never further off than it says."""

import numpy as np
import pytest

from serving.rough_vectors import RoughVectors


@pytest.mark.parametrize("dim", [1, 24, 384, 4096])
@pytest.mark.parametrize("length", [1e-6, 1.0, 1e4])
def test_a_product_is_off_by_no_more_than_it_says(dim: int, length: float) -> None:
    random = np.random.default_rng(dim)
    vectors = random.normal(size=(40, dim)).astype(np.float32)
    vectors[0], vectors[1] = 0.0, np.eye(1, dim, dtype=np.float32)[0]  # nothing, and all of it in one component
    vectors[2:] /= np.linalg.norm(vectors[2:], axis=1, keepdims=True)
    mean, scale = vectors.mean(axis=0), random.uniform(0.5, 3.0, 40).astype(np.float32)
    scale[5] = 0.0
    slots = random.permutation(40).astype(np.int32)
    rough = RoughVectors(dim, 4)
    for slot, vector in enumerate(vectors):
        rough.put(slot, vector)
    for _ in range(5):
        query = random.normal(size=dim).astype(np.float32)
        query *= np.float32(length / np.linalg.norm(query))

        found, spread = rough.look(query, slots, mean, scale, 30)

        wanted = ((vectors[slots[:30]] - mean).astype(np.float64) @ query) * scale[:30]
        assert (np.abs(found - wanted) <= 1.01 * length * spread).all()
        assert found[5] == spread[5] == 0.0
        assert spread.max() < 0.2, "it says something"
