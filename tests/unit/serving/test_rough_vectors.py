"""A first look is never further off than it says."""

import numpy as np
import pytest

from serving.int8_products import PAYS
from serving.rough_vectors import RoughVectors

pytestmark = pytest.mark.skipif(not PAYS, reason="the processor has no instruction for it")


@pytest.mark.parametrize("dim", [1, 24, 384, 4096])
@pytest.mark.parametrize("length", [1e-6, 1.0, 1e4])
def test_a_product_is_off_by_no_more_than_it_says(dim: int, length: float) -> None:
    random = np.random.default_rng(dim)
    vectors = random.normal(size=(40, dim)).astype(np.float32)
    vectors[0], vectors[1] = 0.0, np.eye(1, dim, dtype=np.float32)[0]  # nothing, and all of it in one component
    vectors[2:] /= np.linalg.norm(vectors[2:], axis=1, keepdims=True)
    rough = RoughVectors(dim, 4)
    for slot, vector in enumerate(vectors):
        rough.put(slot, vector)
    for many in (1, 1, 3, 8):
        queries = random.normal(size=(many, dim)).astype(np.float32)
        queries *= np.float32(length) / np.linalg.norm(queries, axis=1, keepdims=True)

        less, scale = length * random.normal(size=many).astype(np.float32), random.random(30, np.float32)

        found, spread = rough.look(queries, 30, less, scale)

        wanted = (queries.astype(np.float64) @ vectors[:30].T - less[:, None]) * scale
        assert found.shape == (many, 30)
        assert (np.abs(found - wanted) <= 1.01 * length * spread * scale + 1e-6 * np.abs(less[:, None])).all()
        assert spread.max() < 0.1, "it says something"
