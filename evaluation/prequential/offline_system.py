"""Penchant without Kafka and Redis: the worker's own fold, item statistics, ranker and blend, called one by one."""

import copy
from dataclasses import dataclass

import numpy as np

from evaluation.prequential import data_sets as sets
from evaluation.prequential.steps import Step
from penchant.messages import CoVisitEvent, CoVisits
from serving.arrays import Floats
from serving.catalogue import Catalogue
from serving.ranking.learning.blend import Blend
from serving.ranking.ranker import Ranker, RankSettings
from serving.ranking.statistics import Statistics
from serving.state.user_state import EventKind, UserState, Vector, id_hash
from stream.events.decoder import Event
from stream.events.records import Record
from stream.events.weights import Weight
from stream.interest.fold import Bounds, direction, fold
from stream.interest.influence import counted, nth_of_day
from stream.interest.interaction_context import context_of


@dataclass(frozen=True, slots=True)
class Contribution:
    """What an event counts, and the vector of its text `(d,) float32`, None if there is none or it is not read."""

    weight: Weight
    vector: Vector | None = None


class Penchant:
    """The system as a method.

    repeats: a user's earlier items are candidates again. published: lists as they stand on the topic, which were made
    right after the user's last event, whenever they are read. capped: whether a user's events count less the more of
    them there are, and the blend is guarded (docs/abuse.md). ranking, half_life_ms: other settings than the default's.
    """

    name = "penchant"
    settings = (0.0,)

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        repeats: bool,
        published: bool = False,
        capped: bool = True,
        seed: int = 1,
        ranking: RankSettings | None = None,
        half_life_ms: int | None = None,
    ) -> None:
        self.catalogue = catalogue
        self._ranking = ranking
        self._bounds = Bounds() if half_life_ms is None else Bounds(half_life_ms=half_life_ms)
        self._repeats = repeats
        self._published = published
        self._capped = capped
        self._states: dict[str, UserState] = {}
        self._random = np.random.default_rng(seed)
        self._offset = 0
        self._learns = True
        self._open(Statistics(catalogue, {}), Blend(guarded=capped))

    def frozen(self) -> "Penchant":
        """A copy that goes on following users, but learns nothing more of items and weights."""
        other = copy.copy(self)
        other.name = "penchant_frozen"
        other._states = copy.deepcopy(self._states)
        other._learns = False
        statistics = Statistics(self.catalogue, {})
        statistics.popularity = copy.deepcopy(self._statistics.popularity)
        statistics.covisits = self._statistics.covisits.copy()
        statistics.ease = copy.deepcopy(self._statistics.ease)
        statistics.repeats = copy.deepcopy(self._statistics.repeats)
        other._open(statistics, copy.deepcopy(self.ranker.blend))
        return other

    def score(self, step: Step, _: float) -> Floats:
        """The points that lists are sorted by."""
        self._offer(step)
        return self.ranker.points(self.state(step.event.user), self._idle(step))

    def learn(self, step: Step) -> None:
        """The blend learns first, from the state as it was; then user and items take the event in."""
        event, state = step.event, self.state(step.event.user)
        item_id = self.catalogue.ids[event.row]
        self._offset += 1
        contribution = self.contribution(event)
        came = self._event(event, item_id, contribution)
        nth = nth_of_day(state, came) if self._capped else 1
        if self._learns and step.asked:
            self._offer(step)
            share = self.ranker.blend.share_of(nth, time_ms=event.time_ms) if self._capped else 1.0
            self.ranker.learn(state, event.row, self._random, self._idle(step), share)
        before, own = context_of(state), contribution.weight.covisit
        covisit = counted(state, came) if self._capped else own
        told = CoVisitEvent(self._offset, item_id, covisit, *before, event.time_ms, own=own, nth=nth)
        towards = direction(self.catalogue.vector_at(event.row), contribution.vector)
        fold(state, came, towards, contribution.vector, self._bounds)
        if self._learns:
            self._statistics.apply(
                CoVisits(topic="", partition=0, first=self._offset, last=self._offset, events=[told])
            )
            if self._statistics.ease.due:
                self._statistics.refit()

    def contribution(self, event: sets.DatasetEvent) -> Contribution:
        """What is taken of an event: its weight; what was written in it is not read."""
        return Contribution(event.weight)

    def state(self, user: str) -> UserState:
        """What is kept of a user."""
        return self._states.setdefault(user, UserState())

    def _open(self, statistics: Statistics, blend: Blend) -> None:
        self._statistics = statistics
        self.ranker = Ranker(
            self.catalogue,
            statistics.popularity,
            self._ranking,
            covisits=statistics.covisits,
            ease=statistics.ease,
            repeats=statistics.repeats,
            blend=blend,
        )

    def _offer(self, step: Step) -> None:
        """What is no candidate is marked so in the catalogue, as a shop would."""
        if step.candidates is not None:
            self.catalogue.available[: len(self.catalogue)] = step.candidates

    def _idle(self, step: Step) -> float:
        return 0.0 if self._published else step.idle

    def _event(self, event: sets.DatasetEvent, item_id: str, contribution: Contribution) -> Event:
        event_id = str(self._offset)
        return Event(
            record=Record("", 0, self._offset, event.time_ms, None, None),
            event_id=event_id,
            dedup_key=id_hash(event_id),
            user_id=event.user,
            item_id=item_id,
            kind=EventKind.OTHER if contribution.vector is None else EventKind.REVIEW,
            time_ms=event.time_ms,
            weight=contribution.weight,
            text=None if contribution.vector is None else event.text,
            seen=not self._repeats,
        )
