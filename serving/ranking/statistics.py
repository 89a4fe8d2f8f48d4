"""What is known of items from everybody's events: applied once, copied into snapshots, and taken over after a restart.

Rows are a process's own numbering, so whatever leaves it goes by item id.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from penchant.messages import CoVisitEvent, CoVisits
from serving.catalogue import Catalogue
from serving.ranking.covisits import CoVisitRows
from serving.ranking.ease import Ease, Gram, History, fit, history_of
from serving.ranking.popularity import Popularity, Sums
from serving.ranking.seen.repeats import Purchase, RepeatCounts, Repeats
from serving.state.history import unpack
from serving.state.purchases import unpack_before

__all__ = ["Statistics", "StatisticsSnapshot"]


class SourcePartition(NamedTuple):
    """Where events came from. `identity`: which topic of that name is meant, as offsets of another do not count."""

    topic: str
    identity: str
    partition: int


@dataclass(frozen=True, slots=True)
class StatisticsSnapshot:
    """Item statistics as they stood at one moment, apart from what goes on: another thread may read them.

    reached: the offset on covisits.v1 after the last message applied. identity: of that topic, as in `SourcePartition`.
    applied: by source the offset of the last event applied. ids: of the items, in the order of `popular` and of
    the rows of `covisits`, `gram` and `repeats`.
    """

    made_ms: int
    reached: int
    identity: str
    applied: Mapping[SourcePartition, int]
    ids: list[str]
    popular: Sums
    covisits: CoVisitRows
    gram: Gram
    repeats: RepeatCounts


class Statistics:
    """One writer, readers in the same thread.

    identities: topic -> which topic of that name is meant. once: an item that stands in a ring several times links as
    its newest place does, so that nobody strengthens a co-visit by coming back to an item in between. pair_users: how
    many users must have interacted with two items before anybody's lists go by that they belong together.
    """

    def __init__(
        self, catalogue: Catalogue, identities: Mapping[str, str], *, once: bool = True, pair_users: int = 1
    ) -> None:
        self.popularity = Popularity()
        self.covisits = CoVisitRows(pair_users)
        self.ease = Ease(least=pair_users)
        self.repeats = Repeats()
        self._catalogue = catalogue
        self._identities = identities
        self._once = once
        self._applied: dict[tuple[str, int], int] = {}

    def apply(self, message: CoVisits) -> None:
        """Apply the events of a message, but for those whose source offset was applied before."""
        for event in self.unapplied(message):
            row = self._catalogue.row(event.item_id)
            ring = [(self._catalogue.row(item_id), weight) for item_id, weight in event.ring]
            self.popularity.add(row, event.covisit, event.time_ms, event.nth)  # of 0, too: somebody was there
            first = event.covisit >= event.own  # what a user does with an item again counts less than it weighs
            self.covisits.add(row, event.own or event.covisit, self._links(event, row, ring), first=first)
            self.ease.add(row, event.covisit, self._history(event, ring))
            if event.purchase is not None:
                self.repeats.add(row, self._catalogue.kind(row), self._purchase(event, event.purchase))
            self._applied[message.topic, message.partition] = event.offset

    def unapplied(self, message: CoVisits) -> list[CoVisitEvent]:
        """The events of a message that were not applied yet."""
        applied = self._applied.get((message.topic, message.partition), -1)
        return [event for event in message.events if event.offset > applied]

    def begin_fit(self) -> Gram:
        """What the EASE model is to be fitted to now (`serving.ranking.ease.fit`)."""
        return self.ease.begin(self.popularity.totals(len(self._catalogue)))

    def refit(self) -> None:
        """Fit the EASE model here and now, which takes some 50 ms."""
        self.ease.fitted = fit(self.begin_fit())

    def _links(self, event: CoVisitEvent, row: int, ring: list[tuple[int, float]]) -> list[tuple[int, float]]:
        """What an event is linked with, by weights to be multiplied with its own.

        With itself by all of it, since that tells nobody else anything; with others by as much as counts. One visit's
        view, cart and purchase are one interaction: with itself it was not interacted with again.
        """
        share = event.covisit / event.own if event.own else 1.0
        met: set[int] = set()
        links = []
        for other, weight in ring:
            again = other in met and self._once
            by = (0.0 if event.same_visit else 1.0) if other == row else 0.0 if again else share
            links.append((other, by * weight))
            met.add(other)
        return links

    def _history(self, event: CoVisitEvent, ring: list[tuple[int, float]]) -> History:
        rows, weights = (
            np.array([row for row, _ in ring], np.intp),
            np.array([weight for _, weight in ring], np.float64),
        )
        before = unpack(event.older_items)
        return history_of(rows, weights, self._catalogue.rows_of(before.items), before.strengths)

    def _purchase(self, event: CoVisitEvent, gaps_s: tuple[int, int]) -> Purchase:
        before = unpack_before(event.bought_before)
        rows = self._catalogue.rows_of(before.items).tolist()
        known = [
            (self._catalogue.kind(row), ago) for row, ago in zip(rows, before.ago_s.tolist(), strict=True) if row >= 0
        ]
        return Purchase(gaps_s, [(kind, ago_s) for kind, ago_s in known if kind])

    def snapshot(self, covisits: str, reached: int, made_ms: int) -> StatisticsSnapshot:
        """A copy of everything. `covisits`: the topic's full name; `reached`: the offset that follows what was applied.

        Costs the thread that takes in events a few ms for 100,000 items (docs/running.md has the measurement).
        """
        n = len(self._catalogue)
        return StatisticsSnapshot(
            made_ms=made_ms,
            reached=reached,
            identity=self._identities.get(covisits, ""),
            applied={
                SourcePartition(topic, self._identities.get(topic, ""), n): at
                for (topic, n), at in self._applied.items()
            },
            ids=self._catalogue.ids[:n],
            popular=self.popularity.sums(n),
            covisits=self.covisits.copy(),
            gram=self.ease.gram(),
            repeats=self.repeats.counts(),
        )

    def follows(self, snapshot: StatisticsSnapshot, covisits: str) -> bool:
        """Whether `snapshot.reached` counts offsets of the topic that has this full name now."""
        return self._identities.get(covisits, "") == snapshot.identity

    def restore(self, snapshot: StatisticsSnapshot) -> None:
        """Go on from a snapshot. What topics that were created again since had told stays; their offsets begin at 0."""
        rows = np.array([self._catalogue.row(item_id) for item_id in snapshot.ids], np.intp)
        self.popularity.restore(rows, snapshot.popular)
        self.covisits.restore(rows, snapshot.covisits.links(range(len(rows))))
        self.ease.restore(replace(snapshot.gram, rows=rows[snapshot.gram.rows]))
        self.repeats.restore(rows[snapshot.repeats.rows], snapshot.repeats)
        self._applied = {
            (source.topic, source.partition): offset
            for source, offset in snapshot.applied.items()
            if self._identities.get(source.topic, "") == source.identity
        }
