"""What lists are like beside being right: known or new, alike or not, the same for all or not."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from evaluation.prequential.steps import Step, rank_of
from serving.arrays import Floats, Rows
from serving.ranking.ranker import TOP
from stream.monitoring.exposure import gini

_LOOKED = 100  # events after which head and tail are divided again


class Crowd:
    """Everybody's interactions so far, by item."""

    def __init__(self, items: int) -> None:
        self._counts = np.zeros(items, np.int64)
        self._head = np.zeros(items, np.bool_)
        self._total = 0

    def add(self, row: int) -> None:
        """Count an event."""
        if self._total % _LOOKED == 0:
            self._head = head_of(self._counts)
        self._counts[row] += 1
        self._total += 1

    def information(self, rows: Rows) -> npt.NDArray[np.float64]:
        """`(r,)`, bits: the self-information of items, -log2((n + 1) / (N + items)), n of N events so far being on it.

        Novelty of a list as the mean of it: Zhou et al., PNAS 2010; Vargas & Castells, RecSys 2011.
        """
        return np.log2((self._total + len(self._counts)) / (self._counts[rows] + 1.0))

    def tail(self, rows: Rows) -> int:
        """How many of these items are outside the head."""
        return int((~self._head[rows]).sum())


def head_of(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """`(n,)`: the fewest items that make half of all events; of equal ones the first.

    >>> head_of(np.array([1, 5, 2, 2])).tolist(), head_of(np.array([3, 2, 2, 1])).tolist()
    ([False, True, False, False], [True, True, False, False])
    """
    order = np.argsort(-counts, kind="stable")
    reached = np.cumsum(counts[order])
    head = np.zeros(len(counts), np.bool_)
    if reached[-1] > 0:
        head[order[: int(np.searchsorted(reached, reached[-1] / 2)) + 1]] = True
    return head


def unlikeness(vectors: Floats) -> float:
    """The mean of 1 - cosine over the pairs of `(k, d)` unit rows, k > 1 (Smyth & McClave 2001; Ziegler et al. 2005).

    Pairs are not formed: the square of the rows' sum holds all their products.
    """
    k = len(vectors)
    together = vectors.sum(axis=0)
    products = float(together @ together) - float(np.vdot(vectors, vectors))
    return 1.0 - products / (k * (k - 1))


@dataclass(slots=True)
class ListMeasures:
    """A method's lists of ten as they come. vectors: `(n, d) float32` unit rows, zeros for an item that has none.

    ranks: from 0, of the items looked for, in order. exposure: `(n,)`, how often each item was listed.
    """

    vectors: Floats
    crowd: Crowd
    ranks: list[float] = field(default_factory=list)
    exposure: npt.NDArray[np.int64] = field(init=False)
    _bits: float = 0.0
    _tail: int = 0
    _unlike: float = 0.0
    _several: int = 0

    def __post_init__(self) -> None:
        self.exposure = np.zeros(len(self.vectors), np.int64)

    def add(self, scores: Floats, step: Step) -> None:
        """Take in the scores of a step."""
        self.ranks.append(rank_of(scores, step))
        rows = first(scores, step)
        self.exposure[rows] += 1
        self._bits += float(self.crowd.information(rows).sum())
        self._tail += self.crowd.tail(rows)
        if len(rows) > 1:
            self._unlike += unlikeness(self.vectors[rows])
            self._several += 1

    def measures(self) -> dict[str, float]:
        """Coverage, novelty in bits, diversity, Gini and the share of the long tail; zeros without lists.

        diversity: over lists of more than one item. long_tail: of the items listed, those outside the head that made
        half of all events until then.
        """
        listed = max(int(self.exposure.sum()), 1)
        return {
            "coverage@10": float((self.exposure > 0).mean()),
            "novelty@10": self._bits / listed,
            "diversity@10": self._unlike / max(self._several, 1),
            "gini@10": gini(self.exposure),
            "long_tail@10": self._tail / listed,
        }


def first(scores: Floats, step: Step) -> Rows:
    """The rows of the step's first ten candidates, in no order; fewer if there are fewer."""
    if step.candidates is not None:
        scores = np.where(step.candidates, scores, -np.inf)
    k = min(TOP, len(scores))
    best: Rows = np.argpartition(scores, len(scores) - k)[-k:]
    return best[np.isfinite(scores[best])]
