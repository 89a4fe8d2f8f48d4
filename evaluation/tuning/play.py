"""A log played under a choice of settings: where every taken item stood on the list that was published before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.prequential.data_sets import DatasetEvent, DatasetItem
from evaluation.prequential.offline_system import Penchant
from evaluation.prequential.protocol import CandidateFilter, of_events
from evaluation.prequential.steps import rank_of
from evaluation.tuning.grid import Choice
from serving.arrays import Doubles
from serving.catalogue import Catalogue

__all__ = ["TuningLog"]

_LEARNED, _CHOSEN = 0.25, 0.75  # of the events: up to here learned only, up to here chosen on; the rest is held out


@dataclass(frozen=True, slots=True)
class TuningLog:
    """A log in parts. most: of each part at most so many events are looked for, evenly spread; all are learned."""

    items: Sequence[DatasetItem]
    events: Sequence[DatasetEvent]
    repeats: bool
    most: int

    @property
    def choosing(self) -> range:
        """Places of the events that settings are chosen on."""
        return range(int(len(self.events) * _LEARNED), int(len(self.events) * _CHOSEN))

    @property
    def held_out(self) -> range:
        """Places of those that they are evaluated on."""
        return range(int(len(self.events) * _CHOSEN), len(self.events))


@dataclass(frozen=True, slots=True)
class Ranks:
    """Of the events that were looked for, in order: ranks from 0, and whose they were."""

    ranks: Doubles
    users: Sequence[str]


def play(log: TuningLog, catalogue: Catalogue, choice: Choice, part: range, tick: Callable[[], object]) -> Ranks:
    """Learn all events up to the end of a part; look for those in it. `tick` after each event."""
    penchant = Penchant(
        catalogue,
        repeats=log.repeats,
        published=True,
        ranking=choice.settings,
        half_life_ms=choice.half_life_ms,
    )
    ranks: list[float] = []
    users: list[str] = []
    every = -(-len(part) // log.most)
    steps = of_events(log.events[: part.stop], CandidateFilter("all", log.items), repeats=log.repeats)
    for index, step in enumerate(steps):
        if step.asked and index in part and index % every == 0:
            ranks.append(rank_of(penchant.score(step, 0.0), step))
            users.append(step.event.user)
        penchant.learn(step)
        tick()
    return Ranks(np.array(ranks, np.float64), users)
