"""A ranker as a worker has it after a while: users with rings, items with co-visits, popularity, a fitted model."""

import time
from dataclasses import dataclass, field

import numpy as np

from benchmarks.made.event import made_event
from benchmarks.performance.load.workload import drawn, item_id
from benchmarks.performance.systems.made_catalogue import item_vectors
from penchant.messages import CoVisitEvent, CoVisits
from serving.catalogue import Catalogue
from serving.ranking.ranker import Ranker
from serving.ranking.statistics import Statistics
from serving.state.user_state import UserState
from stream.events.weights import Weight, load_weights
from stream.interest.fold import Bounds, direction, fold
from stream.interest.interaction_context import context_of

_DIM = 384
_CLICK = "click"
_LEARNED_AT_ONCE = 100  # one in so many events teaches the blend: a busy worker's share


@dataclass
class WarmRanker:
    """The parts of a worker that make lists, without broker and store. states: of each user who had an event."""

    catalogue: Catalogue
    ranker: Ranker
    statistics: Statistics
    states: dict[str, UserState] = field(default_factory=dict)
    now_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    weight: Weight = field(default_factory=lambda: load_weights(None).actions[_CLICK])
    statistics_s: float = 0.0  # CPU that item statistics took so far
    users: list[str] = field(default_factory=list)  # of each event

    def click(self, user: str, item: str) -> None:
        """A user's click: fold it, count it in the statistics, let the blend learn now and then."""
        state = self.states.setdefault(user, UserState())
        if len(self.users) % _LEARNED_AT_ONCE == 0:
            random = np.random.default_rng(len(self.users))
            self.ranker.learn(state, self.catalogue.row(item), random, weight=self.weight.covisit**2)
        counted = self.fold(state, user, item)
        began, offset = time.process_time(), counted.offset
        message = CoVisits(topic="", partition=0, first=offset, last=offset, events=[counted])
        self.statistics.apply(message)
        self.statistics_s += time.process_time() - began

    def fold(self, state: UserState, user: str, item: str) -> CoVisitEvent:
        """Take a click in; returns what the item statistics are told of it."""
        self.users.append(user)
        self.now_ms += 1
        offset = len(self.users)
        counted = CoVisitEvent(offset, item, self.weight.covisit, *context_of(state), self.now_ms)
        event = made_event(user, item, _CLICK, self.weight, offset=offset, time_ms=self.now_ms)
        fold(state, event, direction(self.catalogue.vector(item), None), None, Bounds())
        return counted


def warm_ranker(items: int, users: int, events: int) -> WarmRanker:
    """A made catalogue, and so many clicks by Zipf's law of exponent 1."""
    catalogue = Catalogue(_DIM, "e5s-00000000")
    for item in item_vectors(items, _DIM, catalogue.fingerprint):
        catalogue.put(item)
    catalogue.recentre()
    statistics = Statistics(catalogue, {})
    ranker = Ranker(
        catalogue,
        statistics.popularity,
        covisits=statistics.covisits,
        ease=statistics.ease,
        repeats=statistics.repeats,
    )
    made = WarmRanker(catalogue, ranker, statistics)
    random = np.random.default_rng(1)
    ranked = random.permutation(items)
    who, what = drawn(random, users, 1.0, events), ranked[drawn(random, items, 1.0, events)]
    for user, row in zip(who.tolist(), what.tolist(), strict=True):
        made.click(f"u{user}", item_id(row))
    if statistics.ease.due:
        statistics.refit()
    return made
