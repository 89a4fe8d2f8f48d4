"""Neighbours by co-occurrence of interactions: of the last item, of the last items, and of similar users."""

from collections import deque

import numpy as np

from benchmarks.baselines.history import LAST, Histories, decayed
from evaluation.prequential.steps import Step
from serving.arrays import Floats

_WIDEST = 2_000  # neighbours of an item; beyond, the half that was seen with it most often stays


class Together:
    """How often the same user interacted with two items within 20 events.

    Shared by methods that each tell it of every step: the same step counts once.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self.counts = np.zeros(n, np.float32)
        self.rows: list[dict[int, float]] = [{} for _ in range(n)]
        self.histories = Histories()
        self._latest: Step | None = None

    def learn(self, step: Step) -> None:
        """Count an event."""
        if step is self._latest:
            return
        self._latest = step
        row = step.event.row
        for other in self.histories.of(step.event.user):
            self._count(row, other)
            self._count(other, row)
        self.counts[row] += 1.0
        self.histories.add(step.event.user, row)

    def _count(self, row: int, other: int) -> None:
        near = self.rows[row]
        near[other] = near.get(other, 0.0) + 1.0
        if len(near) > _WIDEST:
            kept = sorted(near, key=near.__getitem__, reverse=True)[: _WIDEST // 2]
            self.rows[row] = {each: near[each] for each in kept}

    def of(self, row: int) -> Floats:
        """Counts of all items together with one, `(n,)`."""
        found = np.zeros(self.n, np.float32)
        near = self.rows[row]
        found[np.fromiter(near, np.intp, len(near))] = np.fromiter(near.values(), np.float32, len(near))
        return found


class LastItem:
    """The items that co-occur most often with the last item."""

    name = "last_item_cooccurrence"
    settings = (0.0,)

    def __init__(self, together: Together) -> None:
        self._together = together

    def score(self, step: Step, _: float) -> Floats:
        """Counts."""
        past = self._together.histories.of(step.event.user)
        return self._together.of(past[0]) if past else np.zeros(self._together.n, np.float32)

    def learn(self, step: Step) -> None:
        """Count the event."""
        self._together.learn(step)


class ItemKnn:
    """Incremental item-kNN: the cosine of co-visits, summed over the last 20 items; the setting is their decay."""

    name = "item_knn"
    settings = (0.8, 1.0, 0.6)

    def __init__(self, together: Together) -> None:
        self._together = together

    def score(self, step: Step, setting: float) -> Floats:
        """Sums of cosines."""
        together = self._together
        damped = 1.0 / np.sqrt(together.counts + 2.0)
        past = together.histories.of(step.event.user)
        scores = np.zeros(together.n, np.float32)
        for row, weight in zip(past, decayed(len(past), setting), strict=True):
            near = together.rows[row]
            rows = np.fromiter(near, np.intp, len(near))
            scores[rows] += weight * damped[row] * np.fromiter(near.values(), np.float32, len(near)) * damped[rows]
        return scores

    def learn(self, step: Step) -> None:
        """Count the event."""
        self._together.learn(step)


class VsKnn:
    """Vector multiplication session-kNN (Ludewig & Jannach 2018): items of the nearest of the latest users.

    Of the last 500 users of each of a user's last 20 items, the nearest 100 by the weights of the items shared, which
    fall with their age. Their last items count by that, and by how new the newest item shared is; the setting is how
    many of them.
    """

    name = "vs_knn"
    settings = (100.0, 20.0, 500.0)
    _LATEST, _NEAREST, _DEEPEST = 500, 100, 500
    _FADES = 0.1  # of the weight, for each place of the newest item shared

    def __init__(self, n: int) -> None:
        self._n = n
        self._histories = Histories(self._DEEPEST)
        self._users: dict[int, deque[str]] = {}

    def score(self, step: Step, setting: float) -> Floats:
        """Sums of the neighbours' similarities."""
        user, past = step.event.user, self._histories.of(step.event.user)[:LAST]
        similar: dict[str, float] = {}
        newest: dict[str, int] = {}
        for rank, row in enumerate(dict.fromkeys(past)):
            weight = 1.0 - rank / len(past)
            for other in dict.fromkeys(self._users.get(row, ())):
                similar[other] = similar.get(other, 0.0) + weight
                newest.setdefault(other, rank)
        similar.pop(user, None)
        scores = np.zeros(self._n, np.float32)
        for other in sorted(similar, key=lambda each: -similar[each])[: self._NEAREST]:
            rows = list(dict.fromkeys(self._histories.of(other)[: int(setting)]))
            scores[rows] += similar[other] * max(1.0 - self._FADES * newest[other], self._FADES)
        return scores

    def learn(self, step: Step) -> None:
        """Remember the interaction."""
        self._users.setdefault(step.event.row, deque(maxlen=self._LATEST)).append(step.event.user)
        self._histories.add(step.event.user, step.event.row)
