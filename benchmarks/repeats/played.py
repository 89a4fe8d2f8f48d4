"""The made-up shop played through the worker's own fold, item statistics, blend and ranker, event by event."""

import numpy as np

from benchmarks.repeats.shop import Act, Shop
from penchant.messages import CoVisitEvent, CoVisits
from serving.ranking.profile import RankSettings, Seen
from serving.ranking.ranker import Ranker
from serving.ranking.statistics import Statistics
from serving.state.user_state import EventKind, UserState, id_hash
from stream.events.decoder import Event
from stream.events.records import Record
from stream.events.weights import load_weights
from stream.interest.fold import Bounds, fold
from stream.interest.interaction_context import context_of
from stream.interest.purchases import purchase_context
from stream.tasks.blend_learning import before

_LEARNED = 4  # of views every fourth is learned from
_KINDS = {"view": EventKind.VIEW, "cart": EventKind.CART, "purchase": EventKind.PURCHASE}
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
        event_id = str(self._offset)
        return Event(
            record=Record("", 0, self._offset, 1000 * act.time_s, None, None),
            event_id=event_id,
            dedup_key=id_hash(event_id),
            user_id=act.user,
            item_id=self._catalogue.ids[act.item],
            kind=_KINDS[act.action],
            time_ms=1000 * act.time_s,
            weight=self._weights[act.action],
            text=None,
            seen=True,
            bought=act.action == "purchase",
        )
