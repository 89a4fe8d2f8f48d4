"""From what is known of a user to the list: the best of what the scorer gives points, each with its reasons."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypedDict, Unpack

import msgspec
import numpy as np

from penchant.messages import ListItem, Reason
from serving.arrays import Floats, Mask, Rows
from serving.catalogue import Catalogue
from serving.ranking.covisits import CoVisitRows
from serving.ranking.ease import Ease
from serving.ranking.exploration import best_rows
from serving.ranking.learning.blend import Blend
from serving.ranking.popularity import Popularity
from serving.ranking.rank_settings import RankSettings
from serving.ranking.reasons.attribution import Attribution, attribution_of
from serving.ranking.reasons.explain import ReasonWriter, explanations, without_event
from serving.ranking.reasons.phrases import ALSO, KEPT_OFF, NO_CLOSER, Language
from serving.ranking.reasons.told import Candidate, Explanation
from serving.ranking.rules import Rules
from serving.ranking.scorer import TOGETHER, Scored, Scorer
from serving.ranking.seen.repeats import Repeats
from serving.ranking.seen.seen_items import SeenFilter
from serving.ranking.slate import Slate
from serving.ranking.trending import asked_for, most_popular, own_points
from serving.state.user_state import UserState

__all__ = ["TOP", "RankSettings", "Ranker", "Ranking"]

TOP = 10  # the first items of a list, which measures of it look at


@dataclass(frozen=True, slots=True)
class Ranking:
    """A list, best first. `path` is "trending" if nothing is known of the user's preference, or nothing else is left.

    variant: of the experiment that it was made under, "" without one.
    """

    items: list[ListItem]
    path: Literal["live", "trending"]
    variant: str = ""


class Learned(TypedDict, total=False):
    """What is known of items from everybody's events, beside popularity; of what is left out nothing is."""

    covisits: CoVisitRows
    ease: Ease
    repeats: Repeats


class Ranker:
    """Makes lists from a catalogue and statistics that others keep current, in the same thread."""

    def __init__(
        self,
        catalogue: Catalogue,
        popularity: Popularity,
        settings: RankSettings | None = None,
        *,
        blend: Blend | None = None,
        rules: Rules | None = None,
        **learned: Unpack[Learned],
    ) -> None:
        self._catalogue = catalogue
        self._settings = settings or RankSettings()
        self.blend = Blend() if blend is None else blend
        rows = learned["covisits"] if "covisits" in learned else CoVisitRows()
        model = learned["ease"] if "ease" in learned else Ease()
        repeats = learned["repeats"] if "repeats" in learned else Repeats()
        ruled = Rules(catalogue) if rules is None else rules
        self._slate = Slate(catalogue, ruled, self._settings.variety)
        self._seen = SeenFilter(catalogue, repeats, ruled, self._settings)
        self._scorer = Scorer(catalogue, popularity, rows, model, self.blend, self._settings, self._seen)

    def rank(self, state: UserState, k: int, idle: float = 0.0, only: Mask | None = None) -> Ranking:
        """The user's best `k` items among those on offer and not seen; fewer if there are fewer.

        idle: how many events of anybody came since this user's last one. only: `(n,)`, which items are wanted.
        """
        scored = next(self._scorer.score([state], idle, None if only is not None else self._exact(k)))
        if only is not None:
            scored.points[~only] = -np.inf
            scored = replace(scored, best=best_rows(scored.points, k))
        return self._ranking(state, scored, k, only)

    def rank_many(self, states: Sequence[UserState], k: int) -> list[Ranking]:
        """A list for each user right after an event, in this order: from eight users on cheaper than one by one."""
        starts = range(0, len(states), TOGETHER)
        scored = (each for at in starts for each in self._scorer.score(states[at : at + TOGETHER], 0.0, self._exact(k)))
        return [self._ranking(*of_user, k) for of_user in zip(states, scored, strict=True)]

    def points(self, state: UserState, idle: float = 0.0) -> Floats:
        """What lists are sorted by: the points of all items, `(n,)`, -inf for what must not be listed."""
        return next(self._scorer.score([state], idle)).points

    def signals(self, state: UserState) -> Floats:
        """What points are made of: the signals of all items, `(f, n)`, in the order of `learning.signals.Signal`."""
        return self._scorer.signals(state)

    def learn(
        self,
        state: UserState,
        taken: int,
        random: np.random.Generator,
        idle: float = 0.0,
        weight: float = 1.0,
    ) -> None:
        """Let the blend learn that a user took the item in row `taken` and nothing else that could be listed.

        state: as it was before that event. random: draws what is learned from. weight: how much the step counts.
        """
        self._scorer.learn(state, taken, idle, weight, random)

    def trending(self, k: int) -> Ranking:
        """What everybody interacts with (serving/ranking/trending.py)."""
        rows = most_popular(self._nobody().points, self._offered(), k)
        return Ranking(self._trending(rows, self._settings.language), "trending")

    def explain(self, state: UserState, k: int, item_id: str | None = None, idle: float = 0.0) -> list[Explanation]:
        """Where the points of each item come from on the list that `rank` makes; or those of one item, on it or not.

        Of an item that was never heard of there is none.
        """
        scored = next(self._scorer.score([state], idle, self._exact(k)))  # as `rank` does: ties may go by rounding
        listed = self._listed(scored, k)
        nothing = not len(listed)
        listed = self._anything(state, k) if nothing else listed
        asked = None if item_id is None else self._catalogue.find(item_id)
        rows = listed if item_id is None else np.array([] if asked is None else [asked], np.intp)
        asked_of = self._nobody() if scored.profile.empty or (nothing and item_id is None) else scored
        points = self._attribution(asked_of, rows, keep=True)
        told = explanations(points, rows, self._catalogue, self._settings.language)
        places = {row: place for place, row in enumerate(listed.tolist(), 1)}
        return [
            msgspec.structs.replace(
                each, place=places.get(row), kept_off="" if row in places else self._kept_off(scored, row)
            )
            for each, row in zip(told, rows.tolist(), strict=True)
        ]

    def order(self, state: UserState, item_ids: Sequence[str], idle: float = 0.0) -> list[Candidate]:
        """Some items in the user's order, each once: by points, without exploration slots, variety and pins.

        What must not be listed stands last. Those that were never heard of are left out.
        """
        found = (self._catalogue.find(item_id) for item_id in dict.fromkeys(item_ids))
        rows = np.array([row for row in found if row is not None], np.intp)
        scored = next(self._scorer.score([state], idle))
        self._slate.apply(scored.points)
        asked_of = replace(self._nobody() if scored.profile.empty else scored, boosted={})
        points = self._attribution(asked_of, rows, keep=True)
        scores = points.table.sum(axis=(1, 2))
        order = np.lexsort((np.arange(len(rows)), -scores, ~np.isfinite(scored.points[rows])))
        entries = self._written(asked_of, rows, points, scores.tolist())
        return [
            Candidate(each.item_id, each.score, each.source, each.reasons, self._kept_off(scored, int(rows[at])))
            for at in order.tolist()
            for each in [entries[at]]
        ]

    def _ranking(self, state: UserState, scored: Scored, k: int, only: Mask | None = None) -> Ranking:
        rows = self._listed(scored, k)
        if len(rows) and not scored.profile.empty:
            return Ranking(self._entries(scored, rows), "live")
        rows = rows if len(rows) else self._anything(state, k, only)
        return Ranking(self._trending(rows, scored.profile.language), "trending")

    def _exact(self, k: int) -> int | None:
        """Of how many of the best items a list needs the points: of all where others may come before them."""
        settings = self._settings
        return None if self._slate.rules or settings.relevance or settings.explore else self._slate.looked_at(k)

    def _anything(self, state: UserState, k: int, only: Mask | None = None) -> Rows:
        """What trends, seen or not, for whom nothing else is left; but for what the user dismissed, or need not buy."""
        offered = self._offered()
        offered[list(self._seen.of(state).bought)] = False
        dismissed = state.seen["item"][state.seen["dismissed"] > 0]
        offered[self._catalogue.seen_rows(dismissed)] = False
        if only is not None:
            offered &= only
        return most_popular(self._nobody().points, offered, k)

    def _listed(self, scored: Scored, k: int) -> Rows:
        """The rows of a list, first place first; what the rules say is added to the points."""
        self._slate.apply(scored.points)
        if scored.profile.empty:
            return most_popular(self._nobody().points, np.isfinite(scored.points), k)
        if self._settings.relevance:
            rows = self._filled(scored, np.isfinite(scored.points), k)
        elif self._exact(k) == k:
            rows = scored.best[:k]
        else:
            rows = self._slate.choose(scored.points, k)
        return self._slate.arrange(rows, scored.points, scored.boosted, k)

    def _filled(self, scored: Scored, allowed: Mask, k: int) -> Rows:
        """What the user's own events speak for, then what trends: of the facets that the user wrote about first."""
        speak = own_points(scored, self._slate.ruled(np.arange(len(allowed)))) >= self._settings.relevance
        speak[list(scored.boosted)] = True
        rows = self._slate.choose(np.where(speak, scored.points, np.float32(-np.inf)), k)
        left = allowed.copy()
        left[rows] = False
        rest = most_popular(self._nobody().points, left, k - len(rows), asked_for(scored, self._catalogue))
        return np.concatenate([rows, rest])

    def _offered(self) -> Mask:
        return self._catalogue.available[: len(self._catalogue)] & ~self._slate.blocked()

    def _nobody(self) -> Scored:
        """All items for somebody of whom nothing is known; what the rules say is added to the points."""
        scored = self._scorer.nobody()
        self._slate.apply(scored.points)
        return scored

    def _trending(self, rows: Rows, language: Language) -> list[ListItem]:
        nobody = self._nobody()
        scored = replace(nobody, profile=replace(nobody.profile, language=language))
        entries = self._entries(scored, rows, ALSO[language])
        return [msgspec.structs.replace(entry, source="popular") for entry in entries]

    def _entries(self, scored: Scored, rows: Rows, instead: str = "") -> list[ListItem]:
        """The list's entries, each with the reasons that its points come from; `instead` where there are none."""
        return self._written(scored, rows, self._attribution(scored, rows), scored.points[rows].tolist(), instead)

    def _written(
        self, scored: Scored, rows: Rows, points: Attribution, scores: Sequence[float], instead: str = ""
    ) -> list[ListItem]:
        language, boosted, ids = scored.profile.language, scored.boosted, self._catalogue.ids
        reasons = ReasonWriter(points, scored.seen, self._catalogue, language).of(rows)
        placed = self._slate.placed(rows).tolist()
        entries = []
        for row, score, side, why, there in zip(
            rows.tolist(), scores, points.sides.tolist(), reasons, placed, strict=True
        ):
            if not why:
                event_id, words, code = without_event(
                    instead or (ALSO if there or row in boosted else NO_CLOSER)[language]
                )
                why.append(Reason(event_id, 0.0, words, code))
            entries.append(ListItem(ids[row], score, "explore" if row in boosted else _SOURCES[side], why))
        return entries

    def _attribution(self, scored: Scored, rows: Rows, *, keep: bool = False) -> Attribution:
        ruled = self._slate.ruled(rows) if self._slate.rules else None
        return attribution_of(scored, rows, self._catalogue, ruled, self._settings, keep=keep)

    def _kept_off(self, scored: Scored, row: int) -> str:
        """Why an item is on no list, in words, "" if it may be."""
        if np.isfinite(scored.points[row]):
            return ""
        words = KEPT_OFF[self._settings.language]
        if self._catalogue.items[row] is None:
            return words["vector"]
        if not self._catalogue.available[row]:
            return words["offer"]
        if self._slate.blocked()[row]:
            return words["rule"]
        if row in scored.seen.bought:
            return words["bought"]
        return words["dismissed" if self._settings.seen != "out" and row in scored.seen.dismissed else "seen"]


_SOURCES: tuple[Literal["content", "covisit", "popular"], ...] = ("content", "covisit", "popular")
