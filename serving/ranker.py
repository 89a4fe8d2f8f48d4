"""From what is known of a user to the list: the best of what the scorer gives points, each with its reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from serving.blend import Blend
from serving.catalogue import Catalogue
from serving.covisits import CoVisitRows
from serving.explain import reasons, tell
from serving.messages import ListItem
from serving.profile import Floats, RankSettings
from serving.rows import Popularity
from serving.rules import Rules
from serving.scorer import TOGETHER, Mask, Rows, Scored, Scorer
from serving.shelf import Shelf
from serving.state import UserState

__all__ = ["RankSettings", "Ranker", "Ranking"]


@dataclass(frozen=True, slots=True)
class Ranking:
    """A list, best first. `path` is "trending" if nothing is known of the user's taste."""

    items: list[ListItem]
    path: Literal["live", "trending"]


class Ranker:
    """Makes lists from a catalogue and statistics that others keep current, in the same thread."""

    def __init__(
        self,
        catalogue: Catalogue,
        popularity: Popularity,
        settings: RankSettings | None = None,
        *,
        covisits: CoVisitRows | None = None,
        blend: Blend | None = None,
        rules: Rules | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._popularity = popularity
        self._settings = settings or RankSettings()
        self.blend = Blend() if blend is None else blend
        rows = CoVisitRows() if covisits is None else covisits
        self._shelf = Shelf(catalogue, Rules(catalogue) if rules is None else rules, self._settings.variety)
        self._scorer = Scorer(catalogue, popularity, rows, self.blend, self._settings)

    def rank(self, state: UserState, k: int, idle: float = 0.0) -> Ranking:
        """The user's best `k` items among those on offer and not seen; fewer if there are fewer.

        idle: how many events of anybody came since this user's last one.
        """
        return self._ranking(self._scorer.score([state], idle)[0], k)

    def rank_many(self, states: Sequence[UserState], k: int) -> list[Ranking]:
        """A list for each user right after an event, in this order: from eight users on cheaper than one by one."""
        starts = range(0, len(states), TOGETHER)
        scored = [each for at in starts for each in self._scorer.score(states[at : at + TOGETHER], 0.0)]
        return [self._ranking(each, k) for each in scored]

    def points(self, state: UserState, idle: float = 0.0) -> Floats:
        """What lists are sorted by: the points of all items, `(n,)`, -inf for what must not be listed."""
        return self._scorer.score([state], idle)[0].points

    def learn(self, state: UserState, taken: int, others: Rows, idle: float = 0.0) -> None:
        """Let the blend learn that a user took the item in row `taken` and none of the `others`.

        state: as it was before that event. others: rows drawn at random among what could have been listed.
        """
        self._scorer.learn(state, taken, others, idle)

    def trending(self, k: int) -> Ranking:
        """What everybody touches: by decayed popularity, then totals, then row, so that a new catalogue has a list."""
        return Ranking(self._trending(self._catalogue.available[: len(self._catalogue)], k), "trending")

    def _ranking(self, scored: Scored, k: int) -> Ranking:
        if scored.profile.empty:
            return Ranking(self._trending(np.isfinite(scored.points), k), "trending")
        self._shelf.apply(scored.points)
        return Ranking(self._entries(scored, self._shelf.choose(scored.points, k)), "live")

    def _trending(self, allowed: Mask, k: int) -> list[ListItem]:
        n = len(allowed)
        decayed = self._popularity.decayed(n)
        allowed = allowed & ~self._shelf.blocked()
        rows = np.flatnonzero(allowed)
        order = np.lexsort((rows, -self._popularity.totals(n)[rows], -decayed[rows]))[:k]
        best = rows[order]
        points = decayed[best]
        told = tell([], self._catalogue, self._settings.language)
        why = reasons(np.column_stack([np.zeros_like(points), points]), told)
        ids = self._catalogue.ids
        return [
            ListItem(ids[row], score, "popular", reason)
            for row, score, reason in zip(best.tolist(), points.tolist(), why, strict=True)
        ]

    def _entries(self, scored: Scored, rows: Rows) -> list[ListItem]:
        """The list's entries, each with the reasons that its points come from."""
        text, company = self._text_parts(scored, rows), self._company_parts(scored, rows)
        parts = np.maximum(text + company, 0.0)
        text, company = np.maximum(text[:, :-1], 0.0).sum(axis=1), np.maximum(company, 0.0).sum(axis=1)
        largest = np.stack([text, company, parts[:, -1]]).argmax(axis=0)
        told = tell(scored.profile.sources, self._catalogue, self._settings.language)
        ids = self._catalogue.ids
        return [
            ListItem(ids[row], float(scored.points[row]), "explore" if row in scored.lifted else _SOURCES[source], why)
            for row, source, why in zip(rows.tolist(), largest.tolist(), reasons(parts, told), strict=True)
        ]

    def _text_parts(self, scored: Scored, rows: Rows) -> Floats:
        """Points of the items in `rows`, signed, `(r, sources + 2)`: by event, of the long vector, by popularity.

        The long vector is a sum over events most of which are gone, so its points go to the event, among those that
        draw near, whose vector is most similar to the item, and have a column of their own where there is none.
        """
        profile = scored.profile
        items = self._catalogue.away(rows)
        similar = items @ profile.vectors.T
        points = similar * profile.weights
        if len(scored.standard):
            facets = self._catalogue.facet_of[rows]
            by_facet = (scored.standard * profile.facet_weights[:, None])[:, facets].T
            by_facet[facets < 0] = 0.0
            points[:, profile.asking] += by_facet
        # Being unlike what was dismissed is no reason of its own.
        points[:, profile.weights < 0] = np.minimum(points[:, profile.weights < 0], 0.0)
        belongs = np.zeros((len(profile.owner), len(profile.sources) + 2), np.float32)
        belongs[np.arange(len(profile.owner)), profile.owner] = 1.0
        parts = (points @ belongs).astype(np.float32, copy=False)
        draws = np.flatnonzero(profile.weights > 0)
        nearest = profile.owner[draws[similar[:, draws].argmax(axis=1)]] if len(draws) else -2
        parts[np.arange(len(rows)), nearest] += items @ profile.long
        parts[:, -1] = scored.popular[rows]
        return parts

    def _company_parts(self, scored: Scored, rows: Rows) -> Floats:
        """What company adds, `(r, sources + 2)`: by the ring's event that it comes through."""
        profile, found = scored.profile, scored.near
        parts = np.zeros((len(rows), len(profile.sources) + 2), np.float32)
        if len(profile.ring):
            points = profile.calm * scored.weights[: len(found.terms), None] * found.of(rows)[: len(found.terms)]
            through = np.einsum("fr,frt->rt", points, found.shares(rows, len(self._catalogue)))
            np.add.at(parts.T, profile.linking, through.T.astype(np.float32))
        return parts


_SOURCES: tuple[Literal["content", "covisit", "popular"], ...] = ("content", "covisit", "popular")
