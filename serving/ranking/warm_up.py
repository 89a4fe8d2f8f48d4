"""Has all that lists take compiled, or loaded where that was done before.

The first list of an installation would wait for it, some twenty seconds: a worker that let it would be thought dead.
"""

import numpy as np

from penchant.messages import CoVisitEvent, CoVisits, ItemVector
from serving.catalogue import Catalogue, pack
from serving.ranking.rank_settings import RankSettings
from serving.ranking.ranker import Ranker
from serving.ranking.statistics import Statistics
from serving.state.user_state import SEEN, EventKind, RecentText, RingEvent, UserState, item_hash

__all__ = ["warm_up"]

_DIM, _ITEMS, _NEW = 8, 40, 4


def warm_up() -> None:
    """Make lists of every kind from a catalogue that is made up."""
    catalogue = _catalogue()
    statistics = Statistics(catalogue, {})
    statistics.apply(CoVisits(topic="", partition=0, first=0, last=0, events=_events()))
    statistics.refit()
    for settings in (RankSettings(), RankSettings(explore=0.1, relevance=0.1)):
        ranker = Ranker(catalogue, statistics.popularity, settings, covisits=statistics.covisits, ease=statistics.ease)
        ranker.learn(_user(), 0, np.random.default_rng(0))
        for state in (_user(), UserState()):
            ranker.rank(state, 20)
        ranker.rank_many([_user(), _user()], 20)
        ranker.explain(_user(), 20)


def _catalogue() -> Catalogue:
    random = np.random.default_rng(0)
    catalogue = Catalogue(_DIM, "")
    for number in range(_ITEMS):
        vector = pack(random.normal(size=_DIM).astype(np.float32))
        catalogue.put(
            ItemVector(
                item_id=str(number),
                title="",
                facets={"kind": str(number % 3)},
                available=True,
                revision="",
                fingerprint="",
                vector=vector,
                facet_text=str(number % 3),
                facet_vector=vector,
            )
        )
    return catalogue


def _events() -> list[CoVisitEvent]:
    ring = [(str(number), 1.0) for number in range(3)]
    return [CoVisitEvent(offset, str(offset % (_ITEMS - _NEW)), 1.0, ring, [0, 1, 2]) for offset in range(2 * _ITEMS)]


def _user() -> UserState:
    kinds = ((EventKind.CLICK, 1.0), (EventKind.DISMISS, -1.0), (EventKind.LIKE, 1.0))
    ring = [
        RingEvent(at, str(at), at, str(at), int(kind), max(preference, 0.0), preference)
        for at, (kind, preference) in enumerate(kinds, 1)
    ]
    vector = np.ones(_DIM, np.float16).tobytes()
    text = RecentText(9, "9", "", 1.0, vector, against=vector)
    seen = np.zeros(2, SEEN)
    seen["item"], seen["count"], seen["covisit"] = [item_hash("7"), item_hash("8")], 1, 100
    return UserState(ring=ring, texts=[text], seen=seen, long=np.ones(_DIM, np.float32))
