"""One event of a log as it is played: whether it is looked for, what may be listed then, and where it was found."""

from dataclasses import dataclass

import numpy as np

from evaluation.prequential.data_sets import DatasetEvent
from serving.arrays import Floats, Mask


@dataclass(frozen=True, slots=True)
class Step:
    """One event. asked: it is looked for before it is learned. measured: and that counts.

    idle: events of anybody since this user's last one. candidates: `(n,)`, what may be listed, or None for everything.
    """

    event: DatasetEvent
    asked: bool = False
    measured: bool = False
    idle: float = np.inf
    candidates: Mask | None = None
    unseen: bool = False
    cold_user: bool = False
    burst: bool = False


def rank_of(scores: Floats, step: Step) -> float:
    """The rank of the step's item from 0, among the candidates, in the middle of those that are equal to it.

    A score that is not a number ranks behind everything.
    """
    own = scores[step.event.row]
    if np.isnan(own):
        return np.inf
    if step.candidates is not None:
        scores = scores[step.candidates]
    return float((scores > own).sum()) + 0.5 * float((scores == own).sum() - 1)
