"""The made-up shop played through the worker's own fold, item statistics, blend and ranker, event by event."""

import numpy as np

from benchmarks.made.event import made_event
from benchmarks.repeats.shop import Act, Shop
from penchant.messages import CoVisitEvent, CoVisits
from serving.ranking.rank_settings import RankSettings, Seen
from serving.ranking.ranker import Ranker
from serving.ranking.statistics import Statistics
from serving.state.user_state import UserState
from stream.events.decoder import Event
from stream.events.weights import load_weights
from stream.interest.fold import Bounds, fold
from stream.interest.interaction_context import context_of
from stream.interest.purchases import purchase_context
from stream.tasks.blend_learning import before

_LEARNED = 4  # of views every fourth is learned from
SEEN: tuple[Seen, ...] = ("out", "down", "again")
Lists = dict[Seen, list[int]]


class Played:
    """Users and items as they stand after some acts."""

    def __init__(self, shop: Shop, seed: int = 1) -> None:
        self._catalogue = shop.catalogue()
        self._statistics = Statistics(self._catalogue, {})
        self._weights, self._bounds = load_weights().actions, Bounds()
        self._states: dict[str, UserState] = {}
        self._random = np.random.default_rng(seed)
        self._offset = 0
        statistics = self._statistics
        first = Ranker(self._catalogue, statistics.popularity)
        self._rankers = {
            seen: Ranker(
                self._catalogue,
                statistics.popularity,
                RankSettings(seen=seen),
                covisits=statistics.covisits,
                ease=statistics.ease,
                blend=first.blend,
                repeats=statistics.repeats,
            )
            for seen in SEEN
        }

    def act(self, act: Act) -> None:
        """Learn, count and fold it, as a worker does."""
        self._offset += 1
        event = self._event(act)
        state, item_id = self._states.setdefault(act.user, UserState()), self._catalogue.ids[act.item]
        bought = purchase_context(state, event)
        told = CoVisitEvent(self._offset, item_id, event.weight.covisit, *context_of(state), event.time_ms, *bought)
        if act.action != "view" or self._offset % _LEARNED == 0:
            self._rankers["down"].learn(before(told), act.item, self._random, weight=event.weight.covisit**2)
        self._statistics.apply(CoVisits(topic="", partition=0, first=self._offset, last=self._offset, events=[told]))
        if self._statistics.ease.due:
            self._statistics.refit()
        fold(state, event, self._catalogue.vector_at(act.item), None, self._bounds)

    def lists(self, user: str, k: int) -> Lists:
        """What stands on the user's list now, by setting: rows, best first."""
        state = self._states[user]
        ranked = {seen: ranker.rank(state, k).items for seen, ranker in self._rankers.items()}
        return {seen: [self._catalogue.row(each.item_id) for each in items] for seen, items in ranked.items()}

    def _event(self, act: Act) -> Event:
        item_id, weight, time_ms = self._catalogue.ids[act.item], self._weights[act.action], 1000 * act.time_s
        return made_event(act.user, item_id, act.action, weight, offset=self._offset, time_ms=time_ms)
