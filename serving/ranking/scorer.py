"""From what is known of a user to points for every item: one exact pass, no I/O and no clock.

The points of item j are

    c·Σ_f a_f·x_f(j)                                                  the signals: interactions of this user, of
    everybody + c·long·⟨l, e'_j⟩                                                the long-term interest
    + Σ_t w_t · (text·⟨t, e'_j⟩ + facet·z_t(f_j))                     what was written
    + Σ_t w_t · (words·q_t(j) - against_words·u_t(j)) - outside·o_t(j)   its words and numbers (serving/lexical)
    - Σ_d w_d · (against·⟨e'_d, e'_j⟩ + against_facet·z_d(f_j))       what was dismissed
    - fatigue·s_j                                                     impressions without an interaction
    - seen_points                                                     what was seen, if that is not out
    + again·ρ·…                                                       what is usually bought again about now
    - like·strength                                                   what is like a durable that was bought

with the signals x_f and their learned weights a_f of `serving.ranking.learning`, among them ⟨s, e'_j⟩, s the decayed
direction of the ring; e'_j is the item's vector seen from the mean item, l the long vector, both at length 1, and c the
damping of the user's interactions by statements (not of popularity). z(f) is the similarity to the text of the item's
facets, standardised over the distinct facet texts and cut to [0, 4]: level and spread of cosines differ from text to
text and from language to language, their order does not. All that is linear in e'_j is summed into one vector first,
so a user costs one matrix-vector product, however many events there are.

Cold-start items have nothing but their text, and a learned blend ranks them below all others. So the tenth and the
twentieth place are exploration slots for those whose text fits best (serving/ranking/exploration.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from serving.arrays import Floats, Mask, Rows
from serving.catalogue import INT8_PAYS, Catalogue
from serving.lexical.spoken_points import spoken_points
from serving.ranking.covisits import CoVisitRows
from serving.ranking.ease import Ease, Fitted
from serving.ranking.exploration import (
    LAST_SLOT,
    MOST_SLOT,
    Candidates,
    best_among,
    best_rows,
    cold_start,
    cold_start_boost,
    exploration_boost,
    rotation_seed,
)
from serving.ranking.impression_discount import impression_weights
from serving.ranking.item_neighbours import ItemNeighbours, NeighbourSearch
from serving.ranking.learning.blend import Blend
from serving.ranking.learning.learner import Draw
from serving.ranking.learning.signals import (
    BY_LIKENESS,
    BY_NEIGHBOURS,
    BY_OWN,
    BY_POPULARITY,
    POPULARITY_SIGNALS,
    Signal,
    popularity_signals,
)
from serving.ranking.passes import (
    Everybody,
    Likeness,
    add_by_facet,
    add_up,
    estimated,
    exactly,
    leave_out,
    likeness,
    settle,
    unsure,
)
from serving.ranking.popularity import Popularity
from serving.ranking.profile import Profile, profile_of
from serving.ranking.rank_settings import RankSettings
from serving.ranking.reasons.crowd import Crowd
from serving.ranking.seen.seen_items import SeenFilter, SeenItems
from serving.state.user_state import UserState

__all__ = ()

TOGETHER = 64  # users in one matrix product: bounds its result to 64 rows
_STANDARD_CUT = 4.0  # a perfect match counts no more than four standard deviations
_LEAST_SPREAD = 0.02  # below it the facet texts do not differ to this text: rounding must not be blown up
_POOL = 1_000  # items, drawn at random, among which a step of the blend looks for those that were nearly taken
_HARDEST = _EASIER = 100  # of them, those of the most points, and some of the others
_NO_ROWS: Rows = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Scored:
    """One user's points, `(n,)`, -inf where an item must not be listed, and what they were made of.

    fitted: the EASE model of that moment. weights: of the blend. standard: `(a, m)`, each facet query's z for each
    distinct facet text. crowd: what everybody does. best: rows of the best in order, as many as had to be exact.
    boosted: the rows of items in exploration slots, and by how many points. discounts: the rows of items that were
    shown and not taken, and how many points they lost. seen: what the user has seen or bought.
    """

    profile: Profile
    item_neighbours: ItemNeighbours
    fitted: Fitted | None
    weights: Floats
    standard: Floats
    crowd: Crowd
    points: Floats
    best: Rows
    boosted: dict[int, float]
    discounts: dict[int, float]
    seen: SeenItems


class Scorer:
    """Scores a catalogue against statistics that others keep current, in the same thread."""

    def __init__(
        self,
        catalogue: Catalogue,
        popularity: Popularity,
        covisits: CoVisitRows,
        ease: Ease,
        blend: Blend,
        settings: RankSettings,
        seen: SeenFilter,
    ) -> None:
        self._catalogue = catalogue
        self._popularity = popularity
        self._neighbours = NeighbourSearch(covisits)
        self._ease = ease
        self._blend = blend
        self._settings = settings
        self._seen = seen
        self._totals = np.empty(0, np.float32)
        self._crowd = Crowd(np.empty((len(POPULARITY_SIGNALS), 0), np.float32), self._totals, np.empty(0, np.bool_))
        self._crowd_of = (-1, -1, -1)
        self._none = self._totals  # zeros, of all items

    def score(self, states: Sequence[UserState], idle: float, exact: int | None = None) -> Iterator[Scored]:
        """The points of some users, one after the other: what stands in the processor's cache is used while it does.

        idle: how many events of anybody came since these users' last ones. exact: of how many of a user's best items
        points have to be exact, and which these are; None: of all.
        """
        known, unknown = self._blend.at(_freshness(idle)), self._blend.unknown()
        self._catalogue.recentre()
        self._follow()
        content = float(known[Signal.CONTENT])
        profiles = [profile_of(state, self._catalogue, self._settings, content) for state in states]
        weights = {empty: unknown if empty else known for empty in {profile.empty for profile in profiles}}
        crowd = {empty: of_kind[BY_POPULARITY] @ self._crowd.signals for empty, of_kind in weights.items()}
        rough = exact is not None
        queries = [profile.query for profile in profiles]
        # A first look over all items will do where not all points have to be exact.
        by_look = [rough and INT8_PAYS and len(profile.liked) > 0 for profile in profiles]
        by_product = [not look and not profile.empty for look, profile in zip(by_look, profiles, strict=True)]
        looks: Iterator[Floats] = iter(())
        products: Iterator[Floats] = iter(())
        spread = self._none
        if any(by_look):
            found, spread = self._catalogue.roughly(np.stack(list(compress(queries, by_look))))
            looks = iter(found)
        if any(by_product):
            products = iter(self._catalogue.similar(np.stack(list(compress(queries, by_product)))))
        for state, profile, query, look in zip(states, profiles, queries, by_look, strict=True):
            product = self._none.copy() if profile.empty else next(looks if look else products)
            towards = self._likeness(profile, (query, product, spread if look else self._none), content, rough=rough)
            yield self._scored((state, profile, towards), weights[profile.empty], crowd[profile.empty], exact)

    def _likeness(
        self, profile: Profile, of: tuple[Floats, Floats, Floats], content: float, *, rough: bool
    ) -> Likeness:
        """What is known of the likeness of all items to what a user liked. rough: by the product.

        of: the user's query, its product with all items, and its spread.
        """
        (query, product, spread), direction = of, profile.direction
        if not len(profile.liked):
            return exactly(query, product, direction, product)  # of which nothing counts
        if not rough:
            return exactly(query, product, direction, self._catalogue.similar(direction[None])[0])
        return estimated(query, product, direction, spread, content * profile.damping)

    def nobody(self) -> Scored:
        """All items for somebody of whom nothing is known."""
        return next(self.score([UserState()], np.inf))

    def signals(self, state: UserState) -> Floats:
        """The signals of all items, `(f, n)`."""
        self._catalogue.recentre()
        self._follow()
        profile = profile_of(state, self._catalogue, self._settings, 0.0)
        return self._signals(profile, np.arange(len(self._catalogue)))

    def learn(self, state: UserState, taken: int, idle: float, weight: float, random: np.random.Generator) -> None:
        """Let the blend learn that a user took the item in row `taken` and nothing else that could be listed.

        state: as it was before that event.
        """
        self._catalogue.recentre()
        weights = self._blend.at(_freshness(idle))
        profile = profile_of(state, self._catalogue, self._settings, float(weights[Signal.CONTENT]))
        weights = self._blend.unknown() if profile.empty else weights
        self._follow()
        others = np.flatnonzero(self._allowed(self._seen.of(state)))
        pool = others if len(others) <= _POOL else _once(others[random.integers(0, len(others), _POOL)])
        rows = np.append(taken, pool[pool != taken])
        signals = self._signals(profile, rows)
        rest = self._apart(profile, rows) - weights[Signal.CONTENT] * signals[Signal.CONTENT]
        points = weights @ signals + rest
        hardest = 1 + np.argsort(-points[1:])[:_HARDEST]
        easier = np.delete(np.arange(len(rows)), np.append(0, hardest))
        drawn = random.permutation(easier)[:_EASIER]
        chosen = np.concatenate([[0], hardest, drawn])
        # What a row stands for: of the pool for the catalogue, and of those drawn for all that are easier.
        stands = np.full(len(chosen), max(len(others), 1) / max(len(pool), 1))
        stands[0] = 1.0
        stands[1 + len(hardest) :] *= len(easier) / max(len(drawn), 1)
        draw = Draw(signals[:, chosen].astype(np.float64), rest[chosen] + np.log(stands), _freshness(idle), weight)
        self._blend.learn(draw, known=not profile.empty)

    def _signals(self, profile: Profile, rows: Rows) -> Floats:
        """The signals of some items, `(f, r)`."""
        signals = np.zeros((len(Signal), len(rows)), np.float32)
        signals[BY_POPULARITY] = self._crowd.signals[:, rows]
        if profile.empty:
            return signals
        signals[BY_NEIGHBOURS] = self._near(profile).of(rows)
        signals[Signal.CONTENT] = self._catalogue.cosines(rows, profile.direction)
        signals[Signal.SHARED_FACETS] = self._by_shared_facets(profile)[rows]
        signals[Signal.NEW_CONTENT] = signals[Signal.CONTENT] * self._crowd.newness[rows]
        signals[Signal.NEW_SHARED_FACETS] = signals[Signal.SHARED_FACETS] * self._crowd.newness[rows]
        signals[Signal.EASE] = self._by_ease(profile)[rows]
        signals[BY_OWN] *= profile.damping
        return signals

    def _apart(self, profile: Profile, rows: Rows) -> Floats:
        """Points of some items that are not the blend's, `(r,)`, and those of CONTENT."""
        points = self._catalogue.cosines(rows, profile.query)
        points += self._by_facet(profile, self._standardised(profile.facet_queries), rows)
        if profile.said:
            points += spoken_points(profile.said, self._catalogue.searched, self._settings.spoken)[rows]
        return points

    def _scored(
        self, of: tuple[UserState, Profile, Likeness], weights: Floats, crowd: Floats, exact: int | None
    ) -> Scored:
        """The points of one user. `of`: its state, its profile, and likeness to what was liked.

        crowd: `(n,)`, points by what everybody does. exact: as of `score`.
        """
        state, profile, towards = of
        seen = self._seen.of(state)
        standard = self._standardised(profile.facet_queries)
        lost = impression_weights(state, self._catalogue, self._settings.fatigue_hours)
        lost = {row: self._settings.fatigue * times for row, times in lost.items()}
        alone = self._alone(profile, standard, towards.product, lost, seen)
        found = self._near(profile)
        if seen.due or seen.bought:
            found.forget_repeats([*seen.due, *seen.bought])
        known = len(profile.liked) > 0
        damping = np.float32(profile.damping)
        new_content, shared, new_shared = (damping * weights[BY_LIKENESS]).tolist() if known else (0.0, 0.0, 0.0)
        kin = self._catalogue.facet_values.kin(profile.liked_rows, profile.liking, len(self._catalogue))
        everybody = Everybody(crowd, self._crowd.newness, self._catalogue.available)
        points, facets = add_up(alone, towards.cosines, kin, everybody, (new_content * towards.per, shared, new_shared))
        found.add_to(points, damping * weights[BY_NEIGHBOURS])
        if (fitted := self._ease.fitted) is not None:
            fitted.add_to(points, profile.history, damping * weights[Signal.EASE])
        leave_out(points, seen.out)
        wanted = max(exact or 0, MOST_SLOT if self._settings.explore else LAST_SLOT)
        rough, settled, new = known and exact is not None, _NO_ROWS, (self._crowd.newness, new_content)
        if rough:
            off = (
                towards.length,
                abs(new_content) * towards.off[0],
                abs(new_content) * towards.off[1],
            )
            settled = unsure(points, self._crowd.newness, towards.spread, off, wanted)
            settle((points, alone), settled, _NO_ROWS, towards, self._catalogue.stored, new)
            best = best_among(points, settled, wanted)
        else:
            best = best_rows(points, wanted)
        boosted = dict[int, float]()
        if known:
            candidates = Candidates(points, best, alone, self._totals, facets)
            if self._settings.explore:
                boosted = exploration_boost(candidates, self._settings.explore, rotation_seed(state))
            may_be_off = (towards.spread if rough else self._none, towards.length)
            cold = cold_start(candidates, self._crowd.cold, self._popularity.newness, may_be_off)
            if rough and len(cold):
                settle((points, alone), cold, settled, towards, self._catalogue.stored, new)
            for row, more in cold_start_boost(candidates, cold).items():
                boosted[row] = boosted.get(row, 0.0) + more
            best = candidates.best
        return Scored(
            profile=profile,
            item_neighbours=found,
            fitted=self._ease.fitted,
            weights=weights,
            standard=standard,
            crowd=self._crowd,
            points=points,
            best=best,
            boosted=boosted,
            discounts=lost,
            seen=seen,
        )

    def _by_shared_facets(self, profile: Profile) -> Floats:
        """`(n,)`, the signal SHARED_FACETS of all items."""
        n = len(self._catalogue)
        return likeness(self._catalogue.facet_values.kin(profile.liked_rows, profile.liking, n), n)

    def _near(self, profile: Profile) -> ItemNeighbours:
        return self._neighbours.find(profile.ring, profile.ages, profile.gaps_s, profile.covisits, self._totals)

    def _by_ease(self, profile: Profile) -> Floats:
        """`(n,)`, the signal EASE of all items."""
        found = np.zeros(len(self._catalogue), np.float32)
        if (fitted := self._ease.fitted) is not None:
            fitted.add_to(found, profile.history, np.float32(1.0))
        return found

    def _alone(
        self, profile: Profile, standard: Floats, product: Floats, lost: dict[int, float], seen: SeenItems
    ) -> Floats:
        """The points of all items by what they are, `(n,)`: the product of these, and what few users have beside it.

        lost: for having been shown, by row. seen: it costs to have been seen, or to be like a durable.
        """
        settings, parts = (
            self._settings,
            (len(standard), profile.said, lost, len(seen.lower), seen.due, len(seen.kinds)),
        )
        if not any(parts):
            return product
        points = product.copy()
        if len(standard):
            add_by_facet(points, profile.facet_weights @ standard, self._catalogue.facet_of)
        if profile.said:
            points += spoken_points(profile.said, self._catalogue.searched, settings.spoken)
        points[list(lost)] -= np.array(list(lost.values()), np.float32)
        points[seen.lower] -= np.float32(settings.seen_points)
        points[list(seen.due)] += np.array(list(seen.due.values()), np.float32)
        if len(seen.kinds):
            points -= seen.of_kind(self._catalogue.facet_of[: len(points)])
        return points

    def _allowed(self, seen: SeenItems) -> Mask:
        """`(n,)`: on offer, and not out for the user."""
        allowed = self._catalogue.available[: len(self._catalogue)].copy()
        allowed[seen.out] = False
        return allowed

    def _follow(self) -> None:
        """Take popularity over as it stands; kept until the next event, since several users are ranked between two."""
        n = len(self._catalogue)
        current = (self._popularity.events, n, self._catalogue.changes)
        if self._crowd_of != current:
            self._totals = self._popularity.totals(n)
            signals = popularity_signals(self._popularity, n)
            self._crowd = Crowd(signals, 1.0 / (1.0 + self._totals), self._catalogue.available[:n].copy())
            self._crowd_of = current
            self._none = np.zeros(n, np.float32)

    def _standardised(self, facet_queries: Floats) -> Floats:
        """The z of each facet query for each distinct facet text, `(a, m)` in [0, 4]; `(0, m)` without any."""
        facets = self._catalogue.facets
        if not len(facet_queries) or len(facets) < 2:
            return np.empty((0, len(facets)), np.float32)
        similar = facet_queries @ facets.T
        spread = np.maximum(similar.std(axis=1, keepdims=True), _LEAST_SPREAD)
        standard: Floats = (similar - similar.mean(axis=1, keepdims=True)) / spread
        return standard.clip(0.0, _STANDARD_CUT)

    def _by_facet(self, profile: Profile, standard: Floats, rows: Rows) -> Floats:
        """`(r,)`, points of some items by the texts of their facets."""
        if not len(standard):
            return np.zeros(len(rows), np.float32)
        # Items without facets have row -1 and read the zero that is put last.
        points: Floats = np.append(profile.facet_weights @ standard, np.float32(0.0))
        return points[self._catalogue.facet_of[rows]]


def _once(rows: Rows) -> Rows:
    """Each row once, ascending."""
    there = np.zeros(int(rows.max()) + 1, np.bool_)
    there[rows] = True
    return np.flatnonzero(there)


def _freshness(idle: float) -> float:
    return 1.0 / (1.0 + idle)
