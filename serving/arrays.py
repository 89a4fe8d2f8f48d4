"""The arrays that stand in signatures, by name. Their shapes stand beside each use."""

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.intp]  # row numbers of the catalogue
Indices = npt.NDArray[np.intp]  # into another array
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float32]  # (d,), of a text or an item
Vectors = npt.NDArray[np.float32]  # (n, d)
