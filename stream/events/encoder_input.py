"""What has to be encoded of a text: the whole, or what a statement wants and what it does not, by themselves."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from serving.model.negation import Intent
from serving.state.user_state import Vector

EncoderInput: TypeAlias = str | Intent


def texts_to_encode(encoder_input: EncoderInput) -> list[str]:
    """The texts to be encoded."""
    if isinstance(encoder_input, str):
        return [encoder_input]
    return [piece for piece in (encoder_input.wanted, encoder_input.unwanted) if piece]


def assemble(encoder_input: EncoderInput, vectors: Mapping[str, Vector]) -> Vector | None:
    """`(d,) float32` of a text; of an intent `(2, d)`: what is wanted (or zeros), what is not. None if one is missed.

    >>> assemble(Intent("", "war"), {"war": np.float32([0, 1])}).tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """
    found = [vectors.get(piece) for piece in texts_to_encode(encoder_input)]
    rows = [row for row in found if row is not None]
    if len(rows) < len(found):
        return None
    if isinstance(encoder_input, str):
        return rows[0]
    return np.stack(rows if encoder_input.wanted else [np.zeros_like(rows[0]), rows[0]])


def text_direction(text: Vector) -> Vector:
    """Where a text, as assembled, moves the long vector: `(d,) float32`."""
    return text if text.ndim == 1 else text[0] - text[1]
