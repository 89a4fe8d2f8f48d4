"""Learned from interactions alone: online BPR, and EASE refitted now and then."""

import numpy as np
import numpy.typing as npt

from benchmarks.baselines.history import decayed
from evaluation.prequential.steps import Step
from serving.arrays import Floats

_ASKED = 100  # newest items; .9 to that power is nothing
EASE_FITS = 4_000  # items; the fit inverts a matrix of items by items


class OnlineBpr:
    """Matrix factorisation by Bayesian personalised ranking (Rendle et al. 2009), a few steps for each event.

    A user's vector is learned, too. The setting is the step's length.
    """

    name = "online_bpr"
    settings = (0.05, 0.1, 0.2)
    _DIM, _STEPS, _SHRINK = 32, 10, 0.01

    def __init__(self, n: int, seed: int = 3) -> None:
        self._n = n
        self._random = np.random.default_rng(seed)
        first = self._random.normal(0.0, 0.1, (n, self._DIM + 1)).astype(np.float32)
        first[:, -1] = 0.0  # the item's bias, against the 1 that ends each user's vector
        self._items = {rate: first.copy() for rate in self.settings}
        self._users: dict[tuple[float, str], Floats] = {}

    def score(self, step: Step, setting: float) -> Floats:
        """Inner products."""
        scores: Floats = self._items[setting] @ self._user(setting, step.event.user)
        return scores

    def learn(self, step: Step) -> None:
        """Draw the item taken above items drawn at random."""
        row = step.event.row
        others = self._random.integers(0, self._n, self._STEPS)
        for rate, items in self._items.items():
            user = self._user(rate, step.event.user)
            for other in others[others != row]:
                apart = items[row] - items[other]
                pull = rate / (1.0 + np.exp(user @ apart))
                moved = pull * apart[:-1] - rate * self._SHRINK * user[:-1]
                items[row] += pull * user - rate * self._SHRINK * items[row]
                items[other] -= pull * user + rate * self._SHRINK * items[other]
                user[:-1] += moved

    def _user(self, rate: float, user: str) -> Floats:
        known = self._users.get((rate, user))
        if known is None:
            known = np.append(self._random.normal(0.0, 0.1, self._DIM), 1.0).astype(np.float32)
            self._users[rate, user] = known
        return known


class EaseRefitted:
    """EASE (Steck 2019), fitted again every 2,500 events to all interactions; the setting is its regularisation.

    It is fitted to whole histories, and asked with their items fading by .9 for each newer one: without that it hits a
    fifth less on films.
    """

    name = "ease_refitted"
    settings = (300.0, 100.0, 20.0)
    _DECAY = 0.9

    def __init__(self, n: int, every: int = 2_500) -> None:
        self._every = every
        self._n = n
        self._gram: npt.NDArray[np.float32] = np.zeros((n, n), np.float32)
        self._users: dict[str, list[int]] = {}
        self._weights = {setting: np.zeros((n, n), np.float32) for setting in self.settings}
        self._events = 0

    def score(self, step: Step, setting: float) -> Floats:
        """Sums of the weights from the user's items."""
        past = self._users.get(step.event.user, [])[::-1][:_ASKED]
        scores: Floats = decayed(len(past), self._DECAY) @ self._weights[setting][past]
        return scores

    def learn(self, step: Step) -> None:
        """Count the event; fit, if it is time."""
        row, mine = step.event.row, self._users.setdefault(step.event.user, [])
        if row not in mine:
            mine.append(row)
            self._gram[row, mine] += 1.0
            self._gram[mine[:-1], row] += 1.0
        self._events += 1
        if self._events % self._every == 0:
            self._fit()

    def _fit(self) -> None:
        for setting in self.settings:
            gram = self._gram + np.float32(setting) * np.eye(self._n, dtype=np.float32)
            inverse = np.linalg.inv(gram)
            weights = (-inverse / np.diag(inverse)).astype(np.float32)
            np.fill_diagonal(weights, 0.0)
            self._weights[setting] = weights
