"""From what is known of a user to the list: one exact pass over all items, no I/O and no clock.

The points of item j are

    short·⟨s, e_j - ē⟩ + long·⟨l, e_j - ē⟩                            what was touched
    + Σ_t w_t · (text·⟨t, e_j - ē⟩ + facet·z_t(f_j))                  what was written
    - Σ_d w_d · (against·⟨e_d, e_j - ē⟩ + against_facet·z_d(f_j))     what was dismissed
    + total·log1p(n_j) + recent·log1p(5·d_j) - mean over all items    what everybody touches (serving/rows.py)

with e_j the item's vector and ē the mean item; s is the ring's decayed sum and l the long vector, both at length 1.
z(f) is the similarity to the text of the item's facets, standardised over the distinct facet texts and cut to [0, 3]:
level and spread of cosines differ from text to text and from language to language, their order does not. All that is
linear in e_j is summed into one vector first, so a user costs one matrix-vector product, however many events there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from serving.catalogue import Catalogue
from serving.explain import reasons, tell
from serving.messages import ListItem
from serving.profile import Floats, Profile, RankSettings, profile_of
from serving.rows import Popularity
from serving.state import UserState, Vector

Rows = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

__all__ = ["RankSettings", "Ranker", "Ranking"]

_STANDARD_CUT = 3.0  # a perfect match counts no more than three standard deviations
_TOGETHER = 64  # users in one matrix product: bounds its result to 64 rows
_PRODUCT_PAYS = 8  # users from which a matrix product is cheaper than a product for each (its packing costs first)
_LEAST_SPREAD = 0.02  # below it the facet texts do not differ to this text: rounding must not be blown up


@dataclass(frozen=True, slots=True)
class Ranking:
    """A list, best first. `path` is "trending" if nothing is known of the user's taste."""

    items: list[ListItem]
    path: Literal["live", "trending"]


class Ranker:
    """Makes lists from a catalogue and popularity that others keep current, in the same thread."""

    def __init__(self, catalogue: Catalogue, popularity: Popularity, settings: RankSettings | None = None) -> None:
        self._catalogue = catalogue
        self._popularity = popularity
        self._settings = settings or RankSettings()
        self._popular = np.empty(0, np.float32)
        self._popular_of = (0, 0)
        self._mean = np.zeros(catalogue.dim, np.float32)
        self._mean_of = 0

    def rank(self, state: UserState, k: int) -> Ranking:
        """The user's best `k` items among those on offer and not seen; fewer if there are fewer."""
        return self.rank_many([state], k)[0]

    def rank_many(self, states: Sequence[UserState], k: int) -> list[Ranking]:
        """A list for each user, in this order: from eight users on cheaper than one by one."""
        rankings: list[Ranking] = []
        for start in range(0, len(states), _TOGETHER):
            some = states[start : start + _TOGETHER]
            profiles = [profile_of(state, self._catalogue, self._settings) for state in some]
            similar = self._similar(
                np.stack([profile.weights @ profile.vectors + profile.long for profile in profiles])
            )
            rankings += [self._ranking(*of_user, k) for of_user in zip(some, profiles, similar, strict=True)]
        return rankings

    def _similar(self, queries: Floats) -> Floats:
        """⟨q, e_j - ē⟩ for each query `(q, d)` and all items: `(q, n)`."""
        vectors = self._catalogue.vectors[: len(self._catalogue)]
        if len(queries) < _PRODUCT_PAYS:
            similar = np.stack([vectors @ query for query in queries])
        else:
            similar = queries @ vectors.T
        similar -= (queries @ self._mean_item())[:, None]
        return similar

    def _ranking(self, state: UserState, profile: Profile, points: Floats, k: int) -> Ranking:
        """The list of one user; `points` `(n,)` are those of its query, and are added to."""
        allowed = self._allowed(state)
        if profile.empty:
            return Ranking(self._trending(allowed, k), "trending")
        points += self._popular_points()
        standard = self._standardised(profile.asks)
        if len(standard):
            # Items without facets have row -1 and read the zero that is put last.
            by_facet = np.append(profile.facet_weights @ standard, np.float32(0.0))
            points += by_facet[self._catalogue.facet_of[: len(points)]]
        points[~allowed] = -np.inf
        best = _best(points, min(k, int(allowed.sum())))
        return Ranking(self._entries(profile, standard, best, points[best]), "live")

    def trending(self, k: int) -> Ranking:
        """What everybody touches: by decayed popularity, then totals, then row, so that a new catalogue has a list."""
        return Ranking(self._trending(self._catalogue.available[: len(self._catalogue)], k), "trending")

    def _allowed(self, state: UserState) -> Mask:
        """`(n,)`: on offer and not in the user's seen set."""
        allowed = self._catalogue.available[: len(self._catalogue)].copy()
        seen = state.seen
        allowed[self._catalogue.seen_rows(seen["item"][seen["count"] > 0].tolist())] = False
        return allowed

    def _trending(self, allowed: Mask, k: int) -> list[ListItem]:
        n = len(allowed)
        decayed = self._popularity.decayed(n)
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

    def _popular_points(self) -> Floats:
        """`(n,)`, less their mean; kept until the next event, since several users are ranked between two."""
        current = (self._popularity.events, len(self._catalogue))
        if self._popular_of != current:
            total, recent = self._popularity.totals(current[1]), self._popularity.decayed(current[1])
            points = self._settings.total * np.log1p(total) + self._settings.recent * np.log1p(5.0 * recent)
            self._popular = points - points.mean()
            self._popular_of = current
        return self._popular

    def _mean_item(self) -> Vector:
        """The mean item, `(d,)`. It moves all items' points alike, so it need not follow every new one."""
        embedded = self._catalogue.embedded
        if abs(embedded - self._mean_of) * 16 > self._mean_of:
            self._mean = self._catalogue.vectors[: len(self._catalogue)].sum(axis=0) / np.float32(max(embedded, 1))
            self._mean_of = embedded
        return self._mean

    def _standardised(self, asks: Floats) -> Floats:
        """The z of each ask for each distinct facet text, `(a, m)` in [0, 3]; `(0, m)` without any to compare."""
        facets = self._catalogue.facets
        if not len(asks) or len(facets) < 2:
            return np.empty((0, len(facets)), np.float32)
        similar = asks @ facets.T
        spread = np.maximum(similar.std(axis=1, keepdims=True), _LEAST_SPREAD)
        standard: Floats = (similar - similar.mean(axis=1, keepdims=True)) / spread
        return standard.clip(0.0, _STANDARD_CUT)

    def _entries(self, profile: Profile, standard: Floats, rows: Rows, points: Floats) -> list[ListItem]:
        """The list's entries, each with the reasons that its points come from."""
        parts = np.maximum(self._parts(profile, standard, rows), 0.0)
        content = parts[:, :-1].sum(axis=1) >= parts[:, -1]
        told = tell(profile.sources, self._catalogue, self._settings.language)
        ids = self._catalogue.ids
        return [
            ListItem(ids[row], score, "content" if touched else "popular", why)
            for row, score, touched, why in zip(
                rows.tolist(), points.tolist(), content.tolist(), reasons(parts, told), strict=True
            )
        ]

    def _parts(self, profile: Profile, standard: Floats, rows: Rows) -> Floats:
        """Points of the items in `rows`, signed, `(r, sources + 2)`: by event, of the long vector, by popularity.

        The long vector is a sum over events most of which are gone, so its points go to the event, among those that
        draw near, whose vector is most similar to the item, and have a column of their own where there is none.
        """
        items = self._catalogue.vectors[rows] - self._mean_item()
        similar = items @ profile.vectors.T
        points = similar * profile.weights
        if len(standard):
            facets = self._catalogue.facet_of[rows]
            by_facet = (standard * profile.facet_weights[:, None])[:, facets].T
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
        parts[:, -1] = self._popular_points()[rows]
        return parts


def _best(points: Floats, k: int) -> Rows:
    """The rows of the `k` largest, largest first, ties by row; `k` is at most their number."""
    if k <= 0:
        return np.empty(0, np.intp)
    rows = np.argpartition(points, len(points) - k)[-k:]
    return rows[np.lexsort((rows, -points[rows]))]
