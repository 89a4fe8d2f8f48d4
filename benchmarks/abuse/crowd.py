"""The shop played through the worker's own fold, item statistics, blend and ranker, event by event."""

import copy

import numpy as np

from benchmarks.abuse.bazaar import Act
from benchmarks.made.event import made_event
from penchant.messages import CoVisitEvent, CoVisits
from serving.catalogue import Catalogue
from serving.ranking.learning.blend import Blend
from serving.ranking.ranker import Ranker
from serving.ranking.statistics import Statistics
from serving.state.user_state import UserState
from stream.events.decoder import Event
from stream.events.weights import load_weights
from stream.interest.fold import Bounds, fold
from stream.interest.influence import counted, nth_of_day
from stream.interest.interaction_context import context_of
from stream.interest.purchases import purchase_context
from stream.tasks.blend_learning import before


class Users:
    """States of users, and what their workers tell the item statistics of an act."""

    def __init__(self, catalogue: Catalogue, *, caps: bool) -> None:
        self.offset = 0
        self._catalogue = catalogue
        self._caps = caps
        self._weights, self._bounds = load_weights(), Bounds()
        self._states: dict[str, UserState] = {}

    def state(self, user: str) -> UserState:
        """What is kept of a user."""
        return self._states.setdefault(user, UserState())

    def act(self, act: Act) -> CoVisitEvent:
        """Fold an act. Returns what is told of it."""
        self.offset += 1
        event, state = self._event(act), self.state(act.user)
        told = CoVisitEvent(
            self.offset,
            self._catalogue.ids[act.item],
            counted(state, event) if self._caps else event.weight.covisit,
            *context_of(state),
            event.time_ms,
            *purchase_context(state, event),
            own=event.weight.covisit,
            nth=nth_of_day(state, event) if self._caps else 1,
        )
        fold(state, event, self._catalogue.vector_at(act.item), None, self._bounds)
        return told

    def _event(self, act: Act) -> Event:
        weight = self._weights.of(act.action, 1.0 if act.action == "rate" else None)
        item_id, time_ms = self._catalogue.ids[act.item], 1000 * act.time_s
        return made_event(act.user, item_id, act.action, weight, offset=self.offset, time_ms=time_ms)


class Crowd:
    """Item statistics and blend, as they stand after some events."""

    def __init__(self, catalogue: Catalogue, *, caps: bool) -> None:
        self._catalogue = catalogue
        self._caps = caps
        self._offset = 0
        self._open(Statistics(catalogue, {}, once=caps), Blend(guarded=caps))

    def _open(self, statistics: Statistics, blend: Blend) -> None:
        self._statistics = statistics
        self.ranker = Ranker(
            self._catalogue,
            statistics.popularity,
            covisits=statistics.covisits,
            ease=statistics.ease,
            repeats=statistics.repeats,
            blend=blend,
        )

    def copy(self) -> "Crowd":
        """As it stands now, to go on from."""
        other = copy.copy(self)
        statistics = Statistics(self._catalogue, {}, once=self._caps)
        statistics.popularity = copy.deepcopy(self._statistics.popularity)
        statistics.covisits = self._statistics.covisits.copy()
        statistics.ease = copy.deepcopy(self._statistics.ease)
        statistics.repeats = copy.deepcopy(self._statistics.repeats)
        other._open(statistics, copy.deepcopy(self.ranker.blend))
        return other

    def take_in(self, told: CoVisitEvent, *, learn: bool) -> None:
        """Count an event, and let the blend learn from it."""
        self._offset += 1
        if learn and told.covisit:
            random = np.random.default_rng(self._offset)
            row = self._catalogue.row(told.item_id)
            weight = told.own**2
            weight *= self.ranker.blend.share_of(told.nth, weight, told.time_ms)
            self.ranker.learn(before(told), row, random, weight=weight)
        self._statistics.apply(
            CoVisits(topic="", partition=0, first=self._offset, last=self._offset, events=[_at(told, self._offset)])
        )
        if self._statistics.ease.due:
            self._statistics.refit()


def _at(told: CoVisitEvent, offset: int) -> CoVisitEvent:
    """With another offset: what two kinds of users do comes in an order of its own."""
    changed = copy.copy(told)
    changed.offset = offset
    return changed
