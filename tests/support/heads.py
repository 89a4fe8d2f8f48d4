"""A sentiment head whose arithmetic can be done in the head."""

from collections.abc import Sequence

import numpy as np

from serving.model.sentiment import Sentiment


def head_of(points: Sequence[float]) -> Sentiment:
    """One that adds up points by component."""
    return Sentiment(np.array(points, np.float32), np.zeros((len(points), len(points)), np.float32), 0.0)
