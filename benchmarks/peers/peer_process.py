"""One peer in an interpreter where it is installed, and nothing of ours: work as JSON on standard input, figures out.

Each is used as its documentation shows it for data that streams in. Times are of the CPU, all threads of the process.
"""

import contextlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NamedTuple, Protocol, TypeVar

_T = TypeVar("_T")
_UNTIL_S = 60.0  # of one peer's events


class Peer(Protocol):
    """A recommender that learns as events come. It has taken the history in when it is made."""

    def update(self, user: int, item: int) -> None:
        """Take in one event."""

    def list_of(self, user: int) -> list[int]:
        """The best items of a user, without those that the user has had."""
        ...


class Work(NamedTuple):
    """history, events: users and items by number. k: how long a list is."""

    items: int
    users: int
    k: int
    history: list[tuple[int, int]]
    events: list[tuple[int, int]]


class Rtrec:
    """A sparse linear model over items, fitted again for the items of each event (`fit` of one interaction)."""

    def __init__(self, work: Work) -> None:
        import pandas as pd
        from rtrec.models import SLIM
        from rtrec.recommender import Recommender

        self._k, self._now = work.k, 1_795_341_600.0
        self._model = SLIM(min_value=0, max_value=5, decay_in_days=180, nn_feature_selection=50)
        columns = list(zip(*work.history, strict=True))
        times = [self._now + at for at in range(len(work.history))]
        self._now = times[-1]
        frame = pd.DataFrame({"user": columns[0], "item": columns[1], "tstamp": times, "rating": 1.0})
        with contextlib.redirect_stdout(sys.stderr):
            Recommender(self._model).bulk_fit(frame, parallel=False)

    def update(self, user: int, item: int) -> None:
        """See `Peer`."""
        self._now += 1
        self._model.fit([(user, item, self._now, 1.0)], progress_bar=False)

    def list_of(self, user: int) -> list[int]:
        """See `Peer`."""
        return list(self._model.recommend(user, top_k=self._k, filter_interacted=True))


class Implicit:
    """Alternating least squares: items' factors stand, a user's are solved for anew from all that the user had."""

    def __init__(self, work: Work) -> None:
        import numpy as np
        from implicit.als import AlternatingLeastSquares
        from scipy.sparse import lil_matrix

        self._k = work.k
        self._had = lil_matrix((work.users, work.items), dtype=np.float32)
        for user, item in work.history:
            self._had[user, item] += 1.0
        self._model = AlternatingLeastSquares(factors=64, num_threads=1)
        self._model.fit(self._had.tocsr(), show_progress=False)

    def update(self, user: int, item: int) -> None:
        """See `Peer`."""
        self._had[user, item] += 1.0

    def list_of(self, user: int) -> list[int]:
        """See `Peer`."""
        found, _ = self._model.recommend(user, self._had[user].tocsr(), N=self._k, recalculate_user=True)
        return [int(item) for item in found]


class River:
    """Matrix factorisation by gradient steps, one an event; all items are ranked."""

    def __init__(self, work: Work) -> None:
        from river.reco import BiasedMF

        self._k, self._all = work.k, set(range(work.items))
        self._model = BiasedMF(n_factors=64, seed=1)
        self._had: dict[int, set[int]] = {}
        for user, item in work.history:
            self.update(user, item)

    def update(self, user: int, item: int) -> None:
        """See `Peer`."""
        self._had.setdefault(user, set()).add(item)
        self._model.learn_one(user=user, item=item, y=1.0)

    def list_of(self, user: int) -> list[int]:
        """See `Peer`."""
        ranked: list[int] = self._model.rank(user, self._all - self._had.get(user, set()))
        return ranked[: self._k]


PEERS: dict[str, Callable[[Work], Peer]] = {"rtrec": Rtrec, "implicit": Implicit, "river": River}


def timed(run: Callable[..., _T], *arguments: int) -> tuple[float, _T]:
    """Microseconds of CPU, and what it returned."""
    began = time.process_time_ns()
    done = run(*arguments)
    return (time.process_time_ns() - began) / 1000, done


def measure(peer: Peer, work: Work) -> dict[str, Any]:
    """Medians of an update and of a list, and the share of lists that are another one after the event."""
    updates, lists, moved = [], [], 0
    until = time.monotonic() + _UNTIL_S
    for user, item in work.events:
        before = peer.list_of(user)
        updates.append(timed(peer.update, user, item)[0])
        took, after = timed(peer.list_of, user)
        lists.append(took)
        moved += after != before
        if time.monotonic() > until:
            break
    return {
        "update_us": statistics.median(updates),
        "list_us": statistics.median(lists),
        "moved": moved / len(lists),
        "events": len(lists),
    }


def main() -> None:
    """Measure the peer that is named."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    work = Work(**json.load(sys.stdin))
    name = sys.argv[1]
    figures = {"version": version(name), **measure(PEERS[name](work), work)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
